"""Bodies: compressed or not, up to the bound, on real sockets."""

import gzip
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from anyio.abc import SocketStream

from poller.errors import ApiError, Malformed, SlowDown
from poller.lister import Lister
from poller.lister.response import MAX_BODY
from poller.models import Query, State, Target

pytestmark = [
    pytest.mark.anyio,
    # The HTTP library leaves its innermost generator to the collector when a body is not read to its end. By then the
    # response is closed, so that nothing is left to be done; trio warns all the same.
    pytest.mark.filterwarnings("ignore:Async generator 'httpcore2.*PoolByteStream:ResourceWarning"),
]

MakeLister = Callable[..., Lister]
Serving = Callable[..., Any]
NextRequest = Callable[[SocketStream], Awaitable[bytes]]
Http = Callable[..., bytes]

LISTING = Query(Target(), State.RUNNING)
PAGE = b'{"RetCode":0,"Jobs":[{"JobId":"uj-1","State":"RUNNING"}]}'


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("GZIP", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)),
        ("identity", PAGE),
        ("", PAGE),
    ],
)
async def test_a_compressed_answer_is_read(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http, *, encoding: str, packed: bytes
) -> None:
    """Though it was not asked for; also where it comes byte by byte."""
    answer = http(packed, [f"Content-Encoding: {encoding}"])

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        for byte in answer:
            await stream.send(bytes([byte]))

    async with serving(converse) as url:
        assert len((await lister(base_url=url).page(LISTING)).jobs) == 1


@pytest.mark.parametrize(
    ("encoding", "packed", "problem"),
    [
        ("br", b"\x0b\x02\x80{}\x03", "not asked for"),
        ("gzip, gzip", gzip.compress(gzip.compress(PAGE)), "not asked for"),
        ("gzip", PAGE, "is broken"),
        ("gzip", gzip.compress(PAGE)[:-1], "broke off"),
        ("gzip", gzip.compress(PAGE)[:-8] + b"\x00" * 8, "is broken"),
        ("gzip", gzip.compress(PAGE) * 2, "has ended"),
        ("gzip", b"", "broke off"),
    ],
)
async def test_a_compression_that_cannot_be_read_is_malformed(
    failing: Callable[..., Awaitable[ApiError]], http: Http, encoding: str, packed: bytes, problem: str
) -> None:
    """Unknown, broken, cut, or followed by more."""
    error = await failing(http(packed, [f"Content-Encoding: {encoding}"]))
    assert type(error) is Malformed
    assert problem in str(error)


async def test_the_body_of_a_refusal_need_not_be_readable(
    failing: Callable[..., Awaitable[ApiError]], http: Http
) -> None:
    """Its status says all."""
    error = await failing(http(b"<html>", ["Content-Encoding: br", "Retry-After: 7"], status="429 Too Many Requests"))
    assert type(error) is SlowDown
    assert (error.code, error.retry_after) == ("http_429", 7)


@pytest.mark.parametrize(("size", "good"), [(MAX_BODY, True), (MAX_BODY + 1, False)])
async def test_an_answer_is_read_up_to_the_bound(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http, *, size: int, good: bool
) -> None:
    """To the byte."""
    body = PAGE + b" " * (size - len(PAGE))

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(http(body))

    async with serving(converse) as url:
        source = lister(base_url=url, attempts=1)
        if good:
            assert len((await source.page(LISTING)).jobs) == 1
        else:
            with pytest.raises(Malformed, match="larger than 16777216 bytes"):
                await source.page(LISTING)


async def test_an_endless_answer_is_left_at_the_bound(
    lister: MakeLister, serving: Serving, next_request: NextRequest
) -> None:
    """Without waiting for its end."""
    sent, chunk = 0, b"10000\r\n" + b" " * 65_536 + b"\r\n"

    async def converse(stream: SocketStream) -> None:
        nonlocal sent
        await next_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await stream.send(chunk)
            sent += 65_536

    async with serving(converse) as url:
        with pytest.raises(Malformed, match="larger than"):
            await lister(base_url=url, attempts=1).page(LISTING)
    assert sent < 2 * MAX_BODY


async def test_a_gzip_bomb_is_refused_at_the_bound(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """Of its 256 MiB little more than the bound is ever held."""
    zeros = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    mebibyte = b"\x00" * 2**20
    bomb = b"".join(zeros.compress(mebibyte) for _ in range(256)) + zeros.flush()

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(http(bomb, ["Content-Encoding: gzip"]))

    async with serving(converse) as url:
        tracemalloc.start()
        try:
            with pytest.raises(Malformed, match="larger than"):
                await lister(base_url=url, attempts=1).page(LISTING)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2 * MAX_BODY


async def test_an_answer_that_is_not_read_to_its_end_gives_its_connection_back(
    lister: MakeLister, serving: Serving, next_request: NextRequest, http: Http
) -> None:
    """With one connection allowed, the next request still has one, whatever was wrong with the answer."""
    answers = iter(
        [
            http(b"\x0b", ["Content-Encoding: br"]),
            http(gzip.compress(PAGE) * 2, ["Content-Encoding: gzip"]),
            http(b" " * (MAX_BODY + 1)),
            http(PAGE),
        ]
    )

    async def converse(stream: SocketStream) -> None:
        await next_request(stream)
        await stream.send(next(answers))

    async with serving(converse) as url:
        source = lister(base_url=url, timeout=2.0, concurrency=1, attempts=4)
        assert len((await source.page(LISTING)).jobs) == 1
