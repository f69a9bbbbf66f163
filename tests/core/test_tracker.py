"""What is known of jobs: sightings in, news out."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.models import Completion, Instant, Job, News, Sighting, State, Unresolved
from poller.stats import Vocabulary
from poller.tracker import (
    DORMANT_EVERY,
    DORMANT_FOR,
    DORMANT_MOST,
    HOLD_FOR,
    MISSED_FOR,
    MISSED_FOR_WITHOUT_CONTROL,
    REPORTED_FOR,
    Tracker,
)

P, R, S, F, PS, U = State.PENDING, State.RUNNING, State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS, State.UNKNOWN


def at(mono: float) -> Instant:
    """Name a moment; the wall clock is a billion seconds ahead."""
    return Instant(wall=1_000_000_000 + mono, mono=mono)


def row(job_id: str, state: State, *, begun: int | None = None, ended: int | None = None) -> Sighting:
    """Make a row; one of a job that has ended tells all."""
    begun = 100 if begun is None and state is not P else begun
    if state in (S, F, PS):
        return Job(job_id, state, "INSTALL_APP", created=50, begun=begun, ended=200 if ended is None else ended)
    return Sighting(job_id, state, "INSTALL_APP", created=50, begun=begun)


def tracker() -> Tracker:
    """Make a tracker that knows no job."""
    return Tracker(Vocabulary())


def lost(known: Tracker, job_id: str, control: str | None, times: Sequence[float]) -> list[Unresolved]:
    """Ask for a job at each time, and get an answer without it."""
    news: list[Unresolved] = []
    for time in times:
        news += known.absent([job_id], {control} if control else set(), control, at(time))
    return news


def test_an_active_job_is_tracked_and_counted() -> None:
    """The first active sighting begins a run."""
    known = tracker()
    assert known.sight([row("a", P), row("b", R), row("c", U)], at(0)) == []
    assert set(known.jobs) == {"a", "b", "c"}
    assert known.counts == {("INSTALL_APP", P): 1, ("INSTALL_APP", R): 1, ("INSTALL_APP", U): 1}


def test_a_job_without_a_type_counts_as_unknown() -> None:
    """A label is never empty."""
    known = tracker()
    known.sight([Sighting("a", P)], at(0))
    assert known.counts == {("unknown", P): 1}


@pytest.mark.parametrize("end", [S, F, PS])
@pytest.mark.parametrize("start", [P, R, U])
def test_a_tracked_job_that_is_seen_ended_completes_once(start: State, end: State) -> None:
    """The first terminal sighting is the completion; later ones are not."""
    known = tracker()
    known.sight([row("a", start)], at(0))
    [completion] = known.sight([row("a", end)], at(5))
    assert completion == Completion(job=completion.job, previous_state=start, seen_at=1_000_000_005)
    assert completion.job.state is end
    assert known.sight([row("a", end)], at(6)) == []
    assert not known.jobs
    assert not +known.counts


def test_a_job_that_nobody_saw_active_is_not_reported() -> None:
    """A finished job from before we looked is not ours."""
    assert tracker().sight([row("a", S)], at(0)) == []


def test_a_finished_row_without_its_tasks_only_prompts_a_question() -> None:
    """An event tells of tasks, so that the job is asked for by its id."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert known.sight([Sighting("a", S, ended=200)], at(5)) == []
    assert known.questions(5, at(5)) == ["a"]


def test_a_job_moves_from_pending_to_running() -> None:
    """The gauge follows the state, and the age counts from the begin."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known.sight([row("a", R, begun=120)], at(1))
    known.settle(at(1))
    assert +known.counts == {("INSTALL_APP", R): 1}
    assert known.oldest == {("INSTALL_APP", R): 120}


def test_a_begin_that_is_told_late_is_taken() -> None:
    """A running job without BeginTime gets its age once the API tells."""
    known = tracker()
    known.sight([Sighting("a", R, "INSTALL_APP")], at(0))
    known.settle(at(0))
    assert known.oldest == {}
    known.sight([row("a", R, begun=120)], at(1))
    known.settle(at(1))
    assert known.oldest == {("INSTALL_APP", R): 120}


def test_a_begin_of_zero_changes_nothing() -> None:
    """Times that the API writes as "0" are not told."""
    known = tracker()
    known.sight([Sighting("a", P, "INSTALL_APP", begun="0")], at(0))
    known.sight([Sighting("a", P, "INSTALL_APP", begun="0")], at(1))
    assert known.jobs["a"].sighted == 1
    assert known.jobs["a"].begin_time is None


def test_an_old_view_of_a_job_is_no_sign_of_life() -> None:
    """A running job that a lagging replica shows as pending stays running, and is asked for."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", P)], at(10))
    assert known.jobs["a"].state is R
    assert known.questions(10, at(10)) == ["a"]


