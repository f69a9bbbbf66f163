"""The client where the lean one does not go: through proxies, and on trio."""

from collections.abc import Mapping
from contextlib import aclosing

import anyio
import httpx2

from poller.errors import Malformed
from poller.lister.response import CONNECT_SECONDS, MAX_BODY, Response


class OrdinaryClient:
    """Sends forms to ``url`` over a transport of httpx2. ``timeout``, in seconds, is for a whole exchange."""

    def __init__(
        self, transport: httpx2.AsyncBaseTransport, url: httpx2.URL, headers: Mapping[str, str], *, timeout: float
    ) -> None:
        self.peer = url.netloc.decode()
        self._transport = transport
        self._url = url
        self._headers = httpx2.Headers(headers)
        self._timeout = timeout
        limits = httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout))
        self._extensions = {"timeout": limits.as_dict()}

    async def post(self, form: bytes) -> Response:
        """Send a form and read the answer up to its bound; raise `Malformed` beyond it."""
        request = httpx2.Request("POST", self._url, headers=self._headers, content=form, extensions=self._extensions)
        try:
            # The transport's timeouts are per read: a server that trickles would hold us for ever.
            with anyio.fail_after(self._timeout):
                response = await self._transport.handle_async_request(request)
                return Response(response.status_code, response.headers.raw, await _read(response))
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the answer did not come in time") from error

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


async def _read(response: httpx2.Response) -> bytes:
    parts, size = [], 0
    # The response is closed before its iterator, which has nothing left to wait for then.
    async with aclosing(response.aiter_raw()) as chunks, aclosing(response):
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_BODY:
                raise Malformed("malformed", f"the answer is larger than {MAX_BODY} bytes")
            parts.append(chunk)
    return b"".join(parts)
