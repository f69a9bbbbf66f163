"""What has been reported, and what may be news."""

import pytest

from poller.models import Instant, Sighting, State, Target
from poller.stats import Vocabulary
from poller.tracker import HOLD_FOR, Tracker
from poller.tracker.ledger import Ledger, Verdict
from tests.core.sightings import ENDS, PS, F, P, R, S, at, done, reported, row, tracker

FRONTIER = 1000.0


def ledger(frontier: float = FRONTIER) -> Ledger:
    """Make a ledger with a frontier for each listing."""
    made = Ledger()
    made.frontiers.update(dict.fromkeys(ENDS, frontier))
    return made


@pytest.mark.parametrize(("ended", "verdict"), [(999, Verdict.OLD), (1000, Verdict.NEWS), (1001, Verdict.NEWS)])
def test_a_run_is_news_from_the_frontier_on(ended: int, verdict: Verdict) -> None:
    """By its EndTime, whenever it was created."""
    assert ledger().judge(done("a", created=1, ended=ended)) is verdict


def test_a_frontier_within_a_second_leaves_that_second_to_news() -> None:
    """EndTimes are cut to whole seconds."""
    assert ledger(1000.9).judge(done("a", ended=1000)) is Verdict.NEWS


@pytest.mark.parametrize(("times", "verdict"), [((999, None), Verdict.OLD), ((1000, None), Verdict.NEWS)])
def test_a_run_without_end_time_is_news_by_its_creation(times: tuple[int, int | None], verdict: Verdict) -> None:
    """It ended no earlier."""
    assert ledger().judge(done("a", created=times[0], begun=times[1])) is verdict


def test_a_run_without_end_time_is_news_by_its_begin() -> None:
    """That is later than the creation, and no later than the end."""
    assert ledger().judge(done("a", created=1, begun=1000)) is Verdict.NEWS


def test_a_run_without_any_time_is_undated_until_its_listing_was_read_whole() -> None:
    """Only then is one that was not there before us known to be new."""
    known = ledger()
    assert known.judge(done("a")) is Verdict.UNDATED
    known.surveyed.add(S)
    assert known.judge(done("b")) is Verdict.NEWS
    assert known.judge(done("c", state=F)) is Verdict.UNDATED


def test_what_is_in_the_baseline_is_old() -> None:
    """It was there before us."""
    known = ledger()
    known.surveyed.add(S)
    known.baseline.add("a")
    assert known.judge(done("a")) is Verdict.OLD


def test_nothing_is_news_before_the_first_frontier() -> None:
    """There is no saying what time it is there."""
    assert Ledger().judge(done("a", ended=10**9)) is Verdict.OLD


def test_each_listing_has_a_frontier_of_its_own() -> None:
    """One may be read whole while another is not."""
    known = ledger()
    known.frontiers[F] = 2000
    assert known.judge(done("a", ended=1500)) is Verdict.NEWS
    assert known.judge(done("a", state=F, ended=1500)) is Verdict.OLD
    assert known.judge(done("a", state=PS, ended=1500)) is Verdict.NEWS


def test_a_job_type_that_was_not_polled_before_is_held_up() -> None:
    """Its news begins where the process that left it out ended."""
    known = ledger()
    known.covered, known.since = frozenset("A"), 1500
    assert known.judge(done("a", ended=1200, job_type="A")) is Verdict.NEWS
    assert known.judge(done("b", ended=1200, job_type="B")) is Verdict.OLD
    assert known.judge(done("b", ended=1500, job_type="B")) is Verdict.NEWS


def test_an_older_time_than_the_frontier_holds_nothing_up() -> None:
    """The later of the two counts."""
    known = ledger()
    known.covered, known.since = frozenset(), 500
    assert known.judge(done("a", ended=999)) is Verdict.OLD
    assert known.judge(done("a", ended=1000)) is Verdict.NEWS


def test_a_job_that_nobody_saw_active_is_reported_if_it_ended_after_the_frontier() -> None:
    """Once, and with no state before; its neighbours from before are not."""
    known = tracker(FRONTIER)
    rows = [done("new", ended=1000), done("old", ended=999)]
    [completion] = known.sight(rows, at(0))
    assert (completion.job.job_id, completion.previous_state) == ("new", None)
    assert known.sight(rows, at(1)) == []
    assert known.has("new")
    assert not known.has("old")


def test_a_tracked_job_is_reported_however_long_ago_it_ended() -> None:
    """It is ours since we saw it active."""
    known = tracker(FRONTIER)
    known.sight([row("a", R)], at(0))
    assert len(known.sight([row("a", S, ended=500)], at(1))) == 1


def test_an_undated_job_that_was_there_before_us_is_not_reported_later_either() -> None:
    """It is remembered for as long as the process lives."""
    known = tracker(FRONTIER)
    known.sight([done("a")], at(0))
    known.ledger.surveyed.update(ENDS)
    assert known.sight([done("a")], at(HOLD_FOR)) == []
    assert known.overdue(at(1e6)) == []


