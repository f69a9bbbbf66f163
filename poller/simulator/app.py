"""The simulated API over HTTP: a thin ASGI application, under any ASGI server or in process."""

from collections.abc import Callable
from typing import Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from poller.simulator.answers import Answer, Ending
from poller.simulator.api import Api
from poller.simulator.connection import cut, leave_out_date
from poller.simulator.options import Options
from poller.simulator.parameters import decode
from poller.simulator.world import World

_METHODS: Final = ("GET", "POST")


class Simulator:
    """The ASGI application; ``world`` and ``api`` are there to be asked for the truth and the counts.

    ``now`` is the API's clock, in Unix seconds: a virtual one makes the whole simulation virtual. Without
    ``date_header`` the HTTP server adds its own, as uvicorn does, unless the options want another or none.
    ``keep_history`` is the world's.
    """

    def __init__(
        self, options: Options, *, now: Callable[[], float], date_header: bool = True, keep_history: bool = False
    ) -> None:
        self.world = World(options, start=now(), keep_history=keep_history)
        self.api = Api(options, self.world)
        self._now = now
        self._servers_date = not date_header and options.send_date and not options.date_skew

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; the application has no lifespan and no WebSockets."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            params = await _parameters(request)
        except ClientDisconnect:
            return
        except (ValueError, RecursionError) as problem:
            await PlainTextResponse(f"unreadable request: {problem}\n", 400)(scope, receive, send)
            return
        if request.method not in _METHODS:
            await PlainTextResponse("GET or POST\n", 405, {"Allow": ", ".join(_METHODS)})(scope, receive, send)
            return
        answer = self.api.answer(params, self._now())
        await anyio.sleep(answer.delay)
        if answer.ending is Ending.RESET:
            await cut(receive, reset=True)
        else:
            await self._give(answer, receive, send)

    async def _give(self, answer: Answer, receive: Receive, send: Send) -> None:
        if not self._servers_date:
            leave_out_date(receive)
        body = answer.content.body
        headers = [
            *((name, value) for name, value in answer.headers if name != "Date" or not self._servers_date),
            ("Content-Type", answer.content.content_type),
            ("Content-Length", str(len(body))),
        ]
        raw = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": answer.content.status, "headers": raw})
        if answer.ending is Ending.TRUNCATED:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await cut(receive, reset=False)
        else:
            await send({"type": "http.response.body", "body": body})


async def _parameters(request: Request) -> dict[str, str]:
    body = await request.body()
    return decode(request.url.query, request.headers.get("Content-Type", ""), body)
