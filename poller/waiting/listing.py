"""Reads one target's listings once: whole, or from the newest end where a page shows which end that is."""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from poller.cycle import Pages, Pulse
from poller.cycle.ports import ReadingLike
from poller.cycle.reader import Judge, Reader, Sight
from poller.cycle.reporter import Reporter
from poller.frontier import ServerClock, ended_before
from poller.models import MAX_PAGE_ROWS, Completion, Instant, News, Page, Query, Sighting, State, Target
from poller.ordering import SLACK, Ordering
from poller.reading import Reading, TrailingReading
from poller.stats import Deadlines, Stats
from poller.tracker import Tracker

_PAGES_TO_TELL: Final = 3
"""After so many pages that show no order a listing is read whole."""

_TRIES: Final = 2

Cutoff = Callable[[Collection[Sighting]], float]
"""Tells, of the rows found so far, before which time, in Unix seconds, nothing that ended is wanted any more."""


class _Nobody:
    """Takes no news: a listing is no event."""

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Leave it."""


class Listings:
    """One target's listings. ``holes`` are those that were not read whole: None is a look-up.

    Every reading raises the `poller.errors.ApiError` of a page that did not come.
    """

    def __init__(self, target: Target, pages: Pages, *, now: Callable[[], Instant], window: int) -> None:
        self.holes: list[State | None] = []
        self._target = target
        self._pages = pages
        self._window = window
        stats = Stats([target], interval=1)
        self._pulse = Pulse(Deadlines(), f"listing of {target}")
        reporter = Reporter(target, _Nobody(), stats, self._pulse)
        self._sight = Sight(Tracker(stats.job_types), reporter, ServerClock(), now)

    async def whole(self, state: State) -> Collection[Sighting]:
        """Read a listing whole."""
        rows: dict[str, Sighting] = {}
        for _ in range(_TRIES):
            reading = Reading(capacity=self._sight.longest_page, window=self._window)
            await self._read(Query(self._target, state), reading, _into(rows))
            if reading.whole:
                return rows.values()
        self.holes.append(state)
        return rows.values()

    async def newest(self, state: State, cutoff: Cutoff) -> Collection[Sighting]:
        """Read a listing of finished jobs as far as it has any that are wanted, or whole where it shows no order."""
        rows: dict[str, Sighting] = {}
        ordering = Ordering()
        pages = 0

        def judge(page: Page, _completions: Sequence[Completion]) -> bool:
            nonlocal pages
            pages += 1
            _take(page, rows)
            ordering.take(page.jobs)
            order = ordering.verdict()
            if order is None:
                return pages >= _PAGES_TO_TELL
            return not order.newest_first or _is_past(page, cutoff(rows.values()))

        reading = Reading(capacity=self._sight.longest_page)
        await self._read(Query(self._target, state), reading, judge)
        order = ordering.verdict()
        if reading.ended_by is None or (order is not None and order.newest_first):
            self._note(state, reading)
            return rows.values()
        if order is None:
            return await self.whole(state)
        return await self._from_the_end(state, reading, rows, cutoff)

    async def _from_the_end(
        self, state: State, first: Reading, rows: dict[str, Sighting], cutoff: Cutoff
    ) -> Collection[Sighting]:
        def judge(page: Page, _completions: Sequence[Completion]) -> bool:
            _take(page, rows)
            return _is_past(page, cutoff(rows.values()))

        expected = max([first.end, *first.counts])
        reading = TrailingReading(expected=expected, capacity=self._sight.longest_page, confirm=True)
        await self._read(Query(self._target, state), reading, judge)
        self._note(state, reading)
        return rows.values()

    async def look_up(self, job_ids: Sequence[str]) -> Collection[Sighting]:
        """Ask for jobs by their ids; those that the API does not know are left out."""
        rows: dict[str, Sighting] = {}
        for start in range(0, len(job_ids), MAX_PAGE_ROWS):
            asked = tuple(job_ids[start : start + MAX_PAGE_ROWS])
            reading = Reading(expected=len(asked), capacity=self._sight.longest_page, trust_count=False, wanted=asked)
            await self._read(Query(self._target, job_ids=asked), reading, _into(rows))
            self._note(None, reading)
        return rows.values()

    async def _read(self, query: Query, reading: ReadingLike, judge: Judge) -> None:
        reader = Reader(self._pages, self._sight, self._pulse)
        await reader.read(query, reading, judge=judge)
        if reader.failures:
            raise reader.refusal or reader.failures[0]

    def _note(self, state: State | None, reading: Reading | TrailingReading) -> None:
        if not reading.whole:
            self.holes.append(state)


def _take(page: Page, rows: dict[str, Sighting]) -> None:
    rows.update((row.job_id, row) for row in page.jobs)


def _into(rows: dict[str, Sighting]) -> Judge:
    def judge(page: Page, _completions: Sequence[Completion]) -> bool:
        _take(page, rows)
        return False

    return judge


def _is_past(page: Page, cutoff: float) -> bool:
    return ended_before(page.jobs, cutoff - SLACK)
