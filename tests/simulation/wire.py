"""The network between the poller and the simulated API: requests without sockets, on the virtual clock."""

import random
from collections.abc import Callable

import anyio
import httpx2
import trio

from poller.lister.response import Response
from poller.simulator.answers import Ending
from poller.simulator.api import Api
from poller.simulator.parameters import decode
from tests.simulation.fuse import Fuse

_FORM = "application/x-www-form-urlencoded"

_TIMEOUT = 65.0
"""Seconds for a whole exchange: the default of the setting, which any client keeps."""


class DirectClient:
    """Hands requests to the API at the virtual time of their arrival, and its answers back after their delay.

    It stands for a network, whose part is tested on sockets.
    """

    def __init__(
        self,
        api: Api,
        fuse: Fuse,
        now: Callable[[], float],
        seen: Callable[[dict[str, str]], None],
    ) -> None:
        self.peer = "simulator"
        self._api = api
        self._fuse = fuse
        self._now = now
        self._seen = seen

    async def post(self, form: bytes) -> Response:
        """Answer one request in time, or raise what a broken or silent connection raises."""
        try:
            with anyio.fail_after(_TIMEOUT):
                return await self._answer(form)
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the answer did not come in time") from error

    async def _answer(self, form: bytes) -> Response:
        self._fuse.step("before a request")
        params = decode("", _FORM, form)
        self._seen(params)
        answer = self._api.answer(params, self._now())
        await anyio.sleep(answer.delay)
        self._fuse.step("after a request")
        if answer.ending is Ending.RESET:
            raise httpx2.ReadError("connection reset")
        if answer.ending is Ending.TRUNCATED:
            raise httpx2.RemoteProtocolError("connection closed within the body")
        headers = [(name.encode(), value.encode()) for name, value in answer.headers]
        return Response(answer.content.status, headers, answer.content.body)

    async def aclose(self) -> None:
        """Do nothing."""


def reseed(seed: int) -> None:
    """Make what is left to chance the same each time: the jitter of retries, and which of two ready tasks runs."""
    random.seed(seed)
    # What pytest-trio does for the same end: trio has no public way to it.
    trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc] # it is Final for others
    trio._core._run._r.seed(seed)
