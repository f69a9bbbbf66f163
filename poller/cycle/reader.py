"""Reads the listings and look-ups of one target, and passes on what each page shows as it comes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio
from msgspec import structs

from poller.cycle.ports import Pages, ReadingLike
from poller.cycle.pulse import Pulse
from poller.cycle.reporter import Reporter
from poller.errors import ApiError, FixRequest, NeedsAction
from poller.frontier import ServerClock
from poller.models import Completion, Instant, Page, Query
from poller.reading import Ask
from poller.tracker import Tracker

PAGE_WITHIN: Final = 1800.0
"""Seconds in which a page comes or is given up: every retry at its slowest, and a turn at the slowest rate."""

Judge = Callable[[Page, Sequence[Completion]], bool]
"""Tells of a page, and of the completions that it was the first to show, whether nothing behind its rows is wanted."""


class Sight:
    """What a page passes through when it comes: the server's clock, the tracker, the report."""

    def __init__(self, tracker: Tracker, reporter: Reporter, clock: ServerClock, now: Callable[[], Instant]) -> None:
        self.tracker = tracker
        self.clock = clock
        self._reporter = reporter
        self._now = now
        self._longest_page = 0

    @property
    def longest_page(self) -> int:
        """How many rows the longest page had that this server has given."""
        return self._longest_page

    def now(self) -> Instant:
        """Read all three clocks."""
        return self.clock.tell(self._now())

    async def take(self, page: Page, pulse: Pulse) -> Sequence[Completion]:
        """Take a page's rows as sightings; return the completions that they showed, once those are reported.

        Meanwhile the reader's ``pulse`` promises nothing.
        """
        now = self._now()
        self._longest_page = max(self._longest_page, page.received)
        self.clock.take(now.wall if page.date is None else page.date, now.mono)
        completions = self.tracker.sight(page.jobs, self.clock.tell(now))
        if completions:
            with pulse.paused():
                await self._reporter.tell(completions)
        return completions


class Reader:
    """The requests of one cycle, or of one scan. ``failures`` are those that brought no page after every retry."""

    def __init__(self, pages: Pages, sight: Sight, pulse: Pulse) -> None:
        self.received = 0
        self.skipped = 0
        self.unlisted_states: set[str] = set()
        self.failures: list[ApiError] = []
        self._pages = pages
        self._sight = sight
        self._pulse = pulse

    @property
    def refusal(self) -> NeedsAction | None:
        """What a person must act on before this target can be read again."""
        return next((error for error in self.failures if isinstance(error, NeedsAction)), None)

    async def read(
        self,
        query: Query,
        reading: ReadingLike,
        *,
        found: set[str] | None = None,
        judge: Judge = lambda _page, _completions: False,
        pause: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Drive a reading to its end; add the ids that came to ``found``, and ``pause`` after each page.

        Rows count as sightings as soon as they are here, whatever becomes of the rest of the reading. Raises
        `FixRequest` where a look-up is refused, which says something of its ids and nothing of the target.
        """
        refused: list[FixRequest] = []

        async with anyio.create_task_group() as group:

            def share(asks: list[Ask]) -> Ask | None:
                """Leave all but the first to others, so that a page costs no task of its own."""
                for ask in asks[1:]:
                    group.start_soon(fetch, ask)
                return asks[0] if asks else None

            async def fetch(ask: Ask | None) -> None:
                while ask is not None:
                    page = await self._page(structs.replace(query, offset=ask.offset, limit=ask.limit), refused)
                    if page is None:
                        reading.abandon()
                        return
                    completions = await self._take(page, found)
                    reading.take(ask, page, enough=judge(page, completions))
                    if pause is not None:
                        await pause()
                    ask = share(reading.asks())

            await fetch(share(reading.asks()))
        if refused:
            raise refused[0]

    async def _page(self, query: Query, refused: list[FixRequest]) -> Page | None:
        """Fetch a page; None if it does not come. A look-up that is ``refused`` is no failure yet."""
        self._pulse.beat(within=PAGE_WITHIN)
        try:
            return await self._pages.page(query)
        except ApiError as error:
            if query.job_ids and isinstance(error, FixRequest):
                refused.append(error)
            else:
                self.failures.append(error)
            return None

    async def _take(self, page: Page, found: set[str] | None) -> Sequence[Completion]:
        self.received += 1
        self.skipped += page.skipped
        self.unlisted_states.update(page.unlisted_states)
        if found is not None:
            found.update(job.job_id for job in page.jobs)
        return await self._sight.take(page, self._pulse)
