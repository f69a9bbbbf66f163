"""The reading of answers, byte by byte and in one piece, without a connection."""

import httpx2
import pytest

from poller.lister.lean.answer import MAX_HEADERS, MAX_SILENT, Answer

BODY = b"0123456789"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n4;x=y\r\n6789\r\n0\r\nTrailer: x\r\n\r\n"
)
INTERIM = b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 10\r\n\r\n" + BODY
EMPTY = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"
WHOLE = [LENGTH, CHUNKED, INTERIM + LENGTH, INTERIM + CHUNKED, OLD]
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n" + BODY


def read(*parts: bytes, max_body: int = 100) -> Answer:
    """Feed an answer with parts."""
    answer = Answer(max_body)
    for part in parts:
        answer.feed(part)
    return answer


def singly(data: bytes) -> list[bytes]:
    """Cut into bytes."""
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("data", WHOLE)
def test_an_answer_is_whole_with_its_last_byte(data: bytes) -> None:
    """And not before, wherever it is cut; another may follow."""
    for at in range(len(data)):
        answer = read(data[:at])
        assert not answer.whole
        answer.feed(data[at:])
        assert (answer.status, bytes(answer.body), answer.whole, answer.reusable) == (200, BODY, True, True)
    assert read(*singly(data)).whole


@pytest.mark.parametrize("data", WHOLE)
def test_an_answer_that_breaks_off_is_none(data: bytes) -> None:
    """At any byte of it."""
    for at in range(len(data)):
        with pytest.raises(httpx2.RemoteProtocolError, match="the server closed the connection"):
            read(data[:at]).end()


def test_a_body_may_end_with_the_connection() -> None:
    """Where the head says nothing else, but not within the head."""
    head = UNTIL_CLOSED.index(b"\r\n\r\n") + 4
    for at in range(head):
        with pytest.raises(httpx2.RemoteProtocolError):
            read(UNTIL_CLOSED[:at]).end()
    answer = read(*singly(UNTIL_CLOSED))
    assert not answer.whole
    answer.end()
    assert (bytes(answer.body), answer.whole, answer.reusable) == (BODY, True, False)


def test_an_encoding_that_is_not_chunked_does_not_end_with_the_connection() -> None:
    """Nobody could tell whether it is whole."""
    answer = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n" + BODY)
    with pytest.raises(httpx2.RemoteProtocolError):
        answer.end()


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_is_whole_with_its_head(status: bytes) -> None:
    """Whatever length it tells of."""
    answer = read(b"HTTP/1.1 %s\r\nContent-Length: 5\r\n\r\n" % status)
    assert (answer.whole, answer.reusable, bytes(answer.body)) == (True, True, b"")


@pytest.mark.parametrize("data", WHOLE)
def test_what_follows_an_answer_is_not_of_it(data: bytes) -> None:
    """Nobody asked for it, and what follows that cannot be told from an answer: the connection is of no use."""
    for junk in (b"x", LENGTH, EMPTY, b"\x00" * 200_000):
        answer = read(data + junk)
        assert (bytes(answer.body), answer.whole, answer.reusable) == (BODY, True, False)


@pytest.mark.parametrize(
    "data",
    [
        LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        CHUNKED.replace(b"OK\r\n", b"OK\r\nConnection: Close\r\n"),
        LENGTH.replace(b"1.1", b"1.0"),
    ],
)
def test_a_server_that_closes_says_so(data: bytes) -> None:
    """By a header, or by its version; also where it goes on nevertheless."""
    assert (read(data).whole, read(data).reusable) == (True, False)
    assert (read(data + LENGTH).whole, read(data + LENGTH).reusable) == (True, False)


def test_answers_follow_each_other() -> None:
    """Nothing of one is left in the next."""
    answer = Answer(100)
    for data in [*WHOLE, EMPTY, *WHOLE]:
        answer.feed(data)
        assert answer.reusable
        answer.expect()
    answer.feed(b"HTTP/1.1 503 Busy\r\nContent-Length: 1\r\nRetry-After: 7\r\n\r\nx")
    assert (answer.status, answer.headers, bytes(answer.body)) == (
        503,
        [(b"Content-Length", b"1"), (b"Retry-After", b"7")],
        b"x",
    )


def test_headers_are_those_of_the_answer_itself() -> None:
    """In their order, with duplicates; not those of interim answers, and no trailers."""
    answer = read(INTERIM + CHUNKED.replace(b"OK\r\n", b"OK\r\nA: 1\r\nA:\t2 \r\n"))
    assert answer.headers == [(b"A", b"1"), (b"A", b"2"), (b"Transfer-Encoding", b"chunked")]


@pytest.mark.parametrize(
    "data",
    [
        b"220 smtp.test ESMTP\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 000 Low\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/3.7 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
        b"\x00\xff\x15\x03\x01",
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    """In one piece, and byte by byte."""
    with pytest.raises(httpx2.RemoteProtocolError):
        read(data)
    with pytest.raises(httpx2.RemoteProtocolError):
        read(*singly(data))


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1024),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 1024, b"x" * 1024),
        (b"HTTP/1.1 200 ", b"x" * 1024),
        (b"", INTERIM * 8),
        (b"HTTP/1.1 103 Early Hints\r\n", b"Link: " + b"x" * 100_000 + b"\r\n"),
        (b"HTTP/1.1 199 Odd\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1024),
        (CHUNKED[:-2], b"x" * 1024),
        (CHUNKED[: CHUNKED.index(b"x=y")], b"x" * 1024),
        (b"", b"\r\n" * 512),
    ],
)
def test_what_goes_on_for_ever_is_refused(before: bytes, again: bytes) -> None:
    """Heads, interim answers, trailers, the extensions of a chunk, and empty lines: none of it adds to a body."""
    answer = read(before)
    with pytest.raises(httpx2.RemoteProtocolError, match="no body in 102400 bytes"):  # noqa: PT012 (which one it is)
        for _ in range(MAX_SILENT // len(again) + 2):
            answer.feed(again)


def test_a_body_that_comes_slowly_is_read() -> None:
    """In chunks of a byte, whose frames are much longer altogether than the bound on what is no body."""
    answer = Answer(MAX_SILENT)
    answer.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(MAX_SILENT // 4):
        answer.feed(b"1\r\nx\r\n")
    answer.feed(b"0\r\n\r\n")
    assert (answer.whole, len(answer.body)) == (True, MAX_SILENT // 4)


@pytest.mark.parametrize(("count", "good"), [(MAX_HEADERS, True), (MAX_HEADERS + 1, False)])
def test_headers_are_bounded_in_number(count: int, *, good: bool) -> None:
    """To the last one."""
    data = b"HTTP/1.1 204 OK\r\n" + b"A:\r\n" * count + b"\r\n"
    if good:
        assert len(read(data).headers) == count
    else:
        with pytest.raises(httpx2.RemoteProtocolError, match="more than 256 headers"):
            read(data)


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, UNTIL_CLOSED])
def test_a_body_beyond_the_bound_is_refused(data: bytes) -> None:
    """However its length is told."""
    assert bytes(read(data, max_body=10).body) == BODY
    with pytest.raises(httpx2.RemoteProtocolError, match="larger than 9 bytes"):
        read(data, max_body=9)
