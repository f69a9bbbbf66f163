"""The connections of the lean client: which are used again, which are replaced, and how many there are."""

import asyncio
import os
import socket
from collections.abc import Callable

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from tests.lister.conftest import Http, MakeClient, NextRequest, Serving
from tests.lister.scripted import Script, Server, post, reset

pytestmark = pytest.mark.anyio

MakeServer = Callable[..., Server]


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio, which is all that this client knows."""
    return "asyncio"


@pytest.fixture
def server(next_request: NextRequest, http: Http) -> MakeServer:
    """Make a server, which goes on to the next request unless it is told otherwise."""

    async def go_on(_: SocketStream) -> bool:
        return False

    def make(then: Script = go_on) -> Server:
        return Server(next_request, http, then)

    return make


async def test_the_connection_that_was_used_last_is_used_next(
    lean: MakeClient, serving: Serving, server: MakeServer
) -> None:
    """So that those which are not needed grow old."""
    async with serving(server()) as url:
        client = lean(url)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(post, client)
        last = await post(client)
        assert [await post(client) for _ in range(5)] == [last] * 5


async def test_a_connection_that_was_idle_for_too_long_is_replaced(
    lean: MakeClient, serving: Serving, server: MakeServer
) -> None:
    """A gateway may be about to close it; the new one is the only one then."""
    async with serving(script := server()) as url:
        client = lean(url, keepalive_expiry=-1)
        assert [await post(client) for _ in range(3)] == [b"1", b"2", b"3"]
        await anyio.wait_all_tasks_blocked()
        assert script.open == 1


async def close(_: SocketStream) -> bool:
    """Close the connection."""
    return True


async def break_down(stream: SocketStream) -> bool:
    """Reset the connection."""
    reset(stream)
    return True


async def speak(stream: SocketStream) -> bool:
    """Send what nobody asked for."""
    await stream.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    return False


@pytest.mark.parametrize("then", [close, break_down, speak])
async def test_a_connection_that_ended_while_it_was_idle_is_replaced(
    lean: MakeClient, serving: Serving, server: MakeServer, then: Script
) -> None:
    """Servers close what is idle, and some tell so."""
    async with serving(script := server(then)) as url:
        client = lean(url)
        for number in range(1, 4):
            assert await post(client) == b"%d" % number
            await anyio.sleep(0.01)
    assert script.connections == 3


@pytest.mark.parametrize("end", [lambda raw: raw.shutdown(socket.SHUT_WR), lambda raw: os.write(raw.fileno(), b"x")])
async def test_a_connection_that_ended_just_now_is_replaced(
    lean: MakeClient, serving: Serving, server: MakeServer, end: Callable[[socket.socket], object]
) -> None:
    """The event loop has not heard of it, as after a long computation; the socket knows."""
    async with serving(script := server()) as url:
        client = lean(url)
        for number in range(1, 4):
            assert await post(client) == b"%d" % number
            end(script.streams[-1].extra(SocketAttribute.raw_socket))  # noqa: S610 (not Django's)


async def test_a_connection_on_which_the_server_spoke_out_of_turn_is_closed(
    lean: MakeClient, serving: Serving, server: MakeServer
) -> None:
    """Though nothing of what it said is left to be read when the next request comes."""
    async with serving(script := server()) as url:
        client = lean(url)
        assert await post(client) == b"1"
        await script.streams[0].send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        await anyio.sleep(0.01)
        assert await post(client) == b"2"


@pytest.mark.parametrize("junk", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
async def test_an_answer_that_nobody_asked_for_answers_nothing(
    lean: MakeClient, serving: Serving, next_request: NextRequest, http: Http, junk: bytes
) -> None:
    """It came with the answer before it."""
    connections = 0

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        while True:
            await next_request(stream)
            await stream.send(http(b"good") + junk)

    async with serving(converse) as url:
        client = lean(url)
        assert [await post(client) for _ in range(3)] == [b"good"] * 3
    assert connections == 3


async def test_there_are_no_more_connections_than_requests_at_a_time(
    lean: MakeClient, serving: Serving, server: MakeServer
) -> None:
    """One that is free is used before another is opened."""
    async with serving(script := server()) as url:
        client = lean(url)

        async def ask() -> None:
            for _ in range(10):
                await post(client)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)
    assert script.connections == 3


async def test_a_client_that_is_closed_keeps_no_connection(
    lean: MakeClient, serving: Serving, server: MakeServer
) -> None:
    """Neither those that were idle, nor those that come to rest later."""
    async with serving(script := server()) as url:
        client = lean(url)
        await post(client)
        await client.aclose()
        await post(client)
        await asyncio.sleep(0.01)
        assert script.open == 0
