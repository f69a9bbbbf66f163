"""Jobs that two targets list: each is one target's, and no memory of it goes before the other can do without."""

import pytest

from poller.models import State, Target
from poller.tracker import DORMANT_EVERY, HOLD_FOR, Tracker
from tests.core.sightings import ENDS, P, R, S, at, done, lost, row, tracker

OTHER = Target(city_id="other")


def known_elsewhere(known: Tracker, *ids: str) -> None:
    """Let another target know these jobs, and no others."""
    known.elsewhere = lambda job_id: OTHER if job_id in ids else None


def dormant() -> Tracker:
    """Make a tracker that has said of job a, at 100 s, that it is gone."""
    known = tracker()
    known.sight([row("a", R)], at(0))
    assert len(lost(known, "a", "control", [10, 50, 100])) == 1
    return known


@pytest.mark.parametrize("state", [R, S])
def test_an_unresolved_job_that_has_turned_up_under_another_target_is_forgotten_in_silence(state: State) -> None:
    """That one tells of it."""
    known = dormant()
    known_elsewhere(known, "a")
    assert known.sight([row("a", state)], at(200)) == []
    assert not known.jobs
    assert known.questions(0, at(100 + DORMANT_EVERY)) == []
    assert known.shared_with == {OTHER}


def test_an_unresolved_job_that_nobody_else_knows_is_still_ours() -> None:
    """Another one that turned up elsewhere says nothing of it."""
    known = dormant()
    known_elsewhere(known, "b")
    assert len(known.sight([row("a", S)], at(200))) == 1
    assert not known.shared_with


def test_a_tracked_job_stays_ours_whoever_else_lists_it() -> None:
    """It was known here first, and is no question of others."""
    known = tracker()
    known.sight([row("a", P)], at(0))
    known_elsewhere(known, "a")
    assert len(known.sight([row("a", S)], at(10))) == 1
    assert not known.shared_with


def surveyed() -> Tracker:
    """Make a tracker that has read every listing whole, and takes what is new in it for news."""
    known = tracker(frontier=0)
    known.ledger.surveyed.update(ENDS)
    return known


def test_a_job_without_any_time_that_another_target_has_reported_is_not_reported_once_that_has_forgotten_it() -> None:
    """No frontier would keep it from being news."""
    known = surveyed()
    known_elsewhere(known, "a")
    known.sight([done("a")], at(0))
    assert known.ledger.baseline == {"a"}
    known_elsewhere(known)
    known.sight([done("a")], at(10))
    assert known.overdue(at(10 + HOLD_FOR)) == []


def test_a_job_with_a_time_that_another_target_has_reported_is_left_to_the_frontier() -> None:
    """The baseline has no bound."""
    known = surveyed()
    known_elsewhere(known, "a")
    assert known.sight([done("a", created=100)], at(0)) == []
    assert not known.ledger.baseline


def test_what_joins_the_baseline_is_recorded() -> None:
    """It would be news after a restart."""
    known = surveyed()
    known.book.recording = True
    known_elsewhere(known, "a")
    known.sight([done("a")], at(0))
    assert [job_id for job_id, kept in known.book.changes(at(0)) if kept is not None] == ["a"]


def test_an_unresolved_job_that_is_forgotten_is_deleted_from_the_records() -> None:
    """Nothing would ask for it."""
    known = dormant()
    known.book.recording = True
    known_elsewhere(known, "a")
    known.sight([row("a", R)], at(200))
    assert known.book.changes(at(200)) == [("a", None)]


FULL = Target("uphone", "org", "cn", "hz")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        (FULL, FULL, True),
        (Target("uphone"), FULL, True),
        (Target("uphone", "org"), FULL, True),
        (Target("uphone", None, "cn"), Target("uphone", "org", None, "hz"), True),
        (Target("uphone", "org", "cn", "hz", ("A",)), Target("uphone", "org", "cn", "hz", ("B",)), True),
        (Target("server", "org", "cn", "hz"), FULL, False),
        (Target("uphone", "else", "cn", "hz"), FULL, False),
        (Target("uphone", "org", "us", "hz"), FULL, False),
        (Target("uphone", "org", "cn", "bj"), FULL, False),
        (Target("uphone", "else"), FULL, False),
        (Target("uphone", None, None, "bj"), FULL, False),
        (Target("server"), Target("uphone"), False),
    ],
)
def test_targets_overlap_where_all_that_both_name_is_the_same(one: Target, other: Target, *, overlap: bool) -> None:
    """What one leaves to the API may be what the other names; in both directions."""
    assert one.may_overlap(other) is overlap
    assert other.may_overlap(one) is overlap
