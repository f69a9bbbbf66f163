"""The HTTP server: uvicorn, in the poller's own event loop and under the poller's signals."""

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

import anyio
import anyio.abc
import anyio.lowlevel
from starlette.types import ASGIApp
from uvicorn.server import Server

from poller.web.connection import BoundedConfig, BoundedProtocol, Limits

_BIND_TRIES: Final = 10
_NO_SUCH_FAMILY: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


def bind(host: str | None, port: int) -> list[socket.socket]:
    """Return listening sockets, all on one port: on every address of ``host``, or of the machine for None.

    Port 0 takes a free one. A family that the machine does not have is left out. Raises `OSError`.
    """
    for _ in range(_BIND_TRIES - 1):
        try:
            return _bind(host, port)
        except OSError as error:
            # Among several families, a port that is free in one may be taken in another.
            if port != 0 or error.errno != errno.EADDRINUSE:
                raise
    return _bind(host, port)


def reason(problem: OSError) -> str:
    """Tell in words why `bind` failed, without the address that the standard library adds."""
    # The codes of getaddrinfo are negative and have words of their own.
    if problem.errno is not None and problem.errno > 0:
        return os.strerror(problem.errno)
    return problem.strerror or str(problem)


def _bind(host: str | None, port: int) -> list[socket.socket]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    with ExitStack() as undo:
        for family, address in dict.fromkeys((info[0], info[4]) for info in infos):
            try:
                # Sets SO_REUSEADDR and IPV6_V6ONLY. What follows an IPv6 address and port names the interface.
                listener = socket.create_server((address[0], port, *address[2:]), family=family)
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                absent = error
                continue
            sockets.append(undo.enter_context(listener))
            # Connections inherit it. asyncio would set it, but leaves out sockets that do not name their protocol.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            port = listener.getsockname()[1]
        if absent is not None and not sockets:
            raise absent
        undo.pop_all()
    return sockets


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    limits: Limits | None = None,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` until cancelled; closes the sockets. Runs on asyncio alone, as uvicorn does."""
    limits = limits or Limits()
    config = BoundedConfig(app, limits)
    config.load()
    server = Server(config)
    # uvicorn's steps one by one: its serve() takes the signals, and when cancelled leaves all connections open.
    server.lifespan = config.lifespan_class(config)
    try:
        await server.startup(list(sockets))
        task_status.started()
        while True:  # uvicorn's own loop wakes ten times a second to do this
            await server.on_tick(0)  # renews the Date header
            await anyio.sleep(1)
    finally:
        await _stop(server, sockets, limits.grace_seconds)


async def _stop(server: Server, sockets: Sequence[socket.socket], grace_seconds: float) -> None:
    with anyio.move_on_after(grace_seconds, shield=True):
        await server.shutdown(list(sockets))
    for connection in list(server.server_state.connections):
        if isinstance(connection, BoundedProtocol):
            connection.abort()
    for task in server.server_state.tasks:
        task.cancel()
    with anyio.CancelScope(shield=True):
        await anyio.lowlevel.checkpoint()  # lets the transports close
