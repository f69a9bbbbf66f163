"""Whatever fails, and whatever the server quotes: no key gets into an exception."""

import traceback
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import anyio
import anyio.lowlevel
import httpx2
import pytest
from anyio.abc import SocketStream

from poller.errors import ApiError
from poller.lister import Lister
from poller.models import Query, State, Target
from poller.signature import Credentials

pytestmark = pytest.mark.anyio

MakeLister = Callable[..., Lister]
Serving = Callable[..., Any]
NextRequest = Callable[[SocketStream], Awaitable[bytes]]

LISTING = Query(Target(), State.RUNNING)
KEYS = Credentials("someone@example.com/12345678", "0123456789abcdef+private/key=", "token+0123456789/abcdef==")
SECRETS = [
    form for key in (KEYS.public_key, KEYS.private_key, KEYS.security_token or "") for form in (key, quote_plus(key))
]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk an exception with all that it came from, suppressed or not."""
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def assert_no_secret(error: BaseException) -> None:
    """Look for keys wherever an exception is shown."""
    for each in chain(error):
        each.__suppress_context__ = False
        shown = [str(each), repr(each), *map(repr, each.args), "".join(traceback.format_exception(each))]
        for text in shown:
            assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    "raised",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("broke off"),
        httpx2.LocalProtocolError(f"illegal header value: {KEYS.security_token}"),
        httpx2.RemoteProtocolError(f"illegal status line: {quote_plus(KEYS.public_key)}"),
    ],
)
async def test_no_failure_of_transport_shows_them(lister: MakeLister, raised: Exception) -> None:
    """Its own text is one that we write; those of the library it came from may quote what they read."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        raise raised

    with pytest.raises(ApiError) as caught:
        await lister(answer, credentials=lambda: KEYS, attempts=2).page(LISTING)
    caught.value.__context__ = caught.value.__cause__ = None
    assert_no_secret(caught.value)


@pytest.mark.parametrize(
    "echo",
    [
        lambda request: httpx2.Response(400, content=request.content),
        lambda request: httpx2.Response(200, content=request.content),
        lambda request: httpx2.Response(200, json={"RetCode": 171, "Message": request.content.decode()}),
        lambda _: httpx2.Response(200, json={"RetCode": 171, "Message": f"{KEYS.public_key} {KEYS.security_token}"}),
        lambda _: httpx2.Response(200, json={"RetCode": 172, "Message": "x" * 290 + KEYS.public_key}),
        lambda _: httpx2.Response(200, json={"RetCode": 1}, headers={"X-UCLOUD-REQUEST-UUID": KEYS.public_key}),
        lambda _: httpx2.Response(503, headers={"X-UCLOUD-REQUEST-UUID": str(KEYS.security_token)}),
    ],
)
async def test_no_answer_that_quotes_its_request_shows_them(
    lister: MakeLister, echo: Callable[[httpx2.Request], httpx2.Response]
) -> None:
    """Error pages do that."""
    with pytest.raises(ApiError) as caught:
        await lister(echo, credentials=lambda: KEYS, attempts=2).page(LISTING)
    assert_no_secret(caught.value)


async def test_a_server_that_sends_the_request_back_shows_them_nowhere(
    lister: MakeLister, serving: Serving, next_request: NextRequest
) -> None:
    """An echo server on the configured port, whose first line the HTTP library quotes."""

    async def converse(stream: SocketStream) -> None:
        _, _, body = (await next_request(stream)).partition(b"\r\n\r\n")
        await stream.send(body + b"\r\n\r\n")

    async with serving(converse) as url:
        with pytest.raises(ApiError, match=r"illegal status line|not HTTP") as caught:
            await lister(base_url=url, credentials=lambda: KEYS, attempts=1).page(LISTING)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]
    assert not [secret for secret in SECRETS if secret in "".join(traceback.format_exception(caught.value))]


async def test_a_request_that_is_cancelled_shows_them_nowhere(lister: MakeLister) -> None:
    """Nor does an error of ours in the middle of it."""

    async def answer(_: httpx2.Request) -> httpx2.Response:
        await anyio.lowlevel.checkpoint()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        await lister(answer, credentials=lambda: KEYS).page(LISTING)
    assert_no_secret(caught.value)
