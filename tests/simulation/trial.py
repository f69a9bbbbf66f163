"""One seed's run: the API, and the lives of the poller, in one process on a virtual clock."""

import logging
import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio
import structlog
import trio
from trio.testing import MockClock

from poller.checkpoint import Checkpoint, StateFile
from poller.cycle import Edges, TargetPoller
from poller.cycle.memory import scope
from poller.daemon.fleet import Fleet
from poller.frontier import Floor
from poller.lister import Gate, Lister
from poller.logs import get_logger
from poller.models import Instant, Target
from poller.simulator.api import Api
from poller.simulator.options import DEMO_CREDENTIALS
from poller.simulator.truth import Run
from poller.simulator.world import World
from poller.sink import EventLog
from poller.sink.event_log import NoOutbox
from poller.stats import Deadlines, Stats
from tests.simulation.disk import Disk, Outlet, Stdout
from tests.simulation.fuse import Fuse, Killed
from tests.simulation.plan import INTERVAL, START, Plan
from tests.simulation.watch import Watch
from tests.simulation.wire import DirectClient, reseed

_MEMORY: Final = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112 (a directory of its own in it)
"""Where commits cost no disk: what is proven of a disk is proven with real kills, elsewhere."""

_KILLS: Final = (("", 12, 5.0), ("write", 4, 30.0), ("commit", 4, 30.0))
"""What a kill comes at, within how many such effects from the planned time, and how many seconds it waits for them."""


@dataclass
class Life:
    """One process: from when to when it lived, by the API's clock, and which part of stdout is its own."""

    began: float
    ended: float = 0.0
    first_byte: int = 0
    last_byte: int = 0


@dataclass
class Result:
    """What a run has left: the truth, what was written, who lived when, and how often what has happened.

    ``requested`` is when each request was sent, by the API's clock.
    """

    plan: Plan
    runs: list[Run] = field(default_factory=list)
    data: bytes = b""
    lives: list[Life] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    requested: list[float] = field(default_factory=list)


class Trial:
    """Runs a plan."""

    def __init__(self, plan: Plan) -> None:
        self.result = Result(plan)
        self.process: Process | None = None
        self._plan = plan
        self._rng = Random(f"trial {plan.seed}")
        self._world = World(plan.options, start=START, keep_history=True)
        self.api = Api(plan.options, self._world)
        self._stdout = Stdout(self._rng, trouble=plan.write_trouble, happened=self.result.happened)

    def _time(self) -> float:
        return START + trio.current_time()

    async def run(self) -> None:
        """Live every life of the plan."""
        with tempfile.TemporaryDirectory(dir=_MEMORY) as directory:
            state = Path(directory, "state.db")
            for (begin, end), kill in zip(self._plan.lives, self._plan.kills, strict=True):
                await anyio.sleep_until(begin)
                await self._live(end, state, kill=kill)
        self._world.replica(self._time())
        self.result.runs = self._world.runs(self._time())
        self.result.data = bytes(self._stdout.data)
        self.result.requests = self.api.counts.requests
        self._count()

    def _count(self) -> None:
        """Add what the API has counted itself."""
        happened, counts = self.result.happened, self.api.counts
        happened.update({f"fault {fault}": count for fault, count in counts.faults.items()})
        happened.update({f"outage {outage}": count for outage, count in counts.outages.items()})
        happened["a request was throttled"] += counts.throttled

    async def _live(self, end: float, state: Path, *, kill: bool) -> None:
        fuse = Fuse(self.result.happened)
        life = Life(began=self._time(), first_byte=self._stdout.reopen())
        self.result.lives.append(life)
        process = Process(
            self._plan,
            self.api,
            stdout=self._stdout,
            fuse=fuse,
            result=self.result,
            rng=self._rng,
            time=self._time,
        )
        self.process = process
        process.open(state if self._plan.keeps_state else None)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._end, end, kill, fuse, group.cancel_scope)
                await process.run()
        except* Killed:
            pass
        finally:
            process.close()
            # Where a glance may take the place of a sweep, requests do not tell the two apart.
            if self._plan.sweep_interval == INTERVAL:
                process.watch.conclude(self._world.runs(self._time()))
            life.ended = self._time()
            life.last_byte = len(self._stdout.data)

    async def _end(self, at: float, kill: bool, fuse: Fuse, scope: anyio.CancelScope) -> None:  # noqa: FBT001 (private)
        await anyio.sleep_until(at)
        if kill:
            kind, steps, patience = self._rng.choice(_KILLS)
            fuse.arm(self._rng.randrange(steps), kind)
            # Where little goes on the process dies idle.
            await anyio.sleep(patience)
            if not fuse.dead:
                fuse.die("idle")
        scope.cancel()


