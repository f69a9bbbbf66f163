"""The client: keeps connections to one address, and writes requests."""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import anyio
import anyio.lowlevel
import httpx2

from poller.lister.lean.connection import Connection, Origin, connect
from poller.lister.response import CONNECT_SECONDS, MAX_BODY, Response

_PORTS: Final = {"http": 80, "https": 443}


class LeanClient:
    """Sends small requests whole, and gives out answers when they are whole.

    There are as many connections as requests at a time, which are for the gate to bound. That which was used last is
    used next, and one that has been idle for ``keepalive_expiry`` seconds is not used any more. ``timeout``, in
    seconds, is for a whole exchange, connecting included. ``max_body`` bounds the body of an answer, in bytes.

    It needs asyncio's event loop, and knows no proxies, no upgrades and no HTTP/2. Errors are httpx2's, a body beyond
    the bound being a RemoteProtocolError.
    """

    def __init__(
        self,
        url: httpx2.URL,
        headers: Mapping[str, str],
        *,
        tls: ssl.SSLContext,
        timeout: float,
        keepalive_expiry: float,
        max_body: int = MAX_BODY,
    ) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self.peer = url.netloc.decode()
        self._head = _head(url, headers)
        self._origin = _origin(url)
        self._tls = tls
        self._timeout = timeout
        self._keepalive_expiry = keepalive_expiry
        self._max_body = max_body
        self._idle: list[Connection] = []
        self._closed = False

    async def post(self, form: bytes) -> Response:
        """Exchange a form for its answer, which holds no connection any more."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        connection = self._kept(loop.time()) or await self._connect()
        try:
            await connection.exchange(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(form), form), deadline)
        except BaseException:
            connection.close()
            raise
        response = connection.answer.response()
        self._keep(connection)
        return response

    async def aclose(self) -> None:
        """Close the connections: those that are idle now, and the others as soon as they are."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        # The loop closes their sockets in its next turn.
        await anyio.lowlevel.cancel_shielded_checkpoint()

    async def _connect(self) -> Connection:
        return await connect(self._origin, self._tls, self._max_body, limit=min(self._timeout, CONNECT_SECONDS))

    def _kept(self, now: float) -> Connection | None:
        """Take the connection that was used last, and close those on the way to it that are of no use any more."""
        while self._idle and self._idle[0].idle_since < now - self._keepalive_expiry:
            self._idle.pop(0).close()
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale():
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if self._closed or not connection.rest():
            connection.close()
        else:
            self._idle.append(connection)


def _origin(url: httpx2.URL) -> Origin:
    return url.scheme, url.raw_host.decode("ascii"), _PORTS[url.scheme] if url.port is None else url.port


def _head(url: httpx2.URL, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {url.raw_path.decode('ascii')} HTTP/1.1", f"Host: {url.netloc.decode('ascii')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
