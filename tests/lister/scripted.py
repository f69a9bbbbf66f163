"""Requests, and a server that follows a script, for the tests of the lean client."""

import socket
import struct
from collections.abc import Awaitable, Callable

from anyio.abc import SocketAttribute, SocketStream

from poller.lister.lean import LeanClient

Script = Callable[[SocketStream], Awaitable[bool]]
"""What a server does after an answer; it closes the connection where this returns true."""


async def post(client: LeanClient, form: bytes = b"a=b") -> bytes:
    """Exchange a form, and return the body of its answer."""
    return (await client.post(form)).body


class Server:
    """Answers each request of a connection with its number and that of the connection, and then obeys a script."""

    def __init__(
        self, next_request: Callable[[SocketStream], Awaitable[bytes]], http: Callable[..., bytes], then: Script
    ) -> None:
        self._next_request = next_request
        self._http = http
        self._then = then
        self.connections = 0
        self.open = 0
        self.streams: list[SocketStream] = []

    async def __call__(self, stream: SocketStream) -> None:
        """Serve one connection."""
        self.connections += 1
        self.open += 1
        self.streams.append(stream)
        number = self.connections
        try:
            while True:
                await self._next_request(stream)
                await stream.send(self._http(b"%d" % number))
                if await self._then(stream):
                    return
        finally:
            self.open -= 1


def reset(stream: SocketStream) -> None:
    """Let the close of a connection be a reset: that is what a linger of 0 does."""
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 (not Django's)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
