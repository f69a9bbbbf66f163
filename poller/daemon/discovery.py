"""Asks the API which cities there are, again and again, so that the fleet follows."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
import msgspec

from poller.cycle import PAGE_WITHIN, Cities, Pulse, Saves, refused_pause, scope
from poller.daemon.fleet import Fleet
from poller.errors import ApiError, NeedsAction
from poller.logs import get_logger
from poller.models import Instant, Target
from poller.roster import Change, Roster
from poller.stats import Deadlines, Stats
from poller.tracker import TargetRecord, decode_target, encode

EVERY: Final = 3600.0
"""Seconds from one answer to the next question, a tenth more or less."""

_AFTER_FAILURE: Final = 30.0
_SLACK: Final = 60.0

_log = get_logger("poller.daemon")


@dataclass(slots=True, kw_only=True)
class Discovery:
    """One product type's cities. Until they are known for the first time nothing of it is polled.

    ``template`` is a target whose city is `poller.models.ALL_CITIES`. ``polled`` are the cities of which an earlier
    process has left entries, whatever the first answer lists; ``kept`` is what its discovery has left. ``lookback`` is
    in seconds.
    """

    template: Target
    api: Cities
    fleet: Fleet
    stats: Stats
    deadlines: Deadlines
    now: Callable[[], Instant]
    saves: Saves | None = None
    kept: Iterable[tuple[str, bytes]] = ()
    polled: Sequence[str] = ()
    lookback: float = 0.0
    _roster: Roster = field(default_factory=Roster, init=False)
    _failures: int = field(default=0, init=False)
    _trouble: str | None = field(default=None, init=False)
    _first: Instant = field(init=False)
    _asked: Instant | None = field(default=None, init=False)
    _changed: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self._first = now = self.now()
        for _, value in self.kept:
            record = decode_target(value)
            self._first = self._earlier(record.started)
            self._asked = None if record.saved is None else self._earlier(record.saved)
        self._roster.restore(self.polled, now.mono)
        self.fleet.add([self._target(city_id) for city_id in self.polled])
        if self.saves is not None:
            self.saves.attach(scope(self.template), self._changes)

    def _earlier(self, wall: float) -> Instant:
        now = self.now()
        return Instant(wall, now.mono - max(0.0, now.wall - wall))

    def _changes(self) -> list[tuple[str, bytes | None]]:
        """Keep when polling began, and when the cities were asked for: one that is new was not there then."""
        if not self._changed:
            return []
        self._changed = False
        return [("", encode(TargetRecord(started=self._first.wall, saved=self._asked.wall if self._asked else None)))]

    async def run(self) -> None:
        """Ask until cancelled."""
        pulse = Pulse(self.deadlines, f"discovery of {self.template}")
        while True:
            pulse.beat(within=PAGE_WITHIN)
            asked = self.now()
            try:
                listed = await self.api.cities(self.template)
            except ApiError as error:
                pause = self._fail(error)
            else:
                # A city that goes may have to wait for whoever reads its last events.
                with pulse.paused():
                    pause = await self._follow(listed, asked)
            pulse.beat(within=pause + _SLACK)
            await anyio.sleep(pause)

    def _fail(self, error: ApiError) -> float:
        """Say what is wrong, once; return how long to wait."""
        refused = isinstance(error, NeedsAction)
        self._failures += 1
        self.stats.discoveries[self.template].refusal = str(error) if refused else None
        if error.code != self._trouble:
            self._trouble = error.code
            say = _log.error if refused else _log.warning
            say("the cities cannot be discovered; asking goes on", target=str(self.template), problem=str(error))
        return refused_pause(self._failures) if refused else _AFTER_FAILURE

    async def _follow(self, listed: tuple[str, ...], asked: Instant) -> float:
        """Let the fleet have the cities that an answer lists; return how long to wait."""
        own = self.stats.discoveries[self.template]
        own.refusal = None
        trackers = self.fleet.trackers
        busy = {target.city_id or "" for target, tracker in trackers.items() if self._is_ours(target) and tracker.busy}
        change = self._roster.take(listed, busy, anyio.current_time())
        for city_id in change.gone:
            await self.fleet.withdraw(self._target(city_id))
        uncovered_at = self._asked.mono if self._asked else self._first.mono - self.lookback
        self.fleet.add([self._target(city_id) for city_id in change.came], late=own.done, uncovered_at=uncovered_at)
        if listed:
            self._asked, self._changed = asked, True
        own.done = True
        self._say(change, listed)
        self._failures = 0 if listed else self._failures + 1
        return EVERY * random.uniform(0.9, 1.1) if listed else refused_pause(self._failures)  # noqa: S311 (no secret)

    def _is_ours(self, target: Target) -> bool:
        return self._target(target.city_id or "") == target

    def _target(self, city_id: str) -> Target:
        return msgspec.structs.replace(self.template, city_id=city_id)

    def _say(self, change: Change, listed: tuple[str, ...]) -> None:
        trouble = None if listed else "empty"
        if trouble and trouble != self._trouble:
            _log.warning("the API lists no city; asking goes on", target=str(self.template))
        elif self._trouble and not trouble:
            _log.info("cities are listed again", target=str(self.template))
        self._trouble = trouble
        if change.came or change.gone:
            _log.info(
                "the cities have changed",
                target=str(self.template),
                came=change.came,
                gone=change.gone,
                all=len(listed),
            )
        if change.missing:
            _log.warning("cities are listed no more; polled for now", target=str(self.template), cities=change.missing)
        if change.excess:
            _log.warning("more cities than are polled", target=str(self.template), left_out=change.excess)
