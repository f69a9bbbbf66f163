"""The paths that the poller answers at."""

import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from poller.stats import Deadlines
from poller.web.health import Answer, livez, readyz
from poller.web.status.source import Source

if TYPE_CHECKING:
    from poller.web.status.pages import Pages

_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_JSON: Final = "application/json"

_GZIP_FROM: Final = 1400
"""In bytes: less than this is one packet anyhow."""


def create(render: Callable[[str], tuple[bytes, str]], deadlines: Deadlines, source: Source) -> Starlette:
    """Return the ASGI application. ``render`` takes an Accept header and gives a body and its content type."""

    @cache
    def pages() -> "Pages":
        # Who never looks at the status need not pay for it in memory.
        from poller.web.status.pages import Pages  # noqa: PLC0415 (that is why)

        return Pages(source)

    async def page(request: Request) -> Response:
        body = await pages().html(refresh=request.query_params.get("refresh") != "off")
        return _compressed(request, body.encode(), _HTML, _guard())

    async def status(request: Request) -> Response:
        body = json.dumps(await pages().data()) + "\n"
        return _compressed(request, body.encode(), _JSON)

    async def metrics(request: Request) -> Response:
        body, content_type = render(_header(request, "accept"))
        return _compressed(request, body, content_type, {"Vary": "Accept, Accept-Encoding"})

    async def alive(_request: Request) -> Response:
        return _json(livez(deadlines, source.now().mono))

    async def ready(_request: Request) -> Response:
        return _json(readyz(source.stats, source.now().mono))

    app = Starlette(
        routes=[
            _route("/", page),
            _route("/status.json", status),
            _route("/metrics", metrics),
            _route("/livez", alive),
            _route("/healthz", alive),
            _route("/readyz", ready),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )
    app.router.redirect_slashes = False  # a redirect would lead to whatever host the client has named
    return app


def _route(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    # Given a plain function, Starlette would run it in a worker thread, beside the tasks that write what it reads.
    return Route(path, answer, methods=["GET"])  # and HEAD, which Starlette adds


def _guard() -> dict[str, str]:
    """Let the page fetch, run, frame and tell nothing: what it shows comes from outside."""
    from poller.web.status.style import POLICY  # noqa: PLC0415 (as the page)

    return {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}


def _respond(
    body: str | bytes, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    common = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(body, status, {**common, **(headers or {})}, content_type)


def _json(answer: Answer) -> Response:
    status, content = answer
    return _respond(json.dumps(content) + "\n", _JSON, status)


def _compressed(request: Request, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Response:
    headers = {"Vary": "Accept-Encoding", **(headers or {})}
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
