"""Reads the listings of finished jobs from their newest end, and whole where there is no knowing which end that is."""

from typing import Final

import anyio

from poller.cycle.diary import Diary
from poller.cycle.head import Head
from poller.cycle.listing import Glance
from poller.cycle.reader import Reader, Sight
from poller.cycle.sweep import Sweep
from poller.frontier import Floor, Sweeps, ended_before
from poller.models import Instant, Page, Query, State, Target
from poller.ordering import SLACK, Order, Ordering
from poller.reading import Reading, TrailingReading
from poller.stats import ApiStats
from poller.tracker import TargetRecord

_PHASE_STEP: Final = 7
_UNREAD_MOST: Final = 3
_STATES: Final = (State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS)


class Heads:
    """One target's listings of finished jobs, and how far each has been covered."""

    def __init__(
        self,
        target: Target,
        sight: Sight,
        *,
        sweep: Sweep,
        sweeps: Sweeps,
        diary: Diary,
        api: ApiStats,
        floor: Floor,
    ) -> None:
        self._target = target
        self._sight = sight
        self._ledger = sight.tracker.ledger
        self._sweep = sweep
        self._sweeps = sweeps
        self._diary = diary
        self._api = api
        self._floor = floor
        self._heads = tuple(Head(state) for state in _STATES)
        self._moved = True

    @property
    def full_scan(self) -> bool:
        """Tell whether a listing without order has to be read whole, again and again."""
        return any(head.needs_full_scan(sees_all=self._sees_all) for head in self._heads)

    @property
    def still(self) -> bool:
        """Tell whether the last run found every head as the one before had left it."""
        return not self._moved

    @property
    def _sees_all(self) -> bool:
        return self._sweep.sees_all and not self._sight.tracker.unlisted

    async def run(self, reader: Reader, margin: float) -> bool:
        """Read each head until a page brings nothing new, down to the frontier once per margin; True if all came."""
        if not self._begin():
            return False
        complete = still = True
        for head in self._heads:
            if reader.refusal:
                return False
            before = head.glance
            complete = await self._read(head, reader, margin) and complete
            still = still and head.is_still(before)
        self._moved = not (complete and still)
        # One that can't be read whole may hide what no head shows.
        return complete and all(head.unread < _UNREAD_MOST for head in self._heads)

    def _begin(self) -> bool:
        """Set the first frontiers as soon as an answer has told the time."""
        first = self._floor.at(self._sight.clock)
        if first is None:
            return False
        for head in self._heads:
            self._ledger.frontiers.setdefault(head.state, first)
        return True

    async def _read(self, head: Head, reader: Reader, margin: float) -> bool:
        began = self._sight.now()
        order = head.trusted_order(sees_all=self._sees_all)
        deep = order is not None and began.mono - head.covered_at >= margin
        offer = self._sweeps.offer(began.mono)
        covered, head.glance = False, None

        def judge(page: Page, completions: int) -> bool:
            nonlocal covered
            self._check(head, page)
            # Of what stands behind it, a page says nothing that shows the order to be lost.
            ordered = order is not None and head.order == order
            covered = ordered and ended_before(page.jobs, self._ledger.frontiers[head.state] - SLACK)
            return covered or (not deep and not completions)

        reading = self._reading(head, order, deep=deep)
        await reader.read(Query(self._target, head.state), reading, judge=judge)
        trailing = isinstance(reading, TrailingReading)
        # No frontier rests on an end that was believed rather than proven.
        covered = covered and (deep or not trailing)
        believed = head.believes(reading, began.mono)
        if reading.whole and (covered or (deep and believed)):
            self._cover(head, began.mono, offer)
        if trailing and reading.whole and reading.rows:
            head.rows = reading.end
        return reading.whole

    def _reading(self, head: Head, order: Order | None, *, deep: bool) -> Reading | TrailingReading:
        if order is not None and not order.newest_first:
            trust = self._sweep.counts_hold
            return TrailingReading(
                expected=head.rows, capacity=self._sight.longest_page, confirm=deep, trust_count=trust
            )
        # One empty page is believed only where no row is known to be there, and no frontier rests on it.
        return self._forward(head, expected=1 if deep or head.rows else 0)

    def _forward(self, head: Head, *, expected: int) -> Reading:
        head.readings += 1
        phase = head.readings * _PHASE_STEP
        return Reading(expected=expected, capacity=self._sight.longest_page, phase=phase, trust_count=False)

    def _check(self, head: Head, page: Page) -> None:
        ids = tuple(row.job_id for row in page.jobs)
        head.glance = head.glance or Glance(ids, page.total_count)
        if ids == head.ids:
            return
        ordering = Ordering()
        ordering.take(page.jobs)
        if not head.check(ids, ordering):
            self._diary.order(head.state, None)

    def _cover(self, head: Head, began: float, offer: float | None) -> None:
        head.covered_at = began
        if offer is not None:
            self._ledger.frontiers[head.state] = max(self._ledger.frontiers[head.state], offer)

    async def scan(self, reader: Reader, margin: float) -> None:
        """Read whole the listings for which that is due, one after the other, at no more than half the rate."""
        if not self._begin():
            return
        for head in self._heads:
            now = self._sight.now()
            if reader.refusal is None and head.scan_due(now.wall, now.mono, sees_all=self._sees_all, margin=margin):
                await self._scan(head, reader)

    async def _scan(self, head: Head, reader: Reader) -> None:
        began = self._sight.now()
        offer = self._sweeps.offer(began.mono)
        ordering = Ordering()

        def judge(page: Page, _completions: int) -> bool:
            ordering.take(page.jobs)
            return False

        reading = self._forward(head, expected=1)
        await reader.read(Query(self._target, head.state), reading, judge=judge, pause=self._pause)
        head.unread = 0 if reading.whole else head.unread + 1
        if not head.believes(reading, began.mono) or not reading.whole:
            return
        self._ledger.surveyed.add(head.state)
        self._sweep.counted = self._sweep.counted or (reading.rows > 0 and reading.rows in reading.counts)
        before, head.order, head.ids = head.order, ordering.verdict(), ()
        head.rows, head.audited = reading.rows, began.wall
        head.settled = head.settled or offer is not None
        self._cover(head, began.mono, offer)
        if head.order != before or head.needs_full_scan(sees_all=self._sees_all):
            self._diary.order(head.state, head.order)

    async def _pause(self) -> None:
        rate = self._api.rate_limit
        await anyio.sleep(2 / rate if rate else 0)

    def record(self, now: Instant) -> TargetRecord:
        """Return what is to be kept of the listings."""
        return TargetRecord(
            started=now.wall - (now.mono - self._floor.mono),
            frontiers=dict(self._ledger.frontiers),
            surveyed=tuple(sorted(self._ledger.surveyed)),
            orders={head.state: (*head.order,) for head in self._heads if head.order and head.keeps_order},
            audited={head.state: head.audited for head in self._heads if head.audited is not None},
            expected={head.state: head.rows for head in self._heads},
            waiting_seen=self._sweep.waiting_seen,
            counted=self._sweep.counted,
        )

    def restore(self, record: TargetRecord, now: Instant) -> None:
        """Take up what an earlier process has kept, which may have ended before it knew the time."""
        self._floor = self._floor._replace(mono=now.mono - max(0.0, now.wall - record.started))
        self._sweep.waiting_seen, self._sweep.counted = record.waiting_seen, record.counted
        self._ledger.frontiers.update(record.frontiers)
        self._ledger.surveyed.update(record.surveyed)
        for head in self._heads:
            order = record.orders.get(head.state)
            head.order = None if order is None else Order(*order)
            head.settled = head.order is not None and head.order.maybe_by_creation
            head.audited = record.audited.get(head.state)
            head.rows = record.expected.get(head.state, 0)
