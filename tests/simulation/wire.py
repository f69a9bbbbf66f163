"""The network between the poller and the simulated API: requests without sockets, on the virtual clock."""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import cast

import anyio
import httpx2
import trio

from poller.simulator.answers import Ending
from poller.simulator.api import Api
from poller.simulator.parameters import decode
from tests.simulation.fuse import Fuse

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class _Response:
    """As much of `httpx2.Response` as the lister asks for."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        """Give the body in one piece."""
        yield self.body

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


class DirectClient:
    """Hands requests to the API at the virtual time of their arrival, and its answers back after their delay.

    It stands for `httpx2.AsyncClient`, whose own part is tested on sockets and which would take most of the time here.
    """

    def __init__(
        self,
        api: Api,
        fuse: Fuse,
        now: Callable[[], float],
        seen: Callable[[dict[str, str]], None],
    ) -> None:
        self._api = api
        self._fuse = fuse
        self._now = now
        self._seen = seen

    def build_request(self, _method: str, _url: httpx2.URL, *, content: bytes) -> bytes:
        """Return the body alone."""
        return content

    async def send(self, request: bytes, *, stream: bool) -> _Response:
        """Answer one request, or raise what a broken connection raises."""
        self._fuse.step("before a request")
        params = decode("", _FORM, request)
        self._seen(params)
        answer = self._api.answer(params, self._now())
        await anyio.sleep(answer.delay)
        self._fuse.step("after a request")
        if answer.ending is Ending.RESET:
            raise httpx2.ReadError("connection reset")
        if answer.ending is Ending.TRUNCATED:
            raise httpx2.RemoteProtocolError("connection closed within the body")
        return _Response(answer.content.status, dict(answer.headers), answer.content.body)

    def as_client(self) -> httpx2.AsyncClient:
        """Return it as what the lister takes."""
        return cast("httpx2.AsyncClient", self)


def reseed(seed: int) -> None:
    """Make what is left to chance the same each time: the jitter of retries, and which of two ready tasks runs."""
    random.seed(seed)
    # What pytest-trio does for the same end: trio has no public way to it.
    trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc] # it is Final for others
    trio._core._run._r.seed(seed)
