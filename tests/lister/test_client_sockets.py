"""The lister against servers of scripted bytes, on real sockets."""

import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from poller.errors import ApiError, FixRequest, Malformed, RetryLater
from poller.lister import Lister
from poller.models import Query, State, Target
from poller.stats import ApiStats

pytestmark = pytest.mark.anyio

MakeLister = Callable[..., Lister]
Serving = Callable[..., Any]
NextRequest = Callable[[SocketStream], Awaitable[bytes]]
Http = Callable[..., bytes]

LISTING = Query(Target(), State.RUNNING)
PAGE = b'{"RetCode":0,"Jobs":[{"JobId":"uj-1","State":"RUNNING"}]}'


async def test_one_connection_serves_many_requests(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """A new one for each would cost a TLS handshake; compressed answers and refusals don't end it either."""
    connections = 0
    packed = http(gzip.compress(PAGE), ["Content-Encoding: gzip"])
    answers = [http(PAGE), packed, http(b"<html>", status="503 Busy"), http(PAGE), http(b"<"), http(PAGE)]

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        for answer in answers:
            assert b"Accept-Encoding: identity" in await next_request(stream)
            await stream.send(answer)

    async with serving(converse) as url:
        source = lister(base_url=url)
        for _ in range(4):
            assert len((await source.page(LISTING)).jobs) == 1
    assert connections == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """Servers close idle connections, and every request still brings its page."""

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(http(PAGE))

    async with serving(converse) as url:
        source = lister(base_url=url)
        for _ in range(5):
            assert len((await source.page(LISTING)).jobs) == 1


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + PAGE,),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n39\r\n" + PAGE,),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + PAGE,),
        (b"HTTP/1.0 200 OK\r\n\r\n" + PAGE[:30],),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + PAGE,),
        (b"220 smtp.test ESMTP ready\r\n\r\n",),
        (b"HTTP/1.1 2000 OK\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,),
        (b"\x00\xff\x15\x03\x01" * 100,),
    ],
)
async def test_an_answer_that_breaks_off_or_is_none_is_malformed(
    failing: Callable[..., Awaitable[ApiError]], parts: tuple[bytes, ...]
) -> None:
    """At any point of it."""
    error = await failing(*parts)
    assert type(error) is Malformed
    assert str(error).isprintable()
    assert len(str(error)) < 400


async def test_a_reset_connection_passes(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http, stats: ApiStats
) -> None:
    """The next try has a new one."""
    connections = 0

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        await next_request(stream)
        if connections > 2:
            await stream.send(http(PAGE))
            return
        await stream.send(http(PAGE)[:60])
        # Closing with a linger of 0 sends a reset.
        raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 (not Django's)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with serving(converse) as url:
        assert len((await lister(base_url=url).page(LISTING)).jobs) == 1
    assert connections == 3
    assert stats.requests["DescribeUPhoneJob", "0"] == 1
    assert sum(stats.requests.values()) == 3


async def test_an_address_where_nobody_listens_cannot_be_reached(lister: MakeLister, stats: ApiStats) -> None:
    """Which the error says, with the host."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(RetryLater, match=r"no connection to 127\.0\.0\.1:\d+: Connection refused"):
        await lister(base_url=f"http://127.0.0.1:{port}", attempts=1).page(LISTING)
    assert stats.requests["DescribeUPhoneJob", "connect"] == 1


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
async def test_a_server_that_trickles_is_left_when_the_time_is_up(
    lister: MakeLister, serving: Serving, next_request: NextRequest, stats: ApiStats, head: bytes
) -> None:
    """The limit is for the whole request, however lively its parts are."""

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(head)
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
            await stream.send(bytes([byte]))
            await anyio.sleep(0.02)

    async with serving(converse) as url:
        source = lister(base_url=url, timeout=0.1, attempts=1)
        with anyio.fail_after(2), pytest.raises(RetryLater, match=r"no answer from \S+ in time"):
            await source.page(LISTING)
    assert stats.requests["DescribeUPhoneJob", "timeout"] == 1


async def test_a_request_that_timed_out_gives_its_connection_back(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """With one connection allowed, the next request still has one."""
    connections = 0

    async def converse(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        await next_request(stream)
        if connections == 1:
            await anyio.sleep_forever()
        await stream.send(http(PAGE))

    async with serving(converse) as url:
        source = lister(base_url=url, timeout=0.1, concurrency=1, attempts=2)
        assert len((await source.page(LISTING)).jobs) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http, status: int
) -> None:
    """A signed request goes to the address that was configured, or nowhere."""
    asked: list[bytes] = []

    async def converse(stream: SocketStream) -> None:
        while True:
            asked.append(await next_request(stream))
            await stream.send(http(status=f"{status} Moved", headers=["Location: /elsewhere"]))

    async with serving(converse) as url:
        with pytest.raises(FixRequest, match=f"HTTP {status}"):
            await lister(base_url=url).page(LISTING)
    assert len(asked) == 1


async def test_cookies_are_not_kept(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """The API has no sessions."""
    asked: list[bytes] = []

    async def converse(stream: SocketStream) -> None:
        for _ in range(2):
            asked.append(await next_request(stream))
            await stream.send(http(PAGE, headers=["Set-Cookie: session=1; Path=/"]))

    async with serving(converse) as url:
        source = lister(base_url=url)
        await source.page(LISTING)
        await source.page(LISTING)
    assert [b"cookie" in each.lower() for each in asked] == [False, False]


@pytest.mark.parametrize("trust_env", [True, False])
async def test_a_proxy_of_the_environment_counts_only_where_it_is_trusted(
    lister: MakeLister,
    serving: Serving,
    next_request: NextRequest,
    http: Http,
    monkeypatch: pytest.MonkeyPatch,
    *,
    trust_env: bool,
) -> None:
    """A variable that was set for other programs must not redirect signed requests."""
    asked: list[bytes] = []

    def converse(name: bytes) -> Callable[[SocketStream], Awaitable[None]]:
        async def answer(stream: SocketStream) -> None:
            await next_request(stream)
            asked.append(name)
            await stream.send(http(PAGE))

        return answer

    for variable in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    async with serving(converse(b"api")) as url, serving(converse(b"proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        await lister(base_url=url, trust_env=trust_env).page(LISTING)
    assert asked == [b"proxy" if trust_env else b"api"]