def test_an_undated_job_that_comes_later_is_held_and_reported() -> None:
    """There is no EndTime to wait for, but one may still come."""
    known = tracker(FRONTIER)
    known.ledger.surveyed.update(ENDS)
    assert known.sight([done("b")], at(0)) == []
    assert known.questions(0, at(0)) == ["b"]
    [completion] = known.overdue(at(HOLD_FOR))
    assert (completion.job.end_time, completion.previous_state) == (None, None)


def test_a_job_from_a_head_without_end_time_is_held_until_it_comes() -> None:
    """Then it is reported as of when it was first seen."""
    known = tracker(FRONTIER)
    assert known.sight([done("a", created=1000)], at(5)) == []
    [completion] = known.sight([done("a", created=1000, ended=1003)], at(15))
    assert (completion.job.end_time, completion.seen_at) == (1003, 1_000_000_005)


def settled(known: Tracker, frontier: float, *, others: float = float("inf"), state: State | None = None) -> bool:
    """Move the frontiers, or one alone, and tell whether job a is remembered after a cycle with a margin of 60 s."""
    states = ENDS if state is None else (state,)
    known.ledger.frontiers.update(dict.fromkeys(states, frontier))
    known.settle(at(10), margin=60, others=others)
    return "a" in known.ledger


def test_a_reported_job_is_forgotten_once_it_is_a_margin_before_every_frontier() -> None:
    """No listing can make news of it any more, and memory is bounded."""
    assert settled(reported(frontier=0), 260)
    known = reported(frontier=0)
    assert not settled(known, 261)
    assert len(known.ledger) == 0
    assert known.sight([row("a", S)], at(11)) == []


def test_one_frontier_that_stands_still_keeps_all_in_mind() -> None:
    """A job may turn up in another listing than the one that it was reported from."""
    known = reported(frontier=200)
    assert settled(known, 1e6, state=S)
    assert settled(known, 1e6, state=F)
    assert not settled(known, 1e6, state=PS)


def test_nothing_is_forgotten_before_there_are_frontiers() -> None:
    """An outage at the start is no reason either."""
    known = reported()
    known.settle(at(1e6), margin=60)
    assert "a" in known.ledger
    assert settled(known, 1e6, state=S)


def test_another_target_that_lists_the_same_job_keeps_it_in_mind() -> None:
    """It would take it for one of its own."""
    known = reported(frontier=0)
    assert settled(known, 1e6, others=260)
    assert not settled(known, 1e6 + 100, others=1e6)


def test_what_is_forgotten_is_looked_for_once_in_a_while() -> None:
    """A look at all that was reported costs time, and is worth it once a frontier has moved on."""
    known = tracker(0)
    known.sight([row("a", R)], at(0))
    known.settle(at(0), margin=60)
    known.ledger.frontiers.update(dict.fromkeys(ENDS, 261.0))
    known.settle(at(1), margin=60)
    known.sight([row("a", S)], at(2))
    known.ledger.frontiers.update(dict.fromkeys(ENDS, 275.9))
    known.settle(at(3), margin=60)
    assert "a" in known.ledger
    assert not settled(known, 276)


def test_a_job_that_was_reported_without_end_time_counts_as_ended_when_it_was_seen() -> None:
    """By the server's clock, if that is known."""
    known = Ledger()
    known.enter(done("ours", created=1), Instant(wall=5000, mono=0), at(60))
    known.enter(done("theirs", created=1), Instant(wall=5000, mono=0, server=7000), at(60))
    ours, theirs = known.get("ours"), known.get("theirs")
    assert ours is not None
    assert theirs is not None
    assert (ours.bound, theirs.bound) == (5000, 7000)


def test_a_job_without_any_time_is_in_the_baseline_once_it_is_forgotten() -> None:
    """No frontier would keep it from being news again."""
    known = tracker(0)
    known.ledger.surveyed.update(ENDS)
    known.sight([done("a")], at(0))
    assert len(known.overdue(at(HOLD_FOR))) == 1
    assert not settled(known, 2e9)
    assert known.sight([done("a")], at(HOLD_FOR + 1)) == []
    assert known.overdue(at(1e6)) == []


def test_a_job_with_a_time_is_not_in_the_baseline() -> None:
    """The frontier is enough, and the baseline has no bound."""
    known = reported(frontier=0)
    settled(known, 1e6)
    assert not known.ledger.baseline


def test_a_forgotten_job_that_is_active_is_run_again() -> None:
    """Nothing speaks for an echo any more."""
    known = reported(frontier=0)
    settled(known, 1e6)
    known.sight([Sighting("a", P, "INSTALL_APP")], at(11))
    assert set(known.jobs) == {"a"}


def test_what_is_known_elsewhere_is_not_news_here() -> None:
    """A job that is listed under two targets belongs to the first."""
    first, second = tracker(FRONTIER), Tracker(Vocabulary())
    second.ledger.frontiers.update(first.ledger.frontiers)
    second.elsewhere = lambda job_id: Target() if first.has(job_id) else None
    assert len(first.sight([done("a", ended=1000)], at(0))) == 1
    assert second.sight([done("a", ended=1000)], at(0)) == []
    assert second.shared_with == {Target()}
