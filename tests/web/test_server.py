"""The server on real sockets. uvicorn runs on asyncio alone, and so do these."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import ByteStream
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from poller.web.connection import Limits
from poller.web.server import bind, serve

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: poller\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: poller\r\nConnection: close\r\n\r\n"
PATIENT = Limits(request_seconds=60, keep_alive_seconds=60)
HASTY = Limits(request_seconds=0.05, keep_alive_seconds=0)


@pytest.fixture
def anyio_backend() -> str:
    """Return the one backend."""
    return "asyncio"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer anything with a few bytes."""
    await PlainTextResponse("hello")(scope, receive, send)


@asynccontextmanager
async def serving(app: ASGIApp = hello, limits: Limits = PATIENT) -> AsyncIterator[int]:
    """Serve on a free loopback port; leaving waits until the server has stopped."""
    sockets = bind("127.0.0.1", 0)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            await tasks.start(lambda *, task_status: serve(app, sockets, limits=limits, task_status=task_status))
            yield sockets[0].getsockname()[1]
            tasks.cancel_scope.cancel()


async def rest(stream: ByteStream) -> bytes:
    """Read until the server ends the connection, one way or the other."""
    received = b""
    try:
        async for part in stream:
            received += part
    except anyio.BrokenResourceError:
        pass
    return received


async def ask(port: int, request: bytes = CLOSE, host: str = "127.0.0.1") -> bytes:
    """Return all that comes back on a new connection."""
    async with await anyio.connect_tcp(host, port) as stream:
        await stream.send(request)
        return await rest(stream)


def families() -> set[socket.AddressFamily]:
    """Return the address families that this machine has."""
    found = set()
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            socket.create_server((host, 0), family=family).close()
        except OSError:
            continue
        found.add(family)
    return found


async def test_every_family_of_the_machine_is_served_on_one_port() -> None:
    """IPv4 and IPv6 alike, also where the port was free to choose."""
    sockets = bind(None, 0)
    assert {each.family for each in sockets} == families()
    [port] = {each.getsockname()[1] for each in sockets}
    loopback = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda *, task_status: serve(hello, sockets, task_status=task_status))
        for each in sockets:
            assert (await ask(port, host=loopback[each.family])).endswith(b"hello")
        tasks.cancel_scope.cancel()


async def test_the_answer_tells_the_date_and_not_the_software() -> None:
    """HTTP asks for the one; nobody needs the other."""
    async with serving() as port:
        head = (await ask(port)).lower()
    assert b"\r\ndate: " in head
    assert b"\r\nserver:" not in head


async def test_a_connection_is_kept_for_the_next_request() -> None:
    """A scraper need not connect anew each time."""
    async with serving() as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(GET)
        assert (await stream.receive()).endswith(b"hello")
        await stream.send(CLOSE)
        assert (await rest(stream)).endswith(b"hello")


async def test_a_kept_connection_outlives_the_time_for_a_request() -> None:
    """What bounds the wait for a request does not bound the pause between two."""
    async with serving(limits=Limits(request_seconds=0.05, keep_alive_seconds=60)) as port:
        kept = await anyio.connect_tcp("127.0.0.1", port)
        await kept.send(GET)
        await kept.receive()
        await ask(port, b"")  # connected later, and disconnected for saying nothing
        await kept.send(CLOSE)
        assert (await rest(kept)).endswith(b"hello")
        await kept.aclose()