def test_a_reported_job_is_not_revived_by_an_old_view() -> None:
    """A lagging replica that still shows the job as running starts no new run."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S)], at(1))
    known.settle(at(REPORTED_FOR))
    assert known.sight([row("a", R)], at(REPORTED_FOR)) == []
    assert not known.jobs


def test_a_reported_job_is_forgotten_in_the_end() -> None:
    """Memory of what was reported is bounded by time."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S)], at(1))
    known.settle(at(1 + REPORTED_FOR))
    known.sight([row("a", R)], at(2 + REPORTED_FOR))
    assert set(known.jobs) == {"a"}


def test_an_echo_keeps_a_reported_job_in_mind() -> None:
    """A replica that lags for longer than that memory lasts revives nothing either."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S)], at(1))
    for now in range(100, 3000, 100):
        assert known.sight([row("a", R)], at(now)) == []
        known.settle(at(now))
    assert known.sight([row("a", S)], at(3000)) == []
    assert not known.jobs


def test_a_run_that_began_after_the_reported_end_is_a_new_one() -> None:
    """A job may be run again under its old id."""
    known = tracker()
    known.sight([row("a", R, begun=100)], at(0))
    known.sight([row("a", S, begun=100, ended=200)], at(1))
    known.sight([row("a", R, begun=201)], at(2))
    [completion] = known.sight([row("a", F, begun=201, ended=300)], at(3))
    assert (completion.job.state, completion.job.end_time) == (F, 300)


def test_an_echo_of_the_old_end_does_not_end_a_new_run() -> None:
    """A replica that lags may still show the end that was reported."""
    known = tracker()
    known.sight([row("a", R, begun=100)], at(0))
    known.sight([row("a", S, begun=100, ended=200)], at(1))
    known.sight([row("a", R, begun=201)], at(2))
    assert known.sight([row("a", S, begun=100, ended=200)], at(3)) == []
    assert known.questions(3, at(3)) == ["a"]
    [completion] = known.sight([row("a", S, begun=201, ended=202)], at(4))
    assert completion.job.end_time == 202


def test_a_finished_row_of_a_newer_run_does_not_take_the_older_out_of_mind() -> None:
    """An echo of the older run may still come."""
    known = tracker()
    known.sight([row("a", R, begun=100)], at(0))
    known.sight([row("a", S, begun=100, ended=200)], at(1))
    assert known.sight([row("a", S, begun=300, ended=400)], at(2)) == []
    assert known.sight([row("a", R, begun=100)], at(3)) == []
    assert not known.jobs


def test_what_the_first_row_left_out_is_learnt_from_later_ones() -> None:
    """Type and times may come late, and what was known stays known."""
    known = tracker()
    known.sight([Sighting("a", R)], at(0))
    known.sight([Sighting("a", R, "INSTALL_APP", created=50)], at(1))
    known.sight([Sighting("a", R, begun=60)], at(2))
    known.sight([Sighting("a", U)], at(3))
    [gone] = [item for time in (10, 50, 100) for item in lost(known, "a", "control", [time])]
    assert (gone.job_type, gone.create_time, gone.begin_time) == ("INSTALL_APP", 50, 60)
    assert not +known.counts


def test_the_oldest_of_each_type_and_state_is_found() -> None:
    """Pending jobs age from their creation, running ones from their begin, unlisted states not at all."""
    known = tracker()
    rows = [
        Sighting("a", P, "X", created=30),
        Sighting("b", P, "X", created=20),
        Sighting("c", R, "X", created=1, begun=40),
        Sighting("d", U, "X", created=1, begun=2),
    ]
    known.sight(rows, at(0))
    known.settle(at(0))
    assert known.oldest == {("X", P): 20, ("X", R): 40}


def test_a_quiet_cycle_looks_for_no_oldest_job() -> None:
    """Where nothing moved, the oldest is the same."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.settle(at(0))
    before = known.oldest
    known.sight([row("a", R)], at(10))
    known.settle(at(10))
    assert known.oldest is before


def test_only_jobs_that_were_not_sighted_are_asked_for() -> None:
    """A sighting since the cutoff answers the question before it is asked."""
    known = tracker()
    known.sight([row("a", R), row("b", R)], at(0))
    known.sight([row("b", R)], at(10))
    assert known.questions(10, at(10)) == ["a"]


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
    known.settle(at(100 + DORMANT_FOR))
    assert known.questions(0, at(100 + DORMANT_FOR)) == []


