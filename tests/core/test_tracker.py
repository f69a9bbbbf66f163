"""What is known of jobs: sightings in, news out."""

import pytest

from poller.frontier import MARGIN
from poller.models import Completion, Instant, Job, Sighting, State, Target
from poller.tracker import (
    HOLD_FOR,
)
from tests.core.sightings import PS, F, P, R, S, U, at, lost, row, tracker


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
    known.settle(at(1), margin=60)
    assert +known.counts == {("INSTALL_APP", R): 1}
    assert known.oldest == {("INSTALL_APP", R): 120}


def test_a_begin_that_is_told_late_is_taken() -> None:
    """A running job without BeginTime gets its age once the API tells."""
    known = tracker()
    known.sight([Sighting("a", R, "INSTALL_APP")], at(0))
    known.settle(at(0), margin=60)
    assert known.oldest == {}
    known.sight([row("a", R, begun=120)], at(1))
    known.settle(at(1), margin=60)
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
    known.settle(at(0), margin=60)
    assert known.oldest == {("X", P): 20, ("X", R): 40}


def test_only_jobs_that_were_not_sighted_are_asked_for() -> None:
    """A sighting since the cutoff answers the question before it is asked."""
    known = tracker()
    known.sight([row("a", R), row("b", R)], at(0))
    known.sight([row("b", R)], at(10))
    assert known.questions(10, at(10)) == ["a"]


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
    assert known.overdue(at(5 + HOLD_FOR)) == []
    assert len(known.overdue(at(6 + MARGIN))) == 1


def test_a_held_job_that_stays_active_is_tracked_again() -> None:
    """What a lagging replica had shown was the end of an earlier run; the true one is reported when it comes."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known.sight([Job("a", S)], at(5))
    for time in range(6, int(5 + MARGIN) + 1, 10):
        assert known.sight([row("a", R)], at(time)) == []
    known.sight([row("a", R)], at(5 + MARGIN))
    assert set(known.jobs) == {"a"}
    [completion] = known.sight([row("a", F)], at(80))
    assert completion.job.state is F


def test_a_held_end_that_an_active_sighting_contradicts_gives_way_to_the_next() -> None:
    """Of the two, the one that was seen after the job had been seen active is of this run."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known.sight([Job("a", S)], at(5))
    known.sight([row("a", R)], at(10))
    known.sight([Job("a", F)], at(15))
    [completion] = known.overdue(at(15 + HOLD_FOR))
    assert completion.job.state is F
    assert completion.seen_at == at(15).wall


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


def test_a_job_that_another_target_has_is_not_tracked() -> None:
    """It belongs to the one that knew it first."""
    known = tracker()
    known.elsewhere = lambda job_id: Target() if job_id == "a" else None
    known.sight([row("a", R), row("b", R)], at(0))
    assert set(known.jobs) == {"b"}
    assert known.shared_with == {Target()}


def test_a_later_begin_takes_the_place_of_a_held_end_that_was_contradicted() -> None:
    """The job was active after that end was shown, so that it was an earlier run's."""
    known = tracker()

    def served(mono: float) -> Instant:
        return at(mono)._replace(server=1_000_000_000 + mono)

    known.sight([row("a", P)], served(0))
    known.sight([Job("a", S, begun=999_999_000)], served(5))
    known.sight([row("a", P)], served(10))
    assert known.sight([row("a", R, begun=1_000_000_030)], served(40)) == []
    assert known.jobs["a"].begin_time == 1_000_000_030


def test_a_held_job_in_a_state_that_is_not_listed_stays_held() -> None:
    """What that state means nobody knows: it is no proof of life, however long it is shown."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(5))
    known.sight([row("a", U)], at(5 + MARGIN))
    assert not known.jobs
    assert len(known.overdue(at(5 + 2 * MARGIN))) == 1
