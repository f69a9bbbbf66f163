"""Puts the rooms together, starts what has to run, and sees it to its end."""

import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.abc import TaskStatus

from poller import __version__
from poller.config import Settings
from poller.cycle import Edges, Reports, TargetPoller, cities_of, scope
from poller.daemon.discovery import Discovery
from poller.daemon.fleet import Fleet
from poller.daemon.memory import Memory
from poller.daemon.watch import Keys, Outlet, Watch
from poller.frontier import Floor
from poller.lister import Gate, Lister, open_client
from poller.logs import get_logger
from poller.metrics import Metrics
from poller.models import ALL_CITIES, Instant, Target
from poller.stats import Deadlines, DiscoveryStats, Stats
from poller.web import app, server
from poller.web.status.source import Source

if TYPE_CHECKING:
    from poller.tracker import Tracker

GRACE_SECONDS: Final = 2.5
"""How long events may still be written once the daemon has been told to end; with the rest below 5 s."""

_WATCH_EVERY: Final = 1.0
_WATCH_WITHIN: Final = 30.0
_MOST_SAID: Final = 20

_log = get_logger("poller.daemon")


def now() -> Instant:
    """Read both clocks, in the event loop."""
    return Instant(time.time(), anyio.current_time())


class Daemon:
    """Polls every target of the settings and serves metrics on ``sockets``, until a signal.

    ``trackers`` has what is known of each target's jobs, ``outlet`` is where events leave. Without ``memory`` nothing
    outlives the process.
    """

    def __init__(
        self,
        settings: Settings,
        keys: Keys,
        *,
        stats: Stats,
        reports: Reports,
        outlet: Outlet,
        memory: Memory[Any] | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.trackers: Mapping[Target, Tracker] = {}
        self._settings = settings
        self._keys = keys
        self._stats = stats
        self._reports = reports
        self.outlet = outlet
        self._memory = memory
        self._sockets = sockets
        self._deadlines = Deadlines()
        self._polled = anyio.Event()

    @property
    def keeps_state(self) -> bool:
        """Tell whether what is unwritten outlives the process."""
        return self._memory is not None

    @property
    def unwritten(self) -> int:
        """How many events could not be written, once it has ended."""
        return self._stats.events.pending

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT.

        Raises an exception group, with `poller.errors.SinkClosed` in it if nobody reads events any more.
        """
        settings = self._settings
        client = open_client(
            settings.base_url,
            timeout=settings.timeout,
            concurrency=settings.concurrency,
            trust_env=settings.trust_env,
        )
        gate = Gate(max_rps=settings.max_rps, concurrency=settings.concurrency)
        self._stats.api.rate_limit = gate.rate()
        # Before any task group, which would wrap the ConfigError that this may raise.
        lister = Lister(client, gate, self._stats.api, credentials=self._keys.current)
        fleet = self._fleet(lister)
        self.trackers = fleet.trackers
        discoveries = self._discoveries(lister, fleet)
        async with self._remembering(), aclosing(client), anyio.create_task_group() as serving:
            if self._sockets:
                metrics = Metrics(self._stats, self.trackers, now, __version__)
                web = app.create(metrics.render, self._deadlines, self._source())
                await serving.start(server.serve, web, self._sockets)
            self._say_started()
            async with anyio.create_task_group() as polling:
                await polling.start(self._drain)
                # Not in the group that a signal cancels: a second one must find somebody at home.
                await serving.start(_obey_signals, polling.cancel_scope)
                polling.start_soon(self._watch, gate)
                polling.start_soon(self._poll, fleet, discoveries)
            serving.cancel_scope.cancel()

    def _source(self) -> Source:
        return Source(
            stats=self._stats,
            trackers=self.trackers,
            now=now,
            started=now(),
            version=__version__,
            max_rps=self._settings.max_rps,
            keeps_state=self.keeps_state,
        )

    @asynccontextmanager
    async def _remembering(self) -> AsyncIterator[None]:
        """Save a last time when all has ended."""
        try:
            yield
        finally:
            if self._memory is not None:
                await self._memory.aclose()

    def _say_started(self) -> None:
        # Port 0 has become another by now, which nothing else tells.
        addresses = ["{}:{}".format(*each.getsockname()) for each in self._sockets]
        targets = [str(target) for target in self._settings.targets]
        _log.info(
            "started",
            version=__version__,
            targets=[*targets[:_MOST_SAID], *(["…"] if targets[_MOST_SAID:] else [])],
            interval=self._settings.interval,
            listen=addresses,
            state_file=self._settings.state_file,
        )
        self._say_since_when()

    def _say_since_when(self) -> None:
        lookback = self._settings.lookback
        if self._memory is not None and self._memory.resumes:
            _log.info("going on where the last process has ended")
            if lookback:
                _log.warning(
                    "POLLER_LOOKBACK counts for targets alone that are new to the state file", lookback=lookback
                )
        else:
            what = "those that ended in the lookback" if lookback else "none that ended some seconds before"
            _log.info(f"a first start: jobs that end from now on are reported, and {what}", lookback=lookback)

    def _fleet(self, lister: Lister) -> Fleet:
        settings = self._settings
        alone = len(settings.targets) == 1 and settings.targets[0].city_id != ALL_CITIES

        edges = Edges(pages=lister, reports=self._reports, keys=self._keys.current, now=now, saves=self._memory)
        started = anyio.current_time()

        def make(target: Target, uncovered_at: float | None) -> TargetPoller:
            since = Floor(started, settings.lookback) if uncovered_at is None else Floor(uncovered_at)
            return TargetPoller(
                target,
                edges,
                stats=self._stats,
                deadlines=self._deadlines,
                # Requests that nobody answers must not take every place from the other targets.
                window=settings.concurrency if alone else max(1, settings.concurrency // 2),
                floor=since,
                kept=self._memory.take(scope(target)) if self._memory else (),
            )

        fleet = Fleet(make, self._stats)
        fleet.add([target for target in settings.targets if target.city_id != ALL_CITIES])
        return fleet

    def _discoveries(self, lister: Lister, fleet: Fleet) -> list[Discovery]:
        templates = [target for target in self._settings.targets if target.city_id == ALL_CITIES]
        self._stats.discoveries = {template: DiscoveryStats() for template in templates}
        return [
            Discovery(
                template=template,
                api=lister,
                fleet=fleet,
                stats=self._stats,
                deadlines=self._deadlines,
                now=now,
                saves=self._memory,
                kept=self._memory.take(scope(template)) if self._memory else (),
                polled=cities_of(template, self._memory.scopes()) if self._memory else (),
                lookback=self._settings.lookback,
            )
            for template in templates
        ]

    async def _poll(self, fleet: Fleet, discoveries: Sequence[Discovery]) -> None:
        try:
            if self._memory is not None:
                await self._memory.resend()
                # When it was first started is known from now on, whatever becomes of the first cycle.
                await self._memory.save()
            await fleet.run(*(discovery.run for discovery in discoveries))
        finally:
            self._polled.set()

    async def _watch(self, gate: Gate) -> None:
        watch = Watch(self.outlet, self._keys, self._stats.events, self._stats.api, ceiling=self._settings.max_rps)
        while True:
            self._deadlines.declare("watch", anyio.current_time() + _WATCH_WITHIN)
            self._stats.api.rate_limit = gate.rate()
            watch.look(anyio.current_time())
            await anyio.sleep(_WATCH_EVERY)

    async def _drain(self, *, task_status: TaskStatus[None]) -> None:
        """Wait for the end, whatever brings it, and give events their last chance."""
        try:
            task_status.started()
            await anyio.sleep_forever()
        finally:
            # A stalled reader holds a poller in a write that nothing cancels, until the outlet lets go of it.
            with anyio.move_on_after(GRACE_SECONDS, shield=True):
                await self._polled.wait()
            await self.outlet.aclose(0)


async def _obey_signals(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            _log.info("ending", signal=signal.Signals(number).name)
            scope.cancel()
