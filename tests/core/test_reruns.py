"""A reported job that comes up again: an echo of the run that was reported, or another run."""

import pytest

from poller.frontier import MARGIN
from poller.models import Job, Sighting, State
from poller.tracker import HOLD_FOR
from tests.core.sightings import F, P, R, S, U, at, done, reported, row, tracker


def test_a_run_that_began_after_the_reported_end_is_a_new_one() -> None:
    """A job may be run again under its old id."""
    known = reported()
    known.sight([row("a", R, begun=201)], at(2))
    assert set(known.jobs) == {"a"}
    [completion] = known.sight([row("a", F, begun=201, ended=300)], at(3))
    assert (completion.job.state, completion.job.end_time, completion.previous_state) == (F, 300, R)


def test_a_run_that_began_in_the_second_of_the_reported_end_is_told_by_its_begin() -> None:
    """Times are cut to whole seconds: another begin is another run, the same one is an echo."""
    known = reported(begun=200, ended=200)
    known.sight([row("a", R, begun=200)], at(2))
    assert not known.jobs
    known = reported(begun=100, ended=200)
    known.sight([row("a", R, begun=200)], at(2))
    assert set(known.jobs) == {"a"}


def test_a_later_run_that_nobody_saw_active_is_reported_too() -> None:
    """Its begin and its end are both later than what was reported, whatever the frontier is."""
    known = reported(frontier=1e9)
    [completion] = known.sight([row("a", F, begun=300, ended=400)], at(2))
    assert (completion.job.end_time, completion.previous_state) == (400, None)
    assert known.sight([row("a", F, begun=300, ended=400)], at(3)) == []
    assert known.sight([row("a", S, begun=100, ended=200)], at(4)) == []


@pytest.mark.parametrize(
    ("begun", "ended"),
    [(None, 400), (150, 400), (300, None), (300, 200), (200, 150)],
    ids=["no begin", "begun before the end", "no end", "ended at once", "ended before"],
)
def test_a_finished_row_that_is_no_proof_of_another_run_is_no_news(begun: int | None, ended: int | None) -> None:
    """It takes a begin after the reported end, and a later end."""
    known = reported()
    assert known.sight([Job("a", F, "INSTALL_APP", created=50, begun=begun, ended=ended)], at(1e6)) == []


