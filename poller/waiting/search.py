"""Looks for jobs in one target, until each has ended there, or is known not to be there."""

from collections.abc import Callable, Collection, Iterable
from typing import Final

import anyio
from msgspec import structs

from poller.cycle import Pages, Pulse, Reports
from poller.cycle.diary import Diary
from poller.cycle.look_up import LookUp
from poller.cycle.reader import Reader, Sight
from poller.cycle.reporter import Reporter
from poller.errors import ApiError, NeedsAction
from poller.frontier import ServerClock
from poller.lifecycle import TERMINAL
from poller.models import Completion, Instant, Page, Query, Sighting, State, Target
from poller.reading import Ask
from poller.runs import Tracked
from poller.stats import Deadlines, Stats
from poller.tracker import Tracker

REFUSED_FOR: Final = 60.0
"""Seconds for which a target that has answered may refuse before it is given up: keys may be rotated meanwhile."""

UNREACHED_FOR: Final = 600.0
"""Seconds for which a target that has answered may not be reached before it is given up."""


class _First:
    """A reading of the first row of a listing: a `poller.cycle.ports.ReadingLike`."""

    def __init__(self) -> None:
        self._asks = [Ask(0, 1)]

    def asks(self) -> list[Ask]:
        """Return the one page to ask for, once."""
        asks, self._asks = self._asks, []
        return asks

    def take(self, ask: Ask, page: Page, *, enough: bool = False) -> None:
        """Take it."""

    def abandon(self) -> None:
        """Do without."""


class _Noted:
    """Pages, each told of before anybody else has it."""

    def __init__(self, pages: Pages, note: Callable[[Sighting], None]) -> None:
        self._pages = pages
        self._note = note

    async def page(self, query: Query) -> Page:
        """Fetch a page."""
        page = await self._pages.page(query)
        for row in page.jobs:
            self._note(row)
        return page


class Search:
    """The look-ups of one target. ``sought`` are the jobs whose fate it may still tell.

    A job that no answer has shown yet is tracked as UNKNOWN, so that the rule for unresolved jobs is the tracker's;
    with its first row it makes way for what that shows. ``note`` is called with every row before the tracker has it.
    ``problem`` is why the target does not answer; once ``alive`` is false it is not asked any more.
    """

    def __init__(
        self,
        target: Target,
        ids: Iterable[str],
        *,
        pages: Pages,
        reports: Reports,
        note: Callable[["Search", Sighting], None],
        now: Callable[[], Instant],
        stats: Stats,
        window: int,
    ) -> None:
        self.target = target
        self.sought = dict.fromkeys(ids)
        self.alive = True
        self.problem: str | None = None
        self.answered = False
        self._note = note
        self._tracker = Tracker(stats.job_types)
        self._unseen = set(self.sought)
        self._failing_since: float | None = None
        self._pulse = Pulse(Deadlines(), f"waiting in {target}")
        self._reporter = Reporter(target, reports, stats, self._pulse)
        self._pages = _Noted(pages, self._meet)
        self._sight = Sight(self._tracker, self._reporter, ServerClock(), now)
        self._look_up = LookUp(target, self._sight, self._reporter, Diary(target), window=window)
        self._await_all()

    def _await_all(self) -> None:
        """Have every end count as news, whenever it was, and every absence as one of a job that ought to be there."""
        ledger = self._tracker.ledger
        ledger.frontiers.update(dict.fromkeys(TERMINAL, 0.0))
        ledger.surveyed.update(TERMINAL)
        for job_id in self.sought:
            self._tracker.book.take_up(job_id, Tracked(State.UNKNOWN, "", None, None, float("-inf")))

    @property
    def seeks(self) -> bool:
        """Tell whether looking again may tell anything."""
        return self.alive and bool(self.sought)

    def has_seen(self, job_id: str) -> bool:
        """Tell whether an answer has shown a job."""
        return job_id not in self._unseen

    def leave(self, job_id: str) -> None:
        """Look for a job no more: its fate is known, or will be told elsewhere."""
        self.sought.pop(job_id, None)
        book = self._tracker.book
        book.drop(job_id)
        book.held.pop(job_id, None)
        book.dormant.pop(job_id, None)

    async def run(self, pause: Callable[[], float]) -> None:
        """Look, again and again, for as long as anything may come of it."""
        while self.seeks:
            await self.look()
            if self.seeks:
                await anyio.sleep(pause())

    async def look(self) -> None:
        """Ask once for every job that is sought."""
        began = self._sight.now()
        reader = Reader(self._pages, self._sight, self._pulse)
        if not self.answered:
            # It shows that the target answers at all, and a job that the API must know.
            await self._find_control(reader)
        if not reader.failures:
            await self._ask(reader, began.mono)
        await self._reporter.tell(self._tracker.overdue(self._sight.now()))
        await self._release()
        self._judge(reader.failures, received=reader.received > 0, now=self._sight.now().mono)

    async def part(self) -> None:
        """Tell of the jobs that are over but for the time of their end."""
        await self._reporter.tell(self._tracker.farewell(self._sight.now()))

    async def _ask(self, reader: Reader, cutoff: float) -> None:
        """Look all jobs up, and those that were missing again beside one that the API must know, if there was none."""
        tracker = self._tracker
        controlled = tracker.control(cutoff) is not None
        await self._look_up.run(reader, cutoff)
        if controlled or reader.failures or all(tracker.jobs[job_id].sighted >= cutoff for job_id in self._tracked):
            self._dismiss()
            return
        if tracker.control(cutoff) is None:
            await self._find_control(reader)
        if not reader.failures:
            await self._look_up.run(reader, cutoff)
        self._dismiss()

    @property
    def _tracked(self) -> Collection[str]:
        return self.sought.keys() & self._tracker.jobs.keys()

    async def _find_control(self, reader: Reader) -> None:
        """See any job that the target lists, of whatever type: look-ups know no filter."""
        await reader.read(Query(structs.replace(self.target, job_types=())), _First())

    def _dismiss(self) -> None:
        """Track nothing but what is sought: a control has done its work."""
        for job_id in self._tracker.jobs.keys() - self.sought.keys():
            self._tracker.book.drop(job_id)

    def _meet(self, row: Sighting) -> None:
        """Take note of a row before the tracker has it."""
        job_id = row.job_id
        if job_id in self._unseen:
            self._unseen.discard(job_id)
            self._tracker.book.drop(job_id)
            self._tracker.book.dormant.pop(job_id, None)
        self._note(self, row)

    async def _release(self) -> None:
        """Tell at once of jobs that had ended before anyone looked; a time that is missing then is not waited for."""
        held = self._tracker.book.held
        over = [job_id for job_id in held if job_id in self.sought and held[job_id].previous_state is None]
        released = [held.pop(job_id) for job_id in over]
        await self._reporter.tell([Completion(each.job, None, each.seen.wall) for each in released])

    def _judge(self, failures: list[ApiError], *, received: bool, now: float) -> None:
        """Give the target up if it has not answered for too long; one that has never done so at once."""
        if received or not failures:
            self.answered, self.problem, self._failing_since = True, None, None
            return
        refusal = next((error for error in failures if isinstance(error, NeedsAction)), None)
        self.problem = str(refusal or failures[0])
        self._failing_since = now if self._failing_since is None else self._failing_since
        patience = REFUSED_FOR if refusal else UNREACHED_FOR
        self.alive = self.answered and now - self._failing_since < patience
