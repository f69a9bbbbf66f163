"""Polls one target, cycle after cycle: orchestration only. What is decided, the core decides."""

from collections.abc import Callable, Iterable
from typing import Final

import anyio

from poller.cycle.balance import Balance, Counts
from poller.cycle.diary import Diary, problem_of
from poller.cycle.heads import Heads
from poller.cycle.look_up import LookUp
from poller.cycle.memory import Memory, scope
from poller.cycle.ports import Edges
from poller.cycle.pulse import Pulse
from poller.cycle.reader import Reader, Sight
from poller.cycle.reporter import Reporter
from poller.cycle.sweep import Sweep
from poller.frontier import Floor, ServerClock, Sweeps, margin
from poller.models import Instant, Target
from poller.stats import Deadlines, Outcome, Stats, label
from poller.tracker import Tracker

_SLEEP_SLACK: Final = 60.0
_REFUSED_PAUSES: Final = (60.0, 120.0, 300.0, 600.0)
"""Seconds between cycles while the API refuses the target for good: keys may be mended any time, but not by us."""

_KEYS_LOOK: Final = 1.0
_UNSIGHTED_INTERVALS: Final = 2
_TICK: Final = 0.5
"""Seconds by which a cycle may begin early, and a sweep with it, rather than an interval late."""


def refused_pause(refusals: int) -> float:
    """Return how long to wait after so many refusals in a row, in seconds."""
    return _REFUSED_PAUSES[min(refusals, len(_REFUSED_PAUSES)) - 1] if refusals else 0.0