def test_a_run_that_was_reported_without_end_time_is_not_told_from_another_by_times() -> None:
    """There is nothing that a later begin could be later than."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(1))
    assert len(known.overdue(at(1 + HOLD_FOR))) == 1
    assert known.sight([row("a", F, begun=300, ended=400)], at(2 + HOLD_FOR)) == []


def test_an_echo_of_the_old_end_does_not_end_a_new_run() -> None:
    """A replica that lags may still show the end that was reported."""
    known = reported()
    known.sight([row("a", R, begun=201)], at(2))
    assert known.sight([row("a", S, begun=100, ended=200)], at(3)) == []
    assert known.questions(3, at(3)) == ["a"]
    [completion] = known.sight([row("a", S, begun=201, ended=202)], at(4))
    assert completion.job.end_time == 202


@pytest.mark.parametrize("state", [P, R, U])
def test_a_reported_job_that_is_seen_active_is_suspected_and_asked_for(state: State) -> None:
    """It may be an old view, or a new run whose begin is not told."""
    known = reported()
    assert known.sight([row("a", state)], at(1 + MARGIN - 1)) == []
    assert not known.jobs
    assert not +known.counts
    assert known.questions(0, at(MARGIN)) == ["a"]


def test_a_suspicion_ends_with_the_run_that_was_reported() -> None:
    """The answer to the look-up shows it as it was: it was a stale replica."""
    known = reported()
    known.sight([row("a", R)], at(2))
    assert known.sight([row("a", S)], at(3)) == []
    assert known.questions(3, at(3)) == []


@pytest.mark.parametrize("state", [P, R])
def test_a_reported_job_that_is_active_a_margin_after_the_report_is_run_again(state: State) -> None:
    """No replica lags for longer."""
    known = reported()
    known.sight([row("a", state)], at(30))
    known.sight([row("a", state)], at(1 + MARGIN))
    assert set(known.jobs) == {"a"}
    assert known.counts["INSTALL_APP", state] == 1
    [completion] = known.sight([row("a", S, begun=300, ended=400)], at(100))
    assert completion.job.end_time == 400


def test_a_reported_job_in_an_unlisted_state_is_not_taken_for_run_again() -> None:
    """Such a state may come after the end, for all we know."""
    known = reported()
    assert known.sight([row("a", U)], at(1e6)) == []
    assert not known.jobs


def test_a_differing_end_is_counted_once_and_not_reported() -> None:
    """What was reported first is final."""
    known = reported()
    for time, again in enumerate([row("a", F), row("a", S, ended=201), row("a", S)]):
        assert known.sight([again], at(2 + time)) == []
    assert known.ledger.amended == 1


def test_the_same_end_again_is_no_difference() -> None:
    """Heads show it in every cycle."""
    known = reported()
    known.sight([row("a", S)], at(2))
    assert known.ledger.amended == 0


def test_an_echo_of_the_old_end_does_not_end_a_new_run_that_is_held() -> None:
    """It waits for an EndTime of its own."""
    known = reported()
    known.sight([row("a", R, begun=201)], at(2))
    known.sight([row("a", S, begun=201, ended=0)], at(3))
    assert known.sight([row("a", S, begun=100, ended=200)], at(4)) == []
    [completion] = known.sight([row("a", S, begun=201, ended=202)], at(5))
    assert completion.job.end_time == 202


def test_an_echo_of_the_old_end_without_its_time_does_not_end_a_new_run() -> None:
    """It began before the reported end, so that it is not the run that followed."""
    known = reported()
    known.sight([row("a", R, begun=201)], at(2))
    assert known.sight([row("a", S, begun=100, ended=0)], at(3)) == []
    assert set(known.jobs) == {"a"}


def test_a_new_run_that_turns_out_to_be_the_reported_one_is_taken_back() -> None:
    """A replica lagged for longer than the margin: what is still so another margin later, is so."""
    known = reported()
    known.sight([row("a", R)], at(1 + MARGIN))
    assert set(known.jobs) == {"a"}
    assert known.sight([row("a", S)], at(MARGIN + MARGIN)) == []
    assert set(known.jobs) == {"a"}
    assert known.sight([row("a", S)], at(1 + MARGIN + MARGIN)) == []
    assert not known.jobs
    assert known.sight([row("a", S), row("a", R)], at(2 + MARGIN + MARGIN)) == []
    assert not known.jobs
    assert not +known.counts


def test_an_end_from_long_before_a_run_was_first_seen_is_an_echo_for_as_long_as_replicas_lag() -> None:
    """A job of which nothing is remembered was run before; then the end is its own, and clocks disagree."""
    known = tracker()
    now = [at(time)._replace(server=1000 + time) for time in (0, MARGIN - 1, MARGIN)]
    known.sight([row("a", P)], now[0])
    echo = row("a", S, ended=1000 - 61)
    assert known.sight([echo], now[1]) == []
    assert set(known.jobs) == {"a"}
    [completion] = known.sight([echo], now[2])
    assert completion.job == echo


def test_a_bare_row_takes_no_new_run_back() -> None:
    """What is remembered of the reported one needs all that it tells."""
    known = reported()
    known.sight([row("a", R)], at(1 + MARGIN))
    assert known.sight([Sighting("a", S, ended=200)], at(1000)) == []
    assert set(known.jobs) == {"a"}


def test_a_run_that_is_held_is_reported_when_another_begins() -> None:
    """Its EndTime will not come any more; the other one is taken up when it is sighted next."""
    known = tracker()
    known.sight([row("a", R, begun=100)], at(0))
    known.sight([row("a", S, begun=100, ended=0)], at(1)._replace(server=200))
    [completion] = known.sight([row("a", R, begun=300)], at(5))
    assert (completion.job.state, completion.job.end_time) == (S, None)
    known.sight([row("a", R, begun=300)], at(6))
    assert set(known.jobs) == {"a"}
    [completion] = known.sight([row("a", F, begun=300, ended=400)], at(7))
    assert completion.job.end_time == 400


def test_a_run_that_is_held_is_reported_when_another_has_ended_otherwise() -> None:
    """Where no begin tells the two to be one."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known.sight([done("a", begun=100)], at(1))
    [completion] = known.sight([done("a", state=F, begun=110, ended=200)], at(5))
    assert (completion.job.state, completion.job.end_time) == (S, None)


def test_a_held_run_whose_begin_is_amended_is_still_the_same() -> None:
    """It is reported with the EndTime that came."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known.sight([done("a", begun=100)], at(1))
    [completion] = known.sight([done("a", begun=101, ended=200)], at(5))
    assert (completion.job.begin_time, completion.job.end_time) == (101, 200)
    assert known.overdue(at(1e6)) == []


def test_a_run_that_was_reported_without_end_time_is_told_from_one_that_began_well_after_it_was_seen() -> None:
    """By the API's clock, as far as it is known."""
    known = tracker()
    known.sight([row("a", R, begun=100)], at(0))
    known.sight([row("a", S, begun=100, ended=0)], at(1)._replace(server=200))
    assert len(known.overdue(at(1 + HOLD_FOR))) == 1
    assert known.sight([row("a", F, begun=150, ended=190)], at(100)) == []
    [completion] = known.sight([row("a", F, begun=10_000, ended=10_001)], at(101))
    assert completion.job.end_time == 10_001
