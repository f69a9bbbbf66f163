"""Cuts the connection under an ASGI application, which ASGI itself has no message for."""

import asyncio
import socket
import struct

from starlette.types import Receive


class ConnectionCut(Exception):
    """The answer ends here: what an application can say where there is no socket to close.

    ``reset`` tells a connection that broke before the answer from one that broke within.
    """

    def __init__(self, *, reset: bool) -> None:
        super().__init__("connection reset" if reset else "connection closed within the body")
        self.reset = reset


async def cut(receive: Receive, *, reset: bool) -> None:
    """Reset the connection, or close it after what has been sent; ``ConnectionCut`` where the server has no socket.

    uvicorn's ``receive`` is bound to the object that owns the transport. The request must have been read whole.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.WriteTransport):
        raise ConnectionCut(reset=reset)
    if not transport.is_closing():  # as it is when the client did not wait for the answer
        _close(transport, reset=reset)
    # An application that returns before the server has noticed is reported as broken.
    while (await receive())["type"] != "http.disconnect":
        pass


def leave_out_date(receive: Receive) -> None:
    """Have the server add no Date of its own to this answer, for an API that tells another time or none.

    uvicorn's ``receive`` is bound to the object that holds the headers it adds; a server that adds none has no such.
    """
    exchange = getattr(receive, "__self__", None)
    headers = getattr(exchange, "default_headers", None)
    if exchange is not None and headers is not None:
        exchange.default_headers = [(name, value) for name, value in headers if name.lower() != b"date"]


def _close(transport: asyncio.WriteTransport, *, reset: bool) -> None:
    if reset:
        # Closing without lingering sends RST instead of FIN.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
