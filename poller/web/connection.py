"""A connection held to limits that uvicorn lacks: it waits for ever for a request's headers, and for a reader."""

from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What clients may take of the process.

    ``request_seconds`` bounds the time from connecting to an answer; ``keep_alive_seconds`` is how long an idle
    connection stays open for the next request: longer than the usual scrape interval of up to a minute;
    ``grace_seconds`` is what running requests have left when the server stops.
    """

    connections: int = 128
    request_seconds: float = 10.0
    keep_alive_seconds: int = 75
    grace_seconds: float = 1.0
    header_bytes: int = 16_384


class BoundedConfig(Config):
    """uvicorn's configuration with our limits in it, which is how a protocol comes by them."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            app,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",  # what uvicorn warns of is the doing of clients
            access_log=False,
            workers=1,  # else the environment is asked
            proxy_headers=False,
            server_header=False,
            backlog=limits.connections,
            timeout_keep_alive=limits.keep_alive_seconds,
            h11_max_incomplete_event_size=limits.header_bytes,
            # Not limit_concurrency: it would answer 503 to a probe because others hold idle connections.
        )
        self.limits = limits


class BoundedProtocol(H11Protocol):
    """Each connection has a deadline; past the greatest number of them, a new one takes the place of the idlest."""

    config: BoundedConfig
    _deadline: TimerHandle | None = None
    _since: float = 0.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as in uvicorn's own
        """Start the deadline, and make room if there is none."""
        super().connection_made(transport)
        self._expect(self.config.limits.request_seconds)
        if len(self.connections) > self.config.limits.connections:
            self._make_room()

    def on_response_complete(self) -> None:
        """Start the deadline for the next request; that the client reads this answer is within it."""
        super().on_response_complete()
        self._expect(self.config.limits.keep_alive_seconds + self.config.limits.request_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, uvicorn's too, which it forgets when the connection breaks."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self._deadline is not None:
            self._deadline.cancel()

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self.connections.discard(self)
        self.transport.abort()

    def _expect(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self.abort)

    def _make_room(self) -> None:
        others = (each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self)
        min(others, key=BoundedProtocol._claim).abort()

    def _claim(self) -> tuple[bool, float]:
        cycle = cast(RequestResponseCycle | None, self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete, self._since
