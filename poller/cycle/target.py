"""Polls one target, cycle after cycle: orchestration only. What is decided, the tracker and the reading decide."""

from collections.abc import Callable, Sequence
from typing import Final

import anyio

from poller.cycle.diary import Diary
from poller.cycle.listing import Listing
from poller.cycle.ports import Pages, Reports
from poller.cycle.pulse import Pulse
from poller.cycle.reader import Reader
from poller.cycle.reporter import Reporter
from poller.errors import FixRequest
from poller.models import MAX_PAGE_ROWS, Instant, Query, State, Target
from poller.reading import Reading
from poller.stats import Deadlines, Outcome, Stats, label
from poller.tracker import Tracker

_SLEEP_SLACK: Final = 60.0
_REFUSED_PAUSES: Final = (60.0, 120.0, 300.0, 600.0)
"""Seconds between cycles while the API refuses the target for good: keys may be mended any time, but not by us."""

_KEYS_LOOK: Final = 1.0
_UNSIGHTED_INTERVALS: Final = 2
_PHASE_STEP: Final = 7


def refused_pause(refusals: int) -> float:
    """Return how long to wait after so many refusals in a row, in seconds."""
    return _REFUSED_PAUSES[min(refusals, len(_REFUSED_PAUSES)) - 1] if refusals else 0.0


