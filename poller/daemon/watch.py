"""Looks for what no task would notice by itself, and says it once."""

from typing import Final, Protocol

from poller.logs import get_logger
from poller.signature import Credentials
from poller.stats import ApiStats, EventStats

STALLED_AFTER: Final = 10.0
"""Seconds without a line written, while some wait, after which an operator is told."""

UNANSWERED_AFTER: Final = 10.0
"""Seconds without a request that succeeds, after which an operator is told."""

_log = get_logger("poller.daemon")


class Outlet(Protocol):
    """Where events leave the process."""

    def check(self) -> None:
        """Raise `poller.errors.SinkClosed` if nobody reads events any more."""
        ...

    def obstacle(self) -> str:
        """Tell in words what keeps events from being written, when something does."""
        ...

    async def aclose(self, grace: float) -> int:
        """Write for so many seconds more, then let go; return the number of events that are unwritten so far."""
        ...


class Keys(Protocol):
    """The credentials, which may be rotated at any time."""

    def current(self) -> Credentials:
        """Return those in force."""
        ...

    def take_problem(self) -> str | None:
        """Return why the last change could not be used, once."""
        ...


class Watch:
    """Keeps an eye on the outlet, the keys and the request rate; ``ceiling`` is in requests a second."""

    def __init__(self, outlet: Outlet, keys: Keys, events: EventStats, api: ApiStats, *, ceiling: float) -> None:
        self._outlet = outlet
        self._keys = keys
        self._events = events
        self._api = api
        self._ceiling = ceiling
        self._written = 0
        self._moved_at: float | None = None
        self._stalled = False
        self._slowed = False
        self._unanswered = False
        self._in_force = keys.current()

    def look(self, now: float) -> None:
        """Look once; ``now`` is monotonic, in seconds. Raises `poller.errors.SinkClosed`."""
        self._outlet.check()
        self._look_at_keys()
        self._look_at_requests(now)
        self._look_at_events(now)
        self._look_at_rate()

    def _look_at_keys(self) -> None:
        keys = self._keys.current()
        if keys is not self._in_force:
            _log.info("the credentials have changed; the new ones are in force")
        self._in_force = keys
        if problem := self._keys.take_problem():
            _log.warning("changed credentials cannot be used; the last good ones stay in force", problem=problem)

    def _look_at_requests(self, now: float) -> None:
        trouble = self._api.trouble
        unanswered = trouble is not None and now - trouble.since >= UNANSWERED_AFTER
        if trouble is not None and unanswered and not self._unanswered:
            _log.warning("no request succeeds; they are made again and again", problem=trouble.problem)
        elif self._unanswered and not unanswered:
            _log.info("requests succeed again")
        self._unanswered = unanswered

    def _look_at_events(self, now: float) -> None:
        if self._moved_at is None or not self._events.pending or self._events.written != self._written:
            self._moved_at, self._written = now, self._events.written
        stalled = now - self._moved_at >= STALLED_AFTER
        self._events.obstacle = self._outlet.obstacle() if stalled else None
        if stalled and not self._stalled:
            _log.warning(
                "events wait to be written, and polling with them",
                why=self._events.obstacle,
                events=self._events.pending,
            )
        elif self._stalled and not stalled:
            _log.info("events are taken again")
        self._stalled = stalled

    def _look_at_rate(self) -> None:
        slowed = self._api.rate_limit < self._ceiling
        if slowed and not self._slowed:
            _log.info("the API throttles requests, so they are made more slowly", rate=round(self._api.rate_limit, 2))
        elif self._slowed and not slowed:
            _log.info("requests are made at the full rate again", rate=self._ceiling)
        self._slowed = slowed
