"""Reads the listings of finished jobs from their newest end, and whole where there is no knowing which end that is."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import anyio

from poller.cycle.balance import Counts
from poller.cycle.diary import Diary
from poller.cycle.head import Head
from poller.cycle.reader import Reader, Sight
from poller.cycle.sweep import Sweep
from poller.frontier import Floor, Sweeps, ended_before
from poller.models import Completion, Instant, Page, Query, State, Target
from poller.ordering import SLACK, Order, Ordering
from poller.reading import Reading, TrailingReading
from poller.stats import ApiStats
from poller.tracker import TargetRecord

_PHASE_STEP: Final = 7
_UNREAD_MOST: Final = 3
_STATES: Final = (State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS)


class _News:
    """The completions that one reading was the first to show, as far as pages to come may show them again."""

    def __init__(self, window: int) -> None:
        self._pages: deque[frozenset[str]] = deque(maxlen=2 * window)
        self._spread = False

    def add(self, completions: Sequence[Completion]) -> None:
        """Take those that a page showed."""
        if completions:
            self._pages.append(frozenset([completion.job.job_id for completion in completions]))

    def reach_the_end_of(self, page: Page) -> bool:
        """Tell whether a page's last row is one of them, so that more may stand behind it."""
        reached = bool(page.jobs) and self._has(page.jobs[-1].job_id)
        self._spread = self._spread or reached
        return reached

    def spread_to(self, page: Page) -> bool:
        """Tell whether a page has any, where pages are read side by side.

        One that comes after both its neighbours may find that they have shown all of its rows.
        """
        return self._spread and any(self._has(row.job_id) for row in page.jobs)

    def _has(self, job_id: str) -> bool:
        return any(job_id in news for news in self._pages)


class Heads:
    """One target's listings of finished jobs, and how far each has been covered.

    ``window`` is how many pages are under way at a time where many bring news.
    """

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
        window: int = 1,
    ) -> None:
        self._target = target
        self._sight = sight
        self._ledger = sight.tracker.ledger
        self._sweep = sweep
        self._sweeps = sweeps
        self._diary = diary
        self._api = api
        self._floor = floor
        self._window = window
        self._heads = tuple(Head(state) for state in _STATES)

    @property
    def full_scan(self) -> bool:
        """Tell whether a listing without order has to be read whole, again and again."""
        return any(head.needs_full_scan(sees_all=self._sees_all) for head in self._heads)

    @property
    def counts(self) -> Counts:
        """What the API counts in each listing, as of when it was last begun."""
        return {head.state: head.count for head in self._heads}

    @property
    def _sees_all(self) -> bool:
        return self._sweep.sees_all and not self._sight.tracker.unlisted

    async def run(self, reader: Reader, margin: float) -> bool:
        """Read each head until a page brings nothing new, down to the frontier once per margin; True if all came."""
        if not self._begin():
            return False
        complete = True
        for head in self._heads:
            if reader.refusal:
                return False
            complete = await self._read(head, reader, margin) and complete
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
        covering: list[Page] = []
        news = _News(self._window)
        reading = self._reading(head, order, deep=deep)

        def judge(page: Page, completions: Sequence[Completion]) -> bool:
            if not head.check(page):
                self._diary.order(head.state, None)
            covers = self._covers(head, order, page)
            if covers:
                covering.append(page)
            news.add(completions)
            if order is not None and isinstance(reading, Reading) and news.reach_the_end_of(page):
                # After an outage there are many such pages: twice as far each time, they are read side by side.
                reading.foresee(2 * (reading.end + page.received))
            return covers or (not deep and not completions and not news.spread_to(page))

        await reader.read(Query(self._target, head.state), reading, judge=judge)
        trailing = isinstance(reading, TrailingReading)
        # No frontier rests on an end that was believed rather than proven.
        covered = any(page is reading.ended_by for page in covering) and (deep or not trailing)
        believed = head.believes(reading, began.mono)
        # One that came late, of pages side by side, may have shown that the order is lost which the end rests on.
        misled = reading.ended_by is not None and head.order != order
        if reading.whole and not misled and (covered or (deep and believed)):
            self._cover(head, began.mono, offer)
        head.count = reading.first_count
        if trailing and reading.whole and reading.rows:
            head.rows = reading.end
        return reading.whole

    def _covers(self, head: Head, order: Order | None, page: Page) -> bool:
        """Tell whether a page shows that all behind it ended before the frontier.

        It shows nothing of that where it shows the order to be lost.
        """
        ordered = order is not None and head.order == order
        return ordered and ended_before(page.jobs, self._ledger.frontiers[head.state] - SLACK)

    def _reading(self, head: Head, order: Order | None, *, deep: bool) -> Reading | TrailingReading:
        if order is not None and not order.newest_first:
            trust = self._sweep.counts_hold
            return TrailingReading(
                expected=head.rows, capacity=self._sight.longest_page, confirm=deep, trust_count=trust
            )
        # One empty page is believed only where no row is known to be there, and no frontier rests on it.
        return self._forward(head, expected=1 if deep or head.rows else 0, window=self._window)

    def _forward(self, head: Head, *, expected: int, window: int = 1) -> Reading:
        head.readings += 1
        phase = head.readings * _PHASE_STEP
        capacity = self._sight.longest_page
        return Reading(expected=expected, capacity=capacity, phase=phase, window=window, trust_count=False)

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

        def judge(page: Page, _completions: Sequence[Completion]) -> bool:
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
