"""What the lean client does where something goes wrong, and what it leaves behind."""

import math
import socket
import ssl

import anyio
import httpx2
import pytest
from anyio.abc import SocketStream

from poller.lister.lean.connection import connect
from tests.lister.conftest import Http, MakeClient, NextRequest, Serving
from tests.lister.scripted import post, reset

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, which is all that this client knows."""
    return "asyncio"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345"])
async def test_a_server_that_falls_silent_is_left(
    lean: MakeClient, serving: Serving, next_request: NextRequest, sent: bytes
) -> None:
    """After the time that a read may take; the connection is closed."""
    closed = anyio.Event()

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(sent)
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
        closed.set()

    async with serving(converse) as url:
        with pytest.raises(httpx2.ReadTimeout):
            await post(lean(url, timeout=0.05))
        with anyio.fail_after(5):
            await closed.wait()


async def test_a_server_that_trickles_is_left(
    lean: MakeClient, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """The time is for the whole exchange."""

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(http(length=1_000_000))
        while True:
            await stream.send(b"x")
            await anyio.sleep(0.01)

    async with serving(converse) as url:
        with pytest.raises(httpx2.ReadTimeout):
            await post(lean(url, timeout=0.1))


async def test_a_server_that_does_not_listen_is_left(lean: MakeClient, serving: Serving) -> None:
    """After the time that a write may take."""

    async def converse(_: SocketStream) -> None:
        await anyio.sleep_forever()

    async with serving(converse) as url:
        with pytest.raises(httpx2.WriteTimeout):
            await post(lean(url, timeout=0.05), b"x" * 30_000_000)


async def test_an_answer_may_come_before_the_request_is_sent(lean: MakeClient, serving: Serving, http: Http) -> None:
    """It counts, and the connection is of no use any more."""
    connections = 0

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        await stream.send(http(b"too large", status="413 Content Too Large"))
        await anyio.sleep_forever()

    async with serving(converse) as url:
        client = lean(url)
        assert [await post(client, b"x" * 30_000_000) for _ in range(2)] == [b"too large"] * 2
    assert connections == 2


async def test_a_large_request_is_sent_whole(
    lean: MakeClient, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """As the server reads on."""

    async def converse(stream: SocketStream) -> None:
        _, _, body = (await next_request(stream)).partition(b"\r\n\r\n")
        await stream.send(http(b"%d" % len(body)))

    async with serving(converse) as url:
        assert await post(lean(url), b"x" * 20_000_000) == b"20000000"


async def test_a_reset_is_an_error_of_reading(
    lean: MakeClient, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """With the system's reason as its cause."""

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(http(b"12345", length=9))
        await anyio.sleep(0.01)
        reset(stream)

    async with serving(converse) as url:
        with pytest.raises(httpx2.ReadError) as caught:
            await post(lean(url))
    assert isinstance(caught.value.__cause__, ConnectionResetError)


async def test_a_request_that_is_given_up_leaves_nothing_behind(
    lean: MakeClient, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """Its connection is closed, and its place is free; the answer that it missed is nobody's."""
    connections = 0

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        number = connections
        await next_request(stream)
        await anyio.sleep(0.05 if number == 1 else 0)
        await stream.send(http(b"%d" % number))

    async with serving(converse) as url:
        client = lean(url)
        with anyio.move_on_after(0.02) as scope:
            await post(client)
        assert scope.cancelled_caught
        assert await post(client) == b"2"


async def test_giving_up_while_it_connects_leaves_nothing_behind(lean: MakeClient) -> None:
    """With a backlog of none, a second connection is not accepted."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            client = lean(f"http://127.0.0.1:{port}", timeout=0.05)
            for _ in range(2):
                with pytest.raises(httpx2.ConnectTimeout):
                    await post(client)


async def test_a_connection_that_ended_before_its_first_request_is_an_error(serving: Serving) -> None:
    """At once, rather than when the time is up."""

    async def converse(_: SocketStream) -> None:
        pass

    async with serving(converse) as url:
        origin = ("http", "127.0.0.1", int(url.rpartition(":")[2]))
        connection = await connect(origin, ssl.create_default_context(), 100, limit=5)
        await anyio.sleep(0.05)
        with pytest.raises(httpx2.ReadError, match="before the request"):
            await connection.exchange(b"POST", math.inf)


async def test_an_address_where_nobody_listens_is_an_error_with_the_systems_reason(lean: MakeClient) -> None:
    """Which is its cause."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(httpx2.ConnectError) as caught:
        await post(lean(f"http://127.0.0.1:{port}"))
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["a..b", "x" * 64])
async def test_a_name_that_no_server_can_have_is_an_error_of_connecting(lean: MakeClient, host: str) -> None:
    """It is not even asked for."""
    with pytest.raises(httpx2.ConnectError, match="label"):
        await post(lean(f"http://{host}/"))


async def test_a_name_that_does_not_resolve_is_an_error_with_its_reason(
    lean: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the resolver tells it."""

    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(httpx2.ConnectError, match="Name or service not known"):
        await post(lean("http://nobody.test/"))