async def test_head_sends_no_body() -> None:
    """The length is that of the body that GET would send."""
    async with serving() as port:
        answer = await ask(port, CLOSE.replace(b"GET", b"HEAD"))
    assert b"content-length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000]
)
async def test_what_is_no_request_is_refused_in_silence(request_: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A port scan or a TLS client does not write into our log."""
    caplog.set_level(logging.INFO)
    async with serving() as port:
        assert (await ask(port, request_)).startswith(b"HTTP/1.1 400 ")
    assert [record.message for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_an_upgrade_is_answered_as_a_plain_request(caplog: pytest.LogCaptureFixture) -> None:
    """There are no web sockets here."""
    upgrade = b"Connection: close, upgrade\r\nUpgrade: websocket\r\n"
    async with serving() as port:
        assert (await ask(port, CLOSE.replace(b"Connection: close\r\n", upgrade))).startswith(b"HTTP/1.1 200 ")
    assert caplog.records == []


async def test_clients_that_never_finish_asking_do_not_shut_out_others() -> None:
    """Of too many connections the idlest makes room."""
    async with serving(limits=Limits(connections=3, request_seconds=60)) as port:
        slow = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(20)]
        for stream in slow[-3:]:
            await stream.send(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        assert (await ask(port)).startswith(b"HTTP/1.1 200 ")
        assert [await rest(stream) for stream in slow[:17]] == [b""] * 17
        for stream in slow:
            await stream.aclose()


async def test_a_request_in_progress_is_not_dropped_for_a_new_connection() -> None:
    """The idle go first, even if they came later."""
    begun, finish = anyio.Event(), anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await finish.wait()
        await hello(scope, receive, send)

    async with serving(slow, Limits(connections=2, request_seconds=60)) as port:
        asking = await anyio.connect_tcp("127.0.0.1", port)
        await asking.send(CLOSE)
        await begun.wait()
        idle = [await anyio.connect_tcp("127.0.0.1", port) for _ in range(3)]
        assert [await rest(stream) for stream in idle[:2]] == [b"", b""]
        finish.set()
        assert (await rest(asking)).endswith(b"hello")
        for stream in (asking, *idle):
            await stream.aclose()


async def test_a_client_that_asks_nothing_is_disconnected() -> None:
    """It has as long as a request may take."""
    async with serving(limits=HASTY) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        assert await rest(stream) == b""


async def dribble(stream: ByteStream) -> None:
    """Send a byte now and then until the server has had enough."""
    while True:
        await stream.send(b"x")
        with anyio.move_on_after(0.001):
            await stream.receive()


async def test_a_client_that_dribbles_is_disconnected() -> None:
    """Bytes that never make a request do not prolong the wait."""
    async with serving(limits=HASTY) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nX: ")
        with pytest.raises((anyio.BrokenResourceError, anyio.EndOfStream)):
            await dribble(stream)


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    """The rest of its answer is thrown away rather than kept for ever."""
    answered = anyio.Event()
    size = 64 * 1024 * 1024

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(bytes(size))(scope, receive, send)
        answered.set()

    async with serving(large, HASTY) as port, await anyio.connect_tcp("127.0.0.1", port) as deaf:
        await deaf.send(GET)
        await answered.wait()
        async with await anyio.connect_tcp("127.0.0.1", port) as later:
            await rest(later)  # its deadline is after the other's
        assert len(await rest(deaf)) < size


async def test_signals_are_left_alone() -> None:
    """SIGTERM and SIGINT are the daemon's to handle."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with serving():
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


async def test_stopping_ends_idle_connections_and_closes_the_sockets() -> None:
    """Nothing is left open, and nobody can connect any more."""
    sockets = bind("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    async with anyio.create_task_group() as tasks:
        await tasks.start(lambda *, task_status: serve(hello, sockets, task_status=task_status))
        idle = await anyio.connect_tcp("127.0.0.1", port)
        await idle.send(GET)
        await idle.receive()
        tasks.cancel_scope.cancel()
    assert await rest(idle) == b""
    await idle.aclose()
    assert sockets[0].fileno() == -1
    with pytest.raises(OSError, match="connect"):
        await anyio.connect_tcp("127.0.0.1", port)


async def test_stopping_lets_a_running_request_end() -> None:
    """A scrape under way at SIGTERM is still answered."""
    begun, finish = anyio.Event(), anyio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await finish.wait()
        await hello(scope, receive, send)

    async with serving(slow) as port:
        stream = await anyio.connect_tcp("127.0.0.1", port)
        await stream.send(GET)
        await begun.wait()
        asyncio.get_running_loop().call_later(0.05, finish.set)  # by when the server has been told to stop
    assert (await rest(stream)).endswith(b"hello")
    await stream.aclose()


async def test_stopping_does_not_wait_for_a_request_that_hangs() -> None:
    """After the grace it is cancelled and its connection dropped."""
    begun, ended = anyio.Event(), anyio.Event()

    async def hanging(_scope: Scope, _receive: Receive, _send: Send) -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with serving(hanging, Limits(grace_seconds=0.05)) as port:
        stream = await anyio.connect_tcp("127.0.0.1", port)
        await stream.send(GET)
        await begun.wait()
    assert ended.is_set()
    assert await rest(stream) == b""
    await stream.aclose()
