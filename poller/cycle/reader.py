"""Reads the listings and look-ups of one target, and passes on what each page shows as it comes."""

from collections.abc import Callable

import anyio
from msgspec import structs

from poller.cycle.ports import Pages
from poller.cycle.pulse import Pulse
from poller.cycle.reporter import Reporter
from poller.errors import ApiError, FixRequest, NeedsAction
from poller.models import Instant, Page, Query
from poller.reading import Ask, Reading
from poller.tracker import Tracker

PAGE_WITHIN = 1800.0
"""Seconds in which a page comes or is given up: every retry at its slowest, and a turn at the slowest rate."""


class Reader:
    """One cycle's requests. ``failures`` are those that brought no page after every retry."""

    def __init__(
        self, tracker: Tracker, pages: Pages, reporter: Reporter, pulse: Pulse, now: Callable[[], Instant]
    ) -> None:
        self.received = 0
        self.skipped = 0
        self.unlisted_states: set[str] = set()
        self.failures: list[ApiError] = []
        self._tracker = tracker
        self._pages = pages
        self._reporter = reporter
        self._pulse = pulse
        self._now = now

    @property
    def refusal(self) -> NeedsAction | None:
        """What a person must act on before this target can be read again."""
        return next((error for error in self.failures if isinstance(error, NeedsAction)), None)

    async def read(self, query: Query, reading: Reading, found: set[str] | None = None) -> None:
        """Drive a reading to its end; add the ids that came to ``found``.

        Rows count as sightings as soon as they are here, whatever becomes of the rest of the reading. Raises
        `FixRequest` where a look-up is refused, which says something of its ids and nothing of the target.
        """
        refused: list[FixRequest] = []

        async with anyio.create_task_group() as group:

            def launch() -> None:
                for ask in reading.asks():
                    group.start_soon(fetch, ask)

            async def fetch(ask: Ask) -> None:
                self._pulse.beat(within=PAGE_WITHIN)
                try:
                    page = await self._pages.page(structs.replace(query, offset=ask.offset, limit=ask.limit))
                except ApiError as error:
                    reading.abandon()
                    if query.job_ids and isinstance(error, FixRequest):
                        refused.append(error)
                    else:
                        self.failures.append(error)
                    return
                await self._take(page, found)
                reading.take(ask, page)
                launch()

            launch()
        if refused:
            raise refused[0]

    async def _take(self, page: Page, found: set[str] | None) -> None:
        self.received += 1
        self.skipped += page.skipped
        self.unlisted_states.update(page.unlisted_states)
        if found is not None:
            found.update(job.job_id for job in page.jobs)
        await self._reporter.tell(self._tracker.sight(page.jobs, self._now()))