def test_dormant_jobs_are_bounded_in_number() -> None:
    """The longest dormant is forgotten first."""
    known = tracker()
    ids = [f"j{number}" for number in range(DORMANT_MOST + 1)]
    known.sight([row(job_id, R) for job_id in ids], at(0))
    for time in (10, 50, 100):
        known.absent(ids, {"control"}, "control", at(time))
    assert known.questions(0, at(100 + DORMANT_EVERY)) == ids[1:]


def test_a_job_that_ended_without_end_time_is_held_and_asked_for() -> None:
    """The time may come late, and the event's identity depends on it."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert known.sight([row("a", S, ended=0)], at(5)) == []
    assert known.questions(0, at(5)) == ["a"]
    assert not +known.counts
    [completion] = known.sight([row("a", S, ended=200)], at(15))
    assert completion.job.end_time == 200
    assert completion.seen_at == 1_000_000_005
    assert completion.previous_state is R


def test_a_held_job_is_reported_without_end_time_when_it_is_overdue() -> None:
    """A minute is enough."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    assert known.overdue(at(4 + HOLD_FOR)) == []
    [completion] = known.overdue(at(5 + HOLD_FOR))
    assert completion.job.end_time is None
    assert known.overdue(at(6 + HOLD_FOR)) == []
    assert known.sight([row("a", S)], at(7 + HOLD_FOR)) == []


def test_a_held_job_seen_again_late_and_still_without_end_time_is_reported() -> None:
    """A look-up after the minute settles it as well."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    assert len(known.sight([row("a", S, ended=0)], at(5 + HOLD_FOR))) == 1


def test_a_held_job_is_not_revived_by_an_old_view() -> None:
    """The API has shown that the run is over."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    assert known.sight([row("a", R)], at(6)) == []
    assert not known.jobs
    assert len(known.overdue(at(5 + HOLD_FOR))) == 1


def test_held_jobs_that_are_missing_stay_held() -> None:
    """A purge does not take back what was seen."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    assert lost(known, "a", "control", [10, 40, 64]) == []
    assert len(known.overdue(at(5 + HOLD_FOR))) == 1


def test_held_jobs_are_reported_at_a_farewell() -> None:
    """A process that ends has no later."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    assert [completion.job.job_id for completion in known.farewell(at(6))] == ["a"]
    assert known.farewell(at(7)) == []


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


Histories = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([P, R, U, S, F, PS])), max_size=40)


@given(Histories, st.data())
def test_how_rows_are_split_into_pages_does_not_matter(history: list[tuple[str, State]], data: st.DataObject) -> None:
    """Pages are an accident of reading."""
    rows = [row(job_id, state) for job_id, state in history]
    whole, split = tracker(), tracker()
    expected: list[News] = [*whole.sight(rows, at(1))]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(rows)))) | {0, len(rows)})
    found: list[News] = []
    for start, end in pairwise(cuts):
        found += split.sight(rows[start:end], at(1))
    assert found == expected
    assert split.jobs.keys() == whole.jobs.keys()


@given(Histories)
def test_an_identical_sweep_yields_nothing(history: list[tuple[str, State]]) -> None:
    """What is known already is no news."""
    known = tracker()
    known.sight([row(job_id, state) for job_id, state in history], at(0))
    final = [row(job_id, run.state) for job_id, run in known.jobs.items()]
    assert known.sight(final, at(1)) == []


@given(Histories)
def test_no_job_is_reported_twice_and_none_is_invented(history: list[tuple[str, State]]) -> None:
    """Each event is of a job that was seen active before, in the first terminal state that was shown."""
    known = tracker()
    news = known.sight([row(job_id, state) for job_id, state in history], at(0))
    ids = [completion.job.job_id for completion in news]
    assert len(ids) == len(set(ids))
    for job_id in "abc":
        states = [state for name, state in history if name == job_id]
        active = next((index for index, state in enumerate(states) if state in (P, R, U)), len(states))
        ended = next((state for state in states[active:] if state in (S, F, PS)), None)
        told = next((completion.job.state for completion in news if completion.job.job_id == job_id), None)
        assert told is ended


@given(Histories)
def test_counts_are_those_of_the_tracked_jobs(history: list[tuple[str, State]]) -> None:
    """The gauges are kept as jobs move, and agree with a recount."""
    known = tracker()
    known.sight([row(job_id, state) for job_id, state in history], at(0))
    for (_, state), count in known.counts.items():
        assert count == sum(run.state is state for run in known.jobs.values())