class TargetPoller:
    """One target's cycles. They never overlap; one that ran late is followed at once by the next.

    ``keys`` returns the credentials in force, the same object until they change.
    """

    def __init__(
        self,
        target: Target,
        *,
        pages: Pages,
        reports: Reports,
        stats: Stats,
        deadlines: Deadlines,
        now: Callable[[], Instant],
        window: int,
        keys: Callable[[], object],
    ) -> None:
        self.tracker = Tracker(stats.job_types)
        self._target = target
        self._pages = pages
        self._stats = stats
        self._own = stats.targets[target]
        self._pulse = Pulse(deadlines, f"polling of {target}")
        self._reporter = Reporter(target, reports, stats, self._pulse)
        self._now = now
        self._window = window
        self._keys = keys
        # PENDING first: a job that moves on between the two is then seen twice rather than never.
        self._listings = (Listing(State.PENDING), Listing(State.RUNNING))
        self._sweeps = 0
        self._refused = 0
        self._log = Diary(target)

    async def run(self, *, first_after: float = 0.0) -> None:
        """Poll until cancelled, from ``first_after`` seconds on; then report what was held back."""
        try:
            await self._turn(anyio.current_time() + first_after)
        finally:
            with self._pulse.paused(), anyio.CancelScope(shield=True):
                await self._reporter.tell(self.tracker.farewell(self._now()))

    async def _turn(self, due: float) -> None:
        while True:
            self._pulse.beat(within=max(0.0, due - anyio.current_time()) + _SLEEP_SLACK)
            due = await self._rest(due)
            await self.cycle()
            pause = refused_pause(self._refused)
            due = max(due + max(self._stats.interval, pause), anyio.current_time())

    async def _rest(self, due: float) -> float:
        """Wait until a cycle is due, or until there are other keys than those that were refused; return when."""
        keys = self._keys()
        # Keys come from files, which nobody tells of.
        while (left := due - anyio.current_time()) > 0:
            await anyio.sleep(min(left, _KEYS_LOOK) if self._refused else left)
            if self._refused and self._keys() is not keys:
                self._refused = 0
                return anyio.current_time()
        return due

    async def cycle(self) -> Outcome:
        """Sweep, look up, report: one cycle."""
        began = self._now()
        reader = Reader(self.tracker, self._pages, self._reporter, self._pulse, self._now)
        swept = await self._sweep(reader)
        # An absence proves nothing, but after a whole sweep it is reason enough to ask.
        cutoff = began.mono if swept else began.mono - _UNSIGHTED_INTERVALS * self._stats.interval
        answered = await self._look_up(reader, cutoff)
        await self._reporter.tell(self.tracker.overdue(self._now()))
        self.tracker.settle(self._now())
        outcome: Outcome = "complete" if swept and answered else "partial" if reader.received else "failed"
        self._close(began, outcome, reader)
        return outcome

    async def _sweep(self, reader: Reader) -> bool:
        """Read what is active; True if every listing was read whole, or is known to be kept from us."""
        whole = True
        for listing in self._listings:
            whole = await self._sweep_one(listing, reader) and whole
            if reader.refusal:
                return False
        self._sweeps += 1
        return whole

    async def _sweep_one(self, listing: Listing, reader: Reader) -> bool:
        reading = Reading(
            expected=listing.expected,
            phase=self._sweeps * _PHASE_STEP,
            window=self._window,
            trust_count=self._counts_are_trusted,
        )
        await reader.read(Query(self._target, listing.state), reading)
        was_blind = listing.blind
        listing.learn(reading)
        if listing.blind != was_blind:
            self._log.blindness(listing)
        return reading.whole or listing.blind

    @property
    def _counts_are_trusted(self) -> bool:
        return all(listing.count_holds is not False for listing in self._listings)

    async def _look_up(self, reader: Reader, cutoff: float) -> bool:
        """Ask by id for the jobs that were not sighted; True if every answer was whole."""
        if reader.refusal:
            return False
        ids = self.tracker.questions(cutoff, self._now())
        control = self.tracker.control(cutoff)
        size = MAX_PAGE_ROWS - 1 if control is not None else MAX_PAGE_ROWS
        batches = [ids[start : start + size] for start in range(0, len(ids), size)]
        places = anyio.Semaphore(self._window)
        answers: list[bool] = []

        async def ask(batch: Sequence[str]) -> None:
            async with places:
                answers.append(await self._ask(batch, control, reader))

        async with anyio.create_task_group() as group:
            for batch in batches:
                group.start_soon(ask, batch)
        return all(answers)

    async def _ask(self, batch: Sequence[str], control: str | None, reader: Reader) -> bool:
        """Look one batch up, with a job that must come back beside it to show that absence means something."""
        asked = tuple(batch) if control is None else (*batch, control)
        found: set[str] = set()
        reading = Reading(expected=len(asked), trust_count=False, wanted=asked)
        try:
            await reader.read(Query(self._target, job_ids=asked), reading, found)
        except FixRequest as refusal:
            return await self._ask_less(batch, control, reader, refusal)
        if reading.whole:
            await self._reporter.tell(self.tracker.absent(batch, found, control, self._now()))
        return reading.whole

    async def _ask_less(self, batch: Sequence[str], control: str | None, reader: Reader, refusal: FixRequest) -> bool:
        """Look up half a batch at a time: the API takes fewer ids than we thought, or dislikes one of them."""
        if len(batch) > 1:
            half = len(batch) // 2
            return all([await self._ask(part, control, reader) for part in (batch[:half], batch[half:])])
        if control is not None:
            return await self._ask(batch, None, reader)
        self._log.refused_id(batch[0], refusal)
        await self._reporter.tell(self.tracker.absent(batch, (), None, self._now()))
        return True

    def _close(self, began: Instant, outcome: Outcome, reader: Reader) -> None:
        """Write down how a cycle went."""
        ended, own = self._now(), self._own
        own.cycles[outcome] += 1
        own.last_cycle_seconds = ended.mono - began.mono
        family = (label(self._target.project_id), self._target.product_type)
        self._stats.cycle_seconds[family].observe(own.last_cycle_seconds)
        own.up = outcome == "complete"
        self._refused = self._refused + 1 if reader.refusal else 0
        own.refusal = str(reader.refusal) if reader.refusal else None
        if own.up:
            own.last_complete_at, own.last_complete_timestamp = ended.mono, ended.wall
            own.listed = self._listed()
        self._log.cycle(outcome, reader, self.tracker, own.last_cycle_seconds)

    def _listed(self) -> dict[State, int]:
        """Return the API's own counts, where one has proved to be of its state."""
        proved = self._counts_are_trusted and any(listing.count_holds for listing in self._listings)
        return {
            listing.state: listing.count
            for listing in self._listings
            if listing.count is not None and (listing.count_holds or (listing.blind and proved))
        }
