"""Virtual time on both backends, listers over any transport, and a server of scripted bytes on a real socket."""

import asyncio
import re
import selectors
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream
from trio.testing import MockClock

from poller.errors import ApiError
from poller.lister import Gate, Lister, open_client
from poller.lister.lean import LeanClient
from poller.lister.network import HEADERS, parse_url
from poller.lister.ordinary import OrdinaryClient
from poller.models import Query, State, Target
from poller.signature import Credentials
from poller.stats import ApiStats

if TYPE_CHECKING:
    from poller.lister.response import Client

KEYS = Credentials("public-key", "private-key", "secret-token")

Backend = tuple[str, dict[str, Any]]
MakeLister = Callable[..., Lister]
Converse = Callable[[SocketStream], Awaitable[None]]
Serving = Callable[[Converse], AbstractAsyncContextManager[str]]
NextRequest = Callable[[SocketStream], Awaitable[bytes]]
Http = Callable[..., bytes]
MakeClient = Callable[..., LeanClient]


class _Jump(selectors.DefaultSelector):
    """Moves the time of its loop on, rather than wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, or jump to the next timer."""
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and nothing will ever happen"
            self.now += max(0.0, timeout)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    """What trio's autojump clock is to trio."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._jump.now


@pytest.fixture(params=["lean", "asyncio", "trio"])
def way(request: pytest.FixtureRequest) -> str:
    """Return how requests go: over the lean transport, or over the ordinary one on either backend."""
    way: str = request.param
    return way


@pytest.fixture
def anyio_backend(way: str) -> str:
    """Run asynchronous tests on both backends, and on asyncio over both transports."""
    return "trio" if way == "trio" else "asyncio"


@pytest.fixture
def virtual_time() -> Callable[[str], Backend]:
    """Make a backend whose clock jumps to the next timer as soon as every task waits."""

    def backend(name: str) -> Backend:
        if name == "trio":
            return name, {"clock": MockClock(autojump_threshold=0)}
        return name, {"loop_factory": _VirtualLoop}

    return backend


@pytest.fixture
def stats() -> ApiStats:
    """Return what the lister of a test counts in."""
    return ApiStats()


def streamed(
    answer: Callable[[httpx2.Request], Any],
) -> Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]:
    """Answer with a body that is still to be read, as from a network."""

    async def respond(request: httpx2.Request) -> httpx2.Response:
        given = answer(request)
        response: httpx2.Response = await given if isawaitable(given) else given
        stream = httpx2.ByteStream(response.content)
        return httpx2.Response(response.status_code, headers=response.headers, stream=stream)

    return respond


@pytest.fixture
async def lister(anyio_backend: object, way: str, stats: ApiStats) -> AsyncIterator[MakeLister]:
    """Make listers, whose clients are closed at the end."""
    clients: list[Client] = []

    def make(
        answer: Callable[..., Any] | None = None,
        *,
        base_url: str = "http://api.test",
        timeout: float = 5.0,
        trust_env: bool = False,
        concurrency: int = 8,
        max_rps: float = 1000,
        gate: Gate | None = None,
        attempts: int = 6,
        credentials: Callable[[], Credentials] = lambda: KEYS,
    ) -> Lister:
        client: Client = (
            open_client(base_url, timeout=timeout, concurrency=concurrency, trust_env=trust_env, lean=way != "asyncio")
            if answer is None
            else OrdinaryClient(httpx2.MockTransport(streamed(answer)), parse_url(base_url), HEADERS, timeout=timeout)
        )
        clients.append(client)
        return Lister(
            client,
            gate or Gate(max_rps=max_rps, concurrency=concurrency),
            stats,
            credentials=credentials,
            attempts=attempts,
        )

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def lean(anyio_backend: str) -> AsyncIterator[MakeClient]:
    """Make lean clients, which are closed at the end."""
    made: list[LeanClient] = []

    def make(url: str, *, keepalive_expiry: float = 55.0, timeout: float = 5.0, **headers: str) -> LeanClient:
        made.append(
            LeanClient(
                parse_url(url),
                headers,
                tls=ssl.create_default_context(),
                timeout=timeout,
                keepalive_expiry=keepalive_expiry,
                max_body=1_000_000,
            )
        )
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


@pytest.fixture
def serving() -> Serving:
    """Serve TCP on loopback: each connection is given to ``converse``, and closed when that returns."""

    @asynccontextmanager
    async def serve(converse: Converse) -> AsyncIterator[str]:
        async def handle(stream: SocketStream) -> None:
            async with stream:
                try:
                    await converse(stream)
                except (anyio.BrokenResourceError, anyio.EndOfStream):
                    return

        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(listener.serve, handle)
            yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610 (not Django's)
            tasks.cancel_scope.cancel()

    return serve


async def receive_request(stream: SocketStream) -> bytes:
    """Read one request with its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


@pytest.fixture
def next_request() -> Callable[[SocketStream], Awaitable[bytes]]:
    """Read one request from a connection."""
    return receive_request


@pytest.fixture
def http() -> Callable[..., bytes]:
    """Write an answer."""

    def write(
        body: bytes = b"", headers: Sequence[str] = (), status: str = "200 OK", length: int | None = None
    ) -> bytes:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
        return "\r\n".join(lines).encode() + body

    return write


@pytest.fixture
def failing(lister: MakeLister, serving: Serving) -> Callable[..., Awaitable[ApiError]]:
    """Ask once a server that sends some bytes and closes, and return the error that this is."""

    async def ask(*parts: bytes) -> ApiError:
        async def converse(stream: SocketStream) -> None:
            await receive_request(stream)
            for part in parts:
                await stream.send(part)

        async with serving(converse) as url:
            with pytest.raises(ApiError) as caught:
                await lister(base_url=url, attempts=1).page(Query(Target(), State.RUNNING))
            return caught.value

    return ask