class TargetPoller:
    """One target's cycles. They never overlap; one that ran late is followed at once by the next.

    ``floor`` is where news begins, unless an earlier process has left ``kept`` entries. ``others`` returns the least
    frontier of the targets that list the same jobs.
    """

    def __init__(
        self,
        target: Target,
        edges: Edges,
        *,
        stats: Stats,
        deadlines: Deadlines,
        window: int,
        floor: Floor,
        kept: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        self.tracker = Tracker(stats.job_types)
        self.others: Callable[[], float] = lambda: float("inf")
        self._target = target
        self._edges = edges
        self._stats = stats
        self._own = stats.targets[target]
        self._deadlines = deadlines
        self._pulse = Pulse(deadlines, f"polling of {target}")
        self._reporter = Reporter(target, edges.reports, stats, self._pulse)
        self._refused = 0
        self._swept_at = float("-inf")
        self._log = Diary(target)
        self._sight = Sight(self.tracker, self._reporter, ServerClock(), edges.now)
        self._sweep = Sweep(target, self._sight, self._log, window=window)
        self._sweeps = Sweeps()
        self._heads = Heads(
            target,
            self._sight,
            sweep=self._sweep,
            sweeps=self._sweeps,
            diary=self._log,
            api=stats.api,
            floor=floor,
            window=window,
        )
        self._balance = Balance(self.tracker, self._own.finished)
        self._look_up = LookUp(target, self._sight, self._reporter, self._log, window=window)
        if edges.saves is not None:
            memory = Memory(target, self._sight, self._heads)
            memory.restore(kept)
            edges.saves.attach(scope(target), memory.changes)

    async def run(self, *, first_after: float = 0.0) -> None:
        """Poll until cancelled, from ``first_after`` seconds on; then report what was held back."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._scan_again, first_after)
                await self._turn(anyio.current_time() + first_after)
        finally:
            with self._pulse.paused(), anyio.CancelScope(shield=True):
                await self._part()

    async def forget(self) -> None:
        """Report what was held back and leave nothing behind: the target is gone for good."""
        await self._reporter.tell(self.tracker.farewell(self._sight.now()))
        if self._edges.saves is not None:
            self._edges.saves.forget(scope(self._target))

    async def _part(self) -> None:
        if self._edges.saves is None:
            await self._reporter.tell(self.tracker.farewell(self._edges.now()))
        else:
            await self._edges.saves.save()

    async def _turn(self, due: float) -> None:
        while True:
            self._pulse.beat(within=max(0.0, due - anyio.current_time()) + _SLEEP_SLACK)
            due = await self._rest(due)
            await self.cycle()
            pause = refused_pause(self._refused)
            due = max(due + max(self._stats.interval, pause), anyio.current_time())

    async def _rest(self, due: float) -> float:
        """Wait until a cycle is due, or until there are other keys than those that were refused; return when."""
        keys = self._edges.keys()
        # Keys come from files, which nobody tells of.
        while (left := due - anyio.current_time()) > 0:
            await anyio.sleep(min(left, _KEYS_LOOK) if self._refused else left)
            if self._refused and self._edges.keys() is not keys:
                self._refused = 0
                return anyio.current_time()
        return due

    async def _scan_again(self, first_after: float) -> None:
        """Read whole, beside the cycles, what has to be; its requests take turns with theirs."""
        await anyio.sleep(first_after)
        while True:
            await anyio.sleep(self._stats.interval)
            if not self._refused:
                await self.scan()

    async def scan(self) -> None:
        """Read whole the listings of finished jobs that are due."""
        pulse = Pulse(self._deadlines, f"scanning of {self._target}")
        try:
            await self._heads.scan(Reader(self._edges.pages, self._sight, pulse), self._margin)
        finally:
            pulse.lift()

    async def cycle(self) -> Outcome:
        """Sweep, read the heads, look up, report: one cycle."""
        began = self._edges.now()
        reader = Reader(self._edges.pages, self._sight, self._pulse)
        complete = await self._rest_or_sweep(reader, began)
        await self._reporter.tell(self.tracker.overdue(self._sight.now()))
        self.tracker.settle(self._sight.now(), margin=self._margin, others=self.others())
        if self._edges.saves is not None:
            await self._edges.saves.save()
        outcome: Outcome = "complete" if complete else "partial" if reader.received else "failed"
        self._close(began, outcome, reader)
        return outcome

    async def _rest_or_sweep(self, reader: Reader, began: Instant) -> bool:
        """Bring what is known of the jobs up to date; True if nothing was left out.

        Where these and the heads explain what the API counts, the first pages take the place of a sweep for a while.
        """
        rested = self._may_rest(began) and await self._sweep.glance(reader) and await self._read_heads(reader)
        if rested and self._balance.holds(self._counts):
            return await self._look_up.run(reader, self._swept_at)
        self._balance.upset()
        swept = not reader.refusal and await self._sweep_meanwhile(reader, began)
        headed = rested or await self._read_heads(reader)
        # An absence proves nothing, but after a whole sweep it is reason enough to ask.
        cutoff = began.mono if swept else began.mono - _UNSIGHTED_INTERVALS * self._stats.interval
        answered = await self._look_up.run(reader, cutoff)
        complete = swept and headed and answered
        if complete:
            self._balance.settle(self._counts)
        return complete

    @property
    def _counts(self) -> Counts:
        return {**self._sweep.counts, **self._heads.counts}

    def _may_rest(self, began: Instant) -> bool:
        rests = self._sweep.may_rest and self._balance.is_settled
        return rests and began.mono - self._swept_at < self._stats.sweep_interval - _TICK

    async def _read_heads(self, reader: Reader) -> bool:
        return not reader.refusal and await self._heads.run(reader, self._margin)

    async def _sweep_meanwhile(self, reader: Reader, began: Instant) -> bool:
        """Sweep; while that lasts, read the heads and look jobs up in every interval."""
        over = anyio.Event()

        async def keep_up() -> None:
            while True:
                with anyio.move_on_after(self._stats.interval):
                    await over.wait()
                    return
                if await self._read_heads(reader):
                    # What this sweep has not come to yet is not absent from it.
                    await self._look_up.run(reader, self._swept_at)

        async with anyio.create_task_group() as group:
            group.start_soon(keep_up)
            whole = await self._sweep_whole(reader, began)
            over.set()
        return whole

    async def _sweep_whole(self, reader: Reader, began: Instant) -> bool:
        whole = await self._sweep.run(reader)
        if whole:
            self._swept_at = began.mono
            self._sweeps.complete(self._sight.clock.tell(began), self._edges.now().mono, self._margin)
        return whole

    @property
    def _margin(self) -> float:
        return margin(max(self._stats.interval, self._own.last_cycle_seconds))

    def _close(self, began: Instant, outcome: Outcome, reader: Reader) -> None:
        """Write down how a cycle went."""
        ended, own = self._edges.now(), self._own
        own.cycles[outcome] += 1
        own.last_cycle_seconds = ended.mono - began.mono
        family = (label(self._target.project_id), self._target.product_type)
        self._stats.cycle_seconds[family].observe(own.last_cycle_seconds)
        own.up, own.outcome, own.problem = outcome == "complete", outcome, problem_of(outcome, reader)
        if own.problem is not None:
            self._stats.errors.note(own.problem, self._target, ended.wall)
        own.full_scan = self._heads.full_scan
        self._refused = self._refused + 1 if reader.refusal else 0
        own.refusal = str(reader.refusal) if reader.refusal else None
        if own.up:
            own.last_complete_at, own.last_complete_timestamp = ended.mono, ended.wall
            own.listed = dict(self._sweep.listed())
        self._log.cycle(outcome, reader, self.tracker, own.last_cycle_seconds)
