"""One connection: sends a request, and waits once until the answer is there or has failed."""

import asyncio
import select
import ssl
from typing import Final, cast

import anyio
import httpx2

from poller.lister.lean.answer import Answer

Origin = tuple[str, str, int]
"""Scheme, host and port."""

_HAPPY_EYEBALLS_SECONDS: Final = 0.25


class Connection(asyncio.Protocol):
    """A connection over which one request at a time is exchanged for its `answer`.

    ``idle_since`` is when it came to `rest`, in the seconds of the event loop.
    """

    def __init__(self, max_body: int) -> None:
        self.answer = Answer(max_body)
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._poll = select.poll()
        self._transport: asyncio.Transport
        self._done: asyncio.Future[None] | None = None

    async def exchange(self, message: bytes, deadline: float) -> None:
        """Send a whole request and wait until its answer is whole, or until a time of the event loop.

        Raises TransportError. Close it after an error or a cancellation.
        """
        if self._transport.is_closing():
            raise httpx2.ReadError("the server closed the connection before the request")
        self._done = self._loop.create_future()
        self._transport.write(message)
        timer = self._loop.call_at(deadline, self._expire)
        try:
            await self._done
        finally:
            timer.cancel()
            self._done = None

    def rest(self) -> bool:
        """Let go of the answer, and tell whether another request may follow it."""
        reusable = self.answer.reusable and self._transport.get_write_buffer_size() == 0
        self.answer.expect()
        self.idle_since = self._loop.time()
        return reusable

    def stale(self) -> bool:
        """Tell whether the server has closed it or sent something, even if the loop has not heard of it yet."""
        return self._transport.is_closing() or bool(self._poll.poll(0))

    def close(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def _expire(self) -> None:
        if self._transport.get_write_buffer_size():
            self._finish(httpx2.WriteTimeout("the request could not be sent in time"))
        else:
            self._finish(httpx2.ReadTimeout("the answer did not come in time"))

    def _finish(self, error: Exception | None = None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Obey the loop."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Obey the loop."""
        if self._done is None or self._done.done():
            self.close()
            return
        try:
            self.answer.feed(data)
        except httpx2.RemoteProtocolError as error:
            self._finish(error)
        else:
            if self.answer.whole:
                self._finish()

    def eof_received(self) -> None:
        """Obey the loop, which then closes the connection."""
        if self._done is None or self._done.done():
            return
        try:
            self.answer.end()
        except httpx2.RemoteProtocolError as error:
            self._finish(error)
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Obey the loop: an error has broken the connection, unless it was closed in order."""
        error = httpx2.ReadError(str(exc or "the connection was closed"))
        error.__cause__ = exc
        self._finish(error)


async def connect(origin: Origin, tls: ssl.SSLContext, max_body: int, *, limit: float | None) -> Connection:
    """Connect within ``limit`` seconds, verifying the server's name where the scheme is https.

    Raises ConnectError or ConnectTimeout.
    """
    scheme, host, port = origin
    loop = asyncio.get_running_loop()
    try:
        with anyio.fail_after(limit):
            _, connection = await loop.create_connection(
                lambda: Connection(max_body),
                host,
                port,
                ssl=tls if scheme == "https" else None,
                happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS,
            )
    except TimeoutError as error:
        raise httpx2.ConnectTimeout("the connection took too long") from error
    except (OSError, ValueError) as error:  # the latter for a name that no server can have
        raise httpx2.ConnectError(str(error) or type(error).__name__) from error
    return connection
