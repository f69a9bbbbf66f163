"""Jobs that the API shows no more: missed, unresolved, dormant; and the controls that tell how much that proves."""

from poller.models import Unresolved
from poller.tracker import (
    DORMANT_EVERY,
    DORMANT_FOR,
    DORMANT_MOST,
    MISSED_FOR,
    MISSED_FOR_WITHOUT_CONTROL,
    Tracker,
)
from tests.core.sightings import R, S, at, lost, row, tracker


def test_a_job_missing_from_three_checked_answers_over_a_minute_is_unresolved() -> None:
    """It is said that the job is gone, and not how it ended."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert lost(known, "a", "control", [10, 20, 30]) == []
    [gone] = lost(known, "a", "control", [10 + MISSED_FOR])
    assert gone == Unresolved("a", "INSTALL_APP", R, 50, 100, 1_000_000_010 + MISSED_FOR)
    assert not known.jobs


def test_two_misses_are_too_few_however_far_apart() -> None:
    """With long intervals a minute passes quickly, so misses are counted too."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert lost(known, "a", "control", [3600, 7200]) == []


def test_an_answer_without_its_control_proves_nothing() -> None:
    """Where a job that must be there is missing too, the answer is not believed."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    for time in range(0, 10_000, 100):
        assert known.absent(["a"], set(), "control", at(time)) == []
    assert set(known.jobs) == {"a"}


def test_without_any_control_ten_minutes_are_waited() -> None:
    """An answer that cannot be checked needs more patience."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert lost(known, "a", None, [0, 300, MISSED_FOR_WITHOUT_CONTROL - 1]) == []
    assert len(lost(known, "a", None, [MISSED_FOR_WITHOUT_CONTROL])) == 1


def test_a_sighting_takes_misses_back() -> None:
    """Misses count only if the job was not seen between them."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    lost(known, "a", "control", [10, 50])
    known.sight([row("a", R)], at(60))
    assert lost(known, "a", "control", [70, 75, 80]) == []


def test_an_answer_takes_misses_back() -> None:
    """A look-up that finds the job begins the count anew."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    lost(known, "a", "control", [10, 20])
    known.absent(["a"], {"a", "control"}, "control", at(30))
    assert lost(known, "a", "control", [10 + MISSED_FOR]) == []


def dormant() -> Tracker:
    """Make a tracker that has said of job a, at 100 s, that it is gone."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert len(lost(known, "a", "control", [10, 50, 100])) == 1
    return known


def test_a_dormant_job_is_asked_for_every_ten_minutes() -> None:
    """It may turn up, but not every cycle is spent on it."""
    known = dormant()
    assert known.questions(200, at(200)) == []
    assert known.questions(1000, at(100 + DORMANT_EVERY)) == ["a"]
    assert known.questions(1000, at(101 + DORMANT_EVERY)) == []


def test_a_dormant_job_that_ended_is_reported_after_all() -> None:
    """Unresolved is not the last word."""
    [completion] = dormant().sight([row("a", S)], at(800))
    assert (completion.job.job_id, completion.previous_state) == ("a", R)


def test_a_dormant_job_that_is_active_again_is_tracked_again() -> None:
    """It is the same run, and counted as active."""
    known = dormant()
    known.sight([row("a", R)], at(800))
    assert set(known.jobs) == {"a"}
    assert +known.counts == {("INSTALL_APP", R): 1}


def test_a_run_is_said_to_be_unresolved_once() -> None:
    """A job that comes and goes is not told of each time."""
    known = dormant()
    known.sight([row("a", R)], at(800))
    assert lost(known, "a", "control", [810, 850, 900]) == []
    assert not known.jobs


def test_a_dormant_job_that_is_missing_again_is_no_news() -> None:
    """It was said already."""
    assert lost(dormant(), "a", "control", [800, 900, 1000]) == []


def test_a_dormant_job_is_forgotten_after_a_day() -> None:
    """Nothing is asked for for ever."""
    known = dormant()
    known.settle(at(100 + DORMANT_FOR), margin=60)
    assert known.questions(0, at(100 + DORMANT_FOR)) == []


def test_dormant_jobs_are_bounded_in_number() -> None:
    """The longest dormant is forgotten first."""
    known = tracker()
    ids = [f"j{number}" for number in range(DORMANT_MOST + 1)]
    known.sight([row(job_id, R) for job_id in ids], at(0))
    for time in (10, 50, 100):
        known.absent(ids, {"control"}, "control", at(time))
    assert known.questions(0, at(100 + DORMANT_EVERY)) == ids[1:]


def test_a_run_that_was_sighted_after_the_question_is_not_missing() -> None:
    """The answer was there before it, and was taken up late."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    for time in (10, 50, 100):
        known.sight([row("a", R)], at(time + 1))
        assert known.absent(["a"], {"control"}, "control", at(time)) == []
    assert lost(known, "a", "control", [110, 120, 130]) == []


def test_a_job_sighted_in_this_sweep_is_the_control() -> None:
    """What was just listed must be found by its id."""
    known = tracker()
    known.sight([row("a", R), row("b", R)], at(0))
    known.sight([row("a", R)], at(10))
    assert known.control(10) == "a"


def test_the_last_tracked_job_is_the_control_while_it_is_sighted() -> None:
    """No search is needed in the ordinary case."""
    known = tracker()
    known.sight([row("a", R), row("b", R)], at(10))
    assert known.control(10) == "b"


def test_a_reported_job_is_the_control_where_nothing_is_active() -> None:
    """The API is sure to know a job for a while after it ended."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert known.control(10) is None
    known.sight([row("a", S)], at(10))
    assert known.control(10) == "a"


def test_a_reported_job_that_is_missing_is_not_the_control_again() -> None:
    """It was purged, and would discredit every answer."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S)], at(10))
    known.absent(["b"], set(), "a", at(20))
    assert known.control(10) is None


def test_few_reported_jobs_are_kept_as_controls() -> None:
    """The newest are the likeliest to be known still."""
    known = tracker()
    ids = [f"j{number}" for number in range(40)]
    known.sight([row(job_id, R) for job_id in ids], at(0))
    known.sight([row(job_id, S) for job_id in ids], at(1))
    controls = []
    while (control := known.control(10)) is not None:
        controls.append(control)
        known.absent([], set(), control, at(2))
    assert controls == ids[:-17:-1]
