"""What outlives the process: a restored tracker answers as the one that was recorded would have."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.models import Completion, Instant, Job, Sighting, State
from poller.stats import Vocabulary
from poller.tracker import (
    DORMANT_EVERY,
    DORMANT_FOR,
    HOLD_FOR,
    TargetRecord,
    Tracker,
    decode_job,
    decode_target,
    encode,
)
from tests.core.sightings import ENDS, F, P, R, S, at, done, lost, reported, row, tracker

Kept = dict[str, bytes]


def recorded(frontier: float = 0) -> Tracker:
    """Make a tracker whose changes are recorded, and that takes undated jobs for new ones."""
    known = tracker(frontier)
    known.book.recording = True
    known.ledger.surveyed.update((S, F))
    return known


def keep(kept: Kept, known: Tracker, now: Instant) -> None:
    """Store what has changed."""
    for job_id, value in known.book.changes(now):
        if value is None:
            kept.pop(job_id, None)
        else:
            kept[job_id] = value


def restored(kept: Kept, old: Tracker, now: Instant) -> Tracker:
    """Take up what was stored."""
    known = Tracker(Vocabulary())
    known.ledger.frontiers.update(old.ledger.frontiers)
    known.ledger.surveyed.update(old.ledger.surveyed)
    for job_id, value in kept.items():
        known.book.restore(job_id, decode_job(value), now)
    return known


def again(known: Tracker, *, wait: float = 0) -> Tracker:
    """Record what is known after the first 200 s, and take it up in another process."""
    kept: Kept = {}
    keep(kept, known, at(200))
    return restored(kept, known, at(200 + wait))


def test_a_tracked_run_outlives_the_process() -> None:
    """Its state and times too; it is asked for unless a sweep shows it."""
    known = recorded()
    known.sight([row("a", R)], at(0))
    known = again(known)
    assert (+known.counts, known.questions(200, at(200))) == ({("INSTALL_APP", R): 1}, ["a"])
    known.settle(at(200), margin=60)
    assert known.oldest == {("INSTALL_APP", R): 100}
    [completion] = known.sight([row("a", S)], at(201))
    assert completion.previous_state is R


def test_a_run_that_followed_a_reported_one_is_not_ended_by_its_echo_after_a_restart() -> None:
    """When the reported one ended outlives the process too."""
    known = reported()
    known.book.recording = True
    known.sight([row("a", R, begun=201)], at(2))
    known = again(known)
    known.sight([row("a", P)], at(201))
    assert known.sight([row("a", S, begun=100, ended=200)], at(202)) == []
    assert len(known.sight([row("a", S, begun=201, ended=202)], at(203))) == 1


def test_a_reported_run_outlives_the_process() -> None:
    """It is not reported again, and its echoes are told from another run."""
    known = recorded()
    known.sight([row("a", S)], at(0))
    known = again(known)
    assert known.sight([row("a", S), row("a", R)], at(201)) == []
    assert not known.jobs
    assert known.questions(0, at(201)) == ["a"]
    assert len(known.sight([row("a", F, begun=201, ended=300)], at(202))) == 1


def test_a_held_run_outlives_the_process() -> None:
    """With the state before, and the time at which its end was first seen."""
    known = recorded()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(190))
    known = again(known)
    assert known.questions(0, at(200)) == ["a"]
    [completion] = known.sight([row("a", S)], at(205))
    assert (completion.previous_state, completion.seen_at) == (R, 1_000_000_190)


def test_a_held_run_waits_for_its_end_time_anew_after_a_restart() -> None:
    """While no process ran, nobody asked."""
    known = recorded()
    known.sight([row("a", R)], at(0))
    known.sight([row("a", S, ended=0)], at(190))
    known = again(known, wait=1000)
    assert known.overdue(at(1200 + HOLD_FOR - 1)) == []
    assert len(known.overdue(at(1200 + HOLD_FOR))) == 1


def dormant() -> Tracker:
    """Make a tracker that has said of job a, at 100 s, that it is gone."""
    known = recorded()
    known.sight([row("a", R)], at(0))
    assert len(lost(known, "a", "control", [10, 50, 100])) == 1
    return known


def test_a_dormant_run_outlives_the_process() -> None:
    """It is asked for at once, said to be gone no more, and reported if it turns up."""
    known = again(dormant())
    assert not known.jobs
    assert known.questions(0, at(200)) == ["a"]
    assert known.questions(0, at(200 + DORMANT_EVERY - 1)) == []
    known.sight([row("a", R)], at(201))
    assert lost(known, "a", "control", [210, 250, 300]) == []
    assert len(known.sight([row("a", S)], at(301))) == 1


@pytest.mark.parametrize(("wait", "asked"), [(DORMANT_FOR - 101, ["a"]), (DORMANT_FOR - 100, [])])
def test_a_dormant_run_is_forgotten_a_day_after_it_was_lost(wait: float, asked: list[str]) -> None:
    """The time without a process counts."""
    known = again(dormant(), wait=wait)
    now = at(200 + wait)
    known.settle(now, margin=60)
    assert known.questions(0, now) == asked


def test_a_clock_that_was_put_back_keeps_a_dormant_run_no_longer_than_a_day() -> None:
    """It counts as lost at the restart, at the latest."""
    known = again(dormant(), wait=-5000)
    known.settle(at(-4800 + DORMANT_FOR), margin=60)
    assert known.questions(0, at(-4800 + DORMANT_FOR)) == []


def test_the_baseline_outlives_the_process() -> None:
    """An undated job that was there before us is never ours."""
    known = recorded()
    known.ledger.surveyed.clear()
    known.sight([done("a")], at(0))
    known.ledger.surveyed.update(ENDS)
    known = again(known)
    assert known.sight([done("a")], at(201)) == []
    assert known.questions(0, at(201)) == []


def test_what_is_forgotten_is_deleted() -> None:
    """The store is bounded like the memory."""
    known = dormant()
    known.sight([row("b", S)], at(100))
    kept: Kept = {}
    keep(kept, known, at(100))
    assert set(kept) == {"a", "b"}
    known.ledger.frontiers.update(dict.fromkeys(ENDS, 1e6))
    known.settle(at(100 + DORMANT_FOR), margin=60)
    keep(kept, known, at(100 + DORMANT_FOR))
    assert kept == {}


def test_a_forgotten_job_without_times_stays_recorded_as_one_of_the_baseline() -> None:
    """It would be news again."""
    known = recorded()
    known.sight([done("a")], at(0))
    known.overdue(at(HOLD_FOR))
    known.ledger.frontiers.update(dict.fromkeys(ENDS, 2e9))
    known.settle(at(HOLD_FOR), margin=60)
    known = again(known)
    assert known.sight([done("a")], at(201)) == []
    assert known.overdue(at(1e6)) == []


def test_nothing_is_recorded_where_nothing_outlives_the_process() -> None:
    """What nobody takes would pile up."""
    known = tracker(0)
    known.sight([row("a", R)], at(0))
    assert known.book.changes(at(0)) == []


def test_a_quiet_cycle_records_nothing() -> None:
    """The cost follows what has changed."""
    known = recorded()
    rows = [row("a", P), row("b", R), row("c", S)]
    known.sight(rows, at(0))
    assert len(known.book.changes(at(0))) == 3
    known.sight(rows, at(10))
    known.settle(at(10), margin=60)
    assert known.book.changes(at(10)) == []


def test_what_is_taken_up_is_not_recorded_again() -> None:
    """It is there already."""
    known = recorded()
    known.sight([row("a", P), row("b", S), row("c", S, ended=0)], at(0))
    known = again(known)
    known.book.recording = True
    assert known.book.changes(at(200)) == []


def test_a_targets_record_is_read_as_it_was_written() -> None:
    """Frontiers and all."""
    record = TargetRecord(
        started=0.5,
        job_types=("A",),
        covered=("B",),
        since=1.5,
        saved=2.5,
        frontiers={S: 1000.25},
        surveyed=(S, F),
        orders={S: (True, False)},
        audited={F: 7.0},
        expected={S: 12},
    )
    assert decode_target(encode(record)) == record


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x91\xa4else", encode(TargetRecord(started=0.0))])
def test_a_record_that_is_none_is_an_error(data: bytes) -> None:
    """Nothing is made of it."""
    with pytest.raises(msgspec.MsgspecError):
        decode_job(data)


Times = st.sampled_from([None, 100, 200, 300, 400])


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """Draw a row, in any state and with any times."""
    job_id, state = draw(st.sampled_from("abc")), draw(st.sampled_from(State))
    kind = Job if state in ENDS else Sighting
    job_type = draw(st.sampled_from(["A", ""]))
    return kind(job_id, state, job_type, created=draw(Times), begun=draw(Times), ended=draw(Times))


Pages = st.lists(st.lists(sightings(), max_size=4), max_size=8)


def live(known: Tracker, page: Iterable[Sighting], now: Instant, frontier: float) -> list[Completion]:
    """Take a page, and close a cycle."""
    news = known.sight(page, now)
    news += known.overdue(now)
    known.ledger.frontiers.update(dict.fromkeys(ENDS, frontier))
    known.settle(now, margin=60)
    return news


@given(Pages, Pages, st.integers(0, 500))
def test_a_restored_tracker_has_the_same_news(
    before: list[list[Sighting]], after: list[list[Sighting]], first: int
) -> None:
    """Whatever came before a restart, and whatever comes after it."""
    known, kept = recorded(first), Kept()
    for page in before:
        live(known, page, at(0), first)
        keep(kept, known, at(0))
    other = restored(kept, known, at(0))
    for number, page in enumerate(after):
        now, frontier = at(20 * number), first + 40 * number
        assert live(known, page, now, frontier) == live(other, page, now, frontier)
        assert +other.counts == +known.counts
    assert other.jobs.keys() == known.jobs.keys()


@given(Pages, st.lists(sightings(), unique_by=lambda sighting: sighting.job_id))
def test_what_a_page_repeats_is_not_recorded_again(before: list[list[Sighting]], page: list[Sighting]) -> None:
    """Be it of jobs that are active, held, reported, or none of ours."""
    known = recorded()
    for each in before:
        live(known, each, at(0), 200)
    live(known, page, at(1), 200)
    known.book.changes(at(1))
    live(known, page, at(11), 200)
    assert known.book.changes(at(11)) == []
