"""The simulator as a transport of httpx2: requests without sockets, on whatever clock the event loop has."""

import httpx2

from poller.simulator.app import Simulator
from poller.simulator.connection import ConnectionCut


class InProcessTransport(httpx2.ASGITransport):
    """Gives a client the errors that a socket would, where the simulator cuts the connection."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(app=simulator)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request; ``ReadError`` for a reset, ``RemoteProtocolError`` for a truncated body."""
        try:
            return await super().handle_async_request(request)
        except ConnectionCut as problem:
            if problem.reset:
                raise httpx2.ReadError(str(problem), request=request) from problem
            raise httpx2.RemoteProtocolError(str(problem), request=request) from problem