class Process:
    """One life of the poller, put together as the daemon does it."""

    def __init__(
        self,
        plan: Plan,
        api: Api,
        *,
        stdout: Stdout,
        fuse: Fuse,
        result: Result,
        rng: Random,
        time: Callable[[], float],
    ) -> None:
        self._plan = plan
        self._api = api
        self._stdout = stdout
        self._fuse = fuse
        self._result = result
        self._rng = rng
        self.time = time
        self._stats = Stats(interval=INTERVAL, sweep_interval=plan.sweep_interval)
        self._gate = Gate(max_rps=plan.max_rps, concurrency=8)
        self.watch = Watch(
            Lister(
                DirectClient(api, fuse, time, self._note),
                self._gate,
                self._stats.api,
                credentials=lambda: DEMO_CREDENTIALS,
            ),
            time,
            result.happened,
            cap=plan.options.page_cap,
        )
        self._file: StateFile | None = None
        self._checkpoint: Checkpoint | None = None

    def now(self) -> Instant:
        """Read the host's clocks."""
        return Instant(self.time() + self._plan.skew, trio.current_time())

    def open(self, state: Path | None) -> None:
        """Open the state file, if there is one."""
        if state is None:
            return
        self._file = StateFile.open(state)
        disk = Disk(
            self._fuse,
            full=self._disk_is_full,
            delay=lambda: self._rng.random() * self._plan.slow_disk,
            happened=self._result.happened,
        )
        self._checkpoint = Checkpoint(
            self._file,
            self._stats.state,
            log=get_logger("poller.checkpoint"),
            wall=lambda: self.now().wall,
            run_sync=disk.run,
        )

    def close(self) -> None:
        """Let go of the state file as a dead process does."""
        if self._file is not None:
            self._file.close()

    def _disk_is_full(self) -> bool:
        return any(begin <= self.time() - START < end for begin, end in self._plan.full)

    def _delay(self) -> float:
        """Tell how long the reader of stdout takes for what is written now."""
        at = self.time() - START
        stalled = max((end - at for begin, end in self._plan.stalls if begin <= at < end), default=0.0)
        return stalled + self._rng.random() * self._plan.slow

    async def run(self) -> None:
        """Send again what was not written, then poll."""
        sink = Outlet(self._stdout, self._fuse, self._stats.events, delay=self._delay)
        reports: EventLog[Any] = EventLog(sink, self._checkpoint or NoOutbox(), execute_messages=False)
        for unsent in self._checkpoint.unsent() if self._checkpoint else ():
            self._result.happened["lines were sent again"] += len(unsent.lines)
            await reports.write(unsent.lines, unsent)
        self._stats.api.rate_limit = self._gate.rate()
        fleet = self._fleet(
            Edges(
                pages=self.watch, reports=reports, keys=lambda: DEMO_CREDENTIALS, now=self.now, saves=self._checkpoint
            )
        )
        if self._checkpoint is not None:
            await self._checkpoint.save()
        await fleet.run()

    def _note(self, params: dict[str, str]) -> None:
        self._result.requested.append(self.time())
        self._result.happened[f"asked for {params.get('State', 'ids')}"] += 1

    def _fleet(self, edges: Edges) -> Fleet:
        started = trio.current_time()

        def make(target: Target, uncovered_at: float | None) -> TargetPoller:
            poller = TargetPoller(
                target,
                edges,
                stats=self._stats,
                deadlines=Deadlines(),
                window=4,
                floor=Floor(started, self._plan.lookback),
                kept=self._file.entries(scope(target)) if self._file else (),
            )
            self._pollers.append(poller)
            return poller

        self._pollers: list[TargetPoller] = []
        fleet = Fleet(make, self._stats)
        fleet.add([Target(city_id=city_id) for city_id in self._plan.city_ids])
        return fleet


def run(plan: Plan, *, every: float = math.inf, look: Callable[[Trial], None] = lambda _trial: None) -> Result:
    """Run a plan from its beginning to its end, and take a look every so many seconds."""
    reseed(plan.seed)
    trial = Trial(plan)

    async def keep_looking() -> None:
        while True:
            await trio.sleep(every)
            look(trial)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(keep_looking)
            await trial.run()
            group.cancel_scope.cancel()

    with _silence():
        trio.run(main, clock=MockClock(autojump_threshold=0))
    return trial.result


@contextmanager
def _silence() -> Iterator[None]:
    """Let nobody write or format diagnostics."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)
