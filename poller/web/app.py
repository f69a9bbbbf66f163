"""The paths that the poller answers at."""

import gzip
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poller.models import Instant
from poller.stats import Deadlines, Stats
from poller.web.health import Answer, livez, readyz

_TEXT: Final = "text/plain; charset=utf-8"
_INDEX: Final = """\
UPhone job poller

/metrics  for Prometheus
/livez    whether the polling loop turns
/readyz   whether every target has been read
"""

_GZIP_FROM: Final = 1400
"""In bytes: less than this is one packet anyhow."""


def create(
    render: Callable[[str], tuple[bytes, str]], stats: Stats, deadlines: Deadlines, now: Callable[[], Instant]
) -> Starlette:
    """Return the ASGI application. ``render`` takes an Accept header and gives a body and its content type."""

    def index(_request: Request) -> Response:
        return _respond(_INDEX, _TEXT)

    def metrics(request: Request) -> Response:
        body, content_type = render(_header(request, "accept"))
        return _compressed(request, body, content_type)

    def alive(_request: Request) -> Response:
        return _json(livez(deadlines, now().mono))

    def ready(_request: Request) -> Response:
        return _json(readyz(stats, now().mono))

    app = Starlette(
        routes=[
            _route("/", index),
            _route("/metrics", metrics),
            _route("/livez", alive),
            _route("/healthz", alive),
            _route("/readyz", ready),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )
    app.router.redirect_slashes = False  # a redirect would lead to whatever host the client has named
    return app


def _route(path: str, answer: Callable[[Request], Response]) -> Route:
    async def endpoint(request: Request) -> Response:
        # Given a plain function, Starlette would run it in a worker thread, beside the tasks that write what it reads.
        return answer(request)

    return Route(path, endpoint, methods=["GET"])  # and HEAD, which Starlette adds


def _respond(
    body: str | bytes, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    common = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, {**common, **(headers or {})}, content_type)


def _json(answer: Answer) -> Response:
    status, content = answer
    return _respond(json.dumps(content) + "\n", "application/json", status)


def _compressed(request: Request, body: bytes, content_type: str) -> Response:
    headers = {"Vary": "Accept, Accept-Encoding"}
    if len(body) >= _GZIP_FROM and _takes_gzip(_header(request, "accept-encoding")):
        # Prometheus asks for it; the fastest level adds 3 % to the cost of rendering and sends a tenth of the bytes.
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return _respond(body, content_type, headers=headers)


def _takes_gzip(accept_encoding: str) -> bool:
    codings = (part.partition(";") for part in accept_encoding.lower().replace(" ", "").split(","))
    return any(name == "gzip" and weight.strip("0.") != "q=" for name, _, weight in codings)


def _header(request: Request, name: str) -> str:
    return ", ".join(request.headers.getlist(name))


async def _refuse(_request: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)  # Starlette's type for these takes any exception
    return _respond(f"{refusal.detail}\n", _TEXT, refusal.status_code, refusal.headers)


async def _fail(_request: Request, _error: Exception) -> Response:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _respond(f"{status.phrase}\n", _TEXT, status)
