"""The algorithm with one thing wrong: what the proof has to see."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest
from msgspec import structs

from poller.cycle import head as one_head
from poller.cycle import heads
from poller.cycle.heads import Heads
from poller.cycle.memory import Memory
from poller.cycle.pulse import Pulse
from poller.cycle.reader import Reader, Sight
from poller.events import report
from poller.frontier import Sweeps
from poller.models import Completion, Instant, News, Page, Sighting, Target
from poller.ordering import Ordering
from poller.pace import Pace
from poller.reading import Ask, Reading, TrailingReading
from poller.runs import Tracked
from poller.sink import EventLog, Stream
from poller.tracker import Tracker, tracker
from poller.tracker.absences import Absences
from poller.tracker.ledger import Ledger, Verdict
from tests.simulation import situations
from tests.simulation.plan import Plan

Apply = Callable[[pytest.MonkeyPatch], None]

_AGE: Final = 300.0
"""Seconds for which reported jobs are remembered by one who goes by age: plenty, as long as nothing stands still."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """What is done wrong, in which situation that matters, and how the verdict on it begins."""

    name: str
    apply: Apply
    plan: Callable[[int], Plan]
    verdict: str


def _link_any_pages(patch: pytest.MonkeyPatch) -> None:
    def link(self: Reading, _front: object, stretch: Any) -> None:  # noqa: ANN401 (a stretch is the module's own)
        self._advance(stretch, len(set(stretch.ids)))

    patch.setattr(Reading, "_shared", 0)
    patch.setattr(Reading, "_meet_hole", link)
    patch.setattr(TrailingReading, "_shared", 0)
    patch.setattr(TrailingReading, "_linked", lambda _self, _known, _ids: True)


def _move_without_margin(patch: pytest.MonkeyPatch) -> None:
    complete = Sweeps.complete
    patch.setattr(Sweeps, "complete", lambda self, began, ended, _margin: complete(self, began, ended, 0.0))


def _move_without_a_reading(patch: pytest.MonkeyPatch) -> None:
    run = Heads.run

    async def run_and_move(self: Heads, reader: Reader, margin: float) -> bool:
        complete = await run(self, reader, margin)
        now = self._sight.now().mono
        for head in self._heads:
            self._cover(head, now, self._sweeps.offer(now))
        return complete

    patch.setattr(Heads, "run", run_and_move)


def _stop_on_create_time(patch: pytest.MonkeyPatch) -> None:
    def created_before(rows: Sequence[Sighting], time: float) -> bool:
        created = [row.create_time for row in rows if row.create_time is not None]
        return bool(created) and max(created) < time

    patch.setattr(heads, "ended_before", created_before)


def _call_all_news(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "judge", lambda _self, _row: Verdict.NEWS)


def _forget_by_age(patch: pytest.MonkeyPatch) -> None:
    settle = Tracker.settle

    def settle_and_forget(self: Tracker, now: Instant, *, margin: float, others: float) -> None:
        settle(self, now, margin=margin, others=others)
        for job_id in [job_id for job_id, run in self.ledger._reported.items() if now.mono - run.at > _AGE]:
            self.ledger.leave(job_id)

    patch.setattr(Tracker, "settle", settle_and_forget)


def _count_any_miss(patch: pytest.MonkeyPatch) -> None:
    miss = Absences.miss

    def count_it(self: Absences, job_id: str, run: Tracked, now: Instant, *, controlled: bool) -> bool:
        return miss(self, job_id, run, now, controlled=True)

    patch.setattr(Absences, "miss", count_it)
    patch.setattr(Absences, "trusts", lambda _self, _found, _control: True)


def _trust_the_count(patch: pytest.MonkeyPatch) -> None:
    take = Reading.take

    def take_as_counted(self: Reading, ask: Ask, page: Page, *, enough: bool = False) -> None:
        take(self, ask, page, enough=enough)
        if page.total_count is not None and self.rows >= page.total_count and not self._wanted:
            self.done = self.whole = True

    patch.setattr(Reading, "take", take_as_counted)


def _trust_an_empty_page(patch: pytest.MonkeyPatch) -> None:
    def end(self: Reading, *_where: object) -> None:
        self.done, self.whole = True, not self._unproven

    patch.setattr(Reading, "_meet_gap", end)
    patch.setattr(Reading, "_meet_nothing", end)


def _record_before_writing(patch: pytest.MonkeyPatch) -> None:
    async def record_first(self: EventLog[Any], target: Target, news: Sequence[News]) -> None:
        lines = self._encode(target, news)
        await self._outbox.save()
        await self._sink.write(lines)

    patch.setattr(EventLog, "report", record_first)


def _keep_no_outbox(patch: pytest.MonkeyPatch) -> None:
    async def only_write(self: EventLog[Any], target: Target, news: Sequence[News]) -> None:
        await self._sink.write(self._encode(target, news))

    patch.setattr(EventLog, "report", only_write)


def _write_again_from_byte_0(patch: pytest.MonkeyPatch) -> None:
    write = Stream._write_some

    def all_or_again(self: Stream, chunk: bytes) -> int:
        return len(chunk) if write(self, chunk) == len(chunk) else 0

    patch.setattr(Stream, "_write_some", all_or_again)


def _go_by_the_hosts_clock(patch: pytest.MonkeyPatch) -> None:
    take = Sight.take

    async def take_undated(self: Sight, page: Page, pulse: Pulse) -> Sequence[Completion]:
        return await take(self, structs.replace(page, date=None), pulse)

    patch.setattr(Sight, "take", take_undated)


def _take_echoes_for_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tracker, "_is_of_an_earlier_run", lambda _row, _run: False)


def _read_no_heads(patch: pytest.MonkeyPatch) -> None:
    async def begin_only(self: Heads, _reader: Reader, _margin: float) -> bool:
        return self._begin()

    patch.setattr(Heads, "run", begin_only)
    patch.setattr(Heads, "scan", begin_only)


def _ignore_what_is_kept(patch: pytest.MonkeyPatch) -> None:
    restore = Memory.restore

    def restore_nothing(self: Memory, _kept: Iterable[tuple[str, bytes]]) -> None:
        restore(self, ())

    patch.setattr(Memory, "restore", restore_nothing)


def _read_from_the_front(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Heads, "_reading", lambda _self, _head, _order, *, deep: Reading(expected=int(deep)))


def _hold_on_to_an_order(patch: pytest.MonkeyPatch) -> None:
    take = Ordering.take

    def take_the_first_page(self: Ordering, rows: Sequence[Sighting]) -> None:
        if not self._rows:
            take(self, rows)

    patch.setattr(Ordering, "take", take_the_first_page)
    patch.setattr(one_head, "contradicts", lambda _rows, _order: False)


def _draw_ids(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(report, "event_id", lambda *_completion: f"{next(numbers):032x}")


def _ask_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pace, "book", lambda _self, now: now)


MUTANTS: Final = (
    Mutant(
        name="any two pages are neighbours, whether they share a row or not",
        apply=_link_any_pages,
        plan=situations.rows_leave_a_listing_without_order,
        verdict="missed",
    ),
    Mutant(
        name="the frontier has no margin",
        apply=_move_without_margin,
        plan=situations.brief_jobs_shown_late,
        verdict="missed",
    ),
    Mutant(
        name="the frontier moves though no reading has come down to it",
        apply=_move_without_a_reading,
        plan=situations.brief_jobs_in_an_outage_that_returns,
        verdict="missed",
    ),
    Mutant(
        name="a reading stops where jobs were created before the frontier, whenever they ended",
        apply=_stop_on_create_time,
        plan=situations.brief_among_long_jobs,
        verdict="missed",
    ),
    Mutant(
        name="every finished job is news, whenever it ended",
        apply=_call_all_news,
        plan=situations.brief_jobs,
        verdict="invented",
    ),
    Mutant(
        name="what was reported is forgotten by age",
        apply=_forget_by_age,
        plan=situations.outage,
        verdict="twice in one life",
    ),
    Mutant(
        name="a job is missing where an answer lacks it, whatever else that lacks",
        apply=_count_any_miss,
        plan=situations.empty_look_ups,
        verdict="unresolved while it was there",
    ),
    Mutant(
        name="a reading ends where as many rows have come as TotalCount tells",
        apply=_trust_the_count,
        plan=situations.long_tail,
        verdict="missed",
    ),
    Mutant(
        name="an empty page is the end",
        apply=_trust_an_empty_page,
        plan=situations.long_tail_and_empty_pages,
        verdict="missed",
    ),
    Mutant(
        name="a completion is recorded before it is written",
        apply=_record_before_writing,
        plan=situations.kills_while_written,
        verdict="missed",
    ),
    Mutant(
        name="there is no outbox",
        apply=_keep_no_outbox,
        plan=situations.kills_while_written,
        verdict="missed",
    ),
    Mutant(
        name="a short write is tried again from byte 0",
        apply=_write_again_from_byte_0,
        plan=situations.short_writes,
        verdict="a broken line",
    ),
    Mutant(
        name="the host's clock is taken for the API's",
        apply=_go_by_the_hosts_clock,
        plan=situations.host_clock_ahead,
        verdict="missed",
    ),
    Mutant(
        name="the echo of an earlier run is taken for the end of this one",
        apply=_take_echoes_for_ends,
        plan=situations.reruns_on_lagging_replicas,
        verdict="twice in one life",
    ),
    Mutant(
        name="no listing of finished jobs is read",
        apply=_read_no_heads,
        plan=situations.brief_jobs,
        verdict="missed",
    ),
    Mutant(
        name="a process takes nothing up from the one before it",
        apply=_ignore_what_is_kept,
        plan=situations.restart,
        verdict="missed",
    ),
    Mutant(
        name="a listing that is sorted oldest first is read from its front",
        apply=_read_from_the_front,
        plan=situations.brief_jobs_oldest_first,
        verdict="missed",
    ),
    Mutant(
        name="the order of the first page is never doubted",
        apply=_hold_on_to_an_order,
        plan=situations.brief_jobs_in_two_halves,
        verdict="missed",
    ),
    Mutant(
        name="an event's id is drawn",
        apply=_draw_ids,
        plan=situations.kills_with_a_full_disk,
        verdict="under 2 ids",
    ),
    Mutant(
        name="requests go when they like",
        apply=_ask_at_once,
        plan=situations.many_pages,
        verdict="over budget",
    ),
)
