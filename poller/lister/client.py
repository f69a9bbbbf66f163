"""Fetches pages: one signed form POST each, over one keep-alive client, retried while a later try may succeed."""

import os
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import anyio
import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from poller import __version__
from poller.errors import ApiError, ConfigError, Malformed, RetryLater, SlowDown
from poller.lister.body import read_body
from poller.lister.gate import Gate
from poller.models import Page, Query
from poller.signature import Credentials
from poller.stats import ApiStats, Trouble
from poller.wire import ACTION, Reply, form, line, read_page

CONNECT_SECONDS: Final = 5.0
ATTEMPTS: Final = 6

_MAX_RETRY_AFTER = 120.0
_KEEP_ALIVE_SECONDS = 55.0  # below the 60 s after which gateways commonly close an idle connection
_BACKOFF = wait_random_exponential(multiplier=0.25, max=30)
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": f"uphone-job-poller/{__version__}",
    # A page is small: inflating it costs more than decoding it.
    "Accept-Encoding": "identity",
}


def open_client(
    *, timeout: float, concurrency: int, trust_env: bool, transport: httpx2.AsyncBaseTransport | None = None
) -> httpx2.AsyncClient:
    """Make the one HTTP client of the process. ``timeout`` is in seconds; TLS is always verified.

    Certificates are the system's, or those of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``; ``trust_env`` is for proxies.
    Raises ConfigError where that file is none of certificates, or a proxy is none.
    """
    trusted = _trusted()
    try:
        return httpx2.AsyncClient(
            verify=trusted,
            trust_env=trust_env,
            timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            limits=httpx2.Limits(
                max_connections=concurrency,
                max_keepalive_connections=concurrency,
                keepalive_expiry=_KEEP_ALIVE_SECONDS,
            ),
            # The API has no sessions, and a jar that servers can fill is memory that they can take.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers=_HEADERS,
            transport=transport,
        )
    except (ValueError, ImportError) as error:
        # Not the library's words: the address of a proxy may hold a password.
        problem = f"no such proxy can be used ({type(error).__name__}): name an http or https one, or unset it"
        raise ConfigError("HTTP_PROXY, HTTPS_PROXY or ALL_PROXY", problem) from None


def _trusted() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context(trust_env=True)
    except OSError as error:
        problem = f"no certificates can be read from it ({error.strerror}): name a PEM file, or unset it"
        raise ConfigError("SSL_CERT_FILE", problem) from None


class Lister:
    """Brings pages of one API address, for all targets.

    ``credentials`` is called for each request, so that rotated keys count from the next one on.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        gate: Gate,
        stats: ApiStats,
        *,
        base_url: str,
        timeout: float,
        credentials: Callable[[], Credentials],
        attempts: int = ATTEMPTS,
    ) -> None:
        self._client = client
        self._gate = gate
        self._stats = stats
        self._url = _url(base_url)
        self._peer = self._url.netloc.decode()
        self._timeout = timeout
        self._credentials = credentials
        self._retrying = AsyncRetrying(
            sleep=anyio.sleep,
            stop=stop_after_attempt(attempts),
            wait=_pause,
            retry=retry_if_exception_type(RetryLater),
            reraise=True,
        )

    async def page(self, query: Query) -> Page:
        """Fetch one page; raise the last `ApiError` where the tries are used up or useless."""
        return await self._retrying(self._try, query)

    async def _try(self, query: Query) -> Page:
        async with self._gate.turn(query.target):
            sent_at = anyio.current_time()
            try:
                page = read_page(await self._exchange(query), tasks=query.state is None)
            except ApiError as error:
                if isinstance(error, SlowDown):
                    self._gate.throttled(query.target, sent_at)
                self._record(error.code, sent_at)
                self._stats.trouble = self._stats.trouble or Trouble(sent_at, str(error))
                raise
            self._record("0", sent_at)
            self._stats.trouble = None
            self._stats.rows_skipped += page.skipped
            return page

    def _record(self, code: str, sent_at: float) -> None:
        self._stats.requests[ACTION, self._stats.codes.word(code)] += 1
        self._stats.request_seconds[(ACTION,)].observe(anyio.current_time() - sent_at)
        self._stats.rate_limit = self._gate.rate()

    async def _exchange(self, query: Query) -> Reply:
        credentials = self._credentials()
        request = self._client.build_request("POST", self._url, content=form(query, credentials))

        def told(error: Exception) -> str:
            # The HTTP library quotes what it could not read, and that may quote the request.
            return line(credentials.redact(_reason(error)))

        try:
            # The client's timeouts are per read: a server that trickles would hold us for ever.
            with anyio.fail_after(self._timeout):
                response = await self._client.send(request, stream=True)
                body = await read_body(response)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise RetryLater("timeout", f"no answer from {self._peer} in time ({_waited_for(error)})") from None
        except httpx2.RemoteProtocolError as error:
            raise Malformed("malformed", f"the answer broke off: {told(error)}") from None
        # On asyncio the HTTP library lets TLS errors through that come after the handshake.
        except (httpx2.TransportError, ssl.SSLError) as error:
            raise RetryLater("connect", f"no connection to {self._peer}: {told(error)}") from None
        request_id = response.headers.get("X-UCLOUD-REQUEST-UUID")
        return Reply(
            status=response.status_code,
            body=body,
            request_id=line(credentials.redact(request_id)) if request_id else None,
            retry_after=_retry_after(response.headers),
            signed_with=credentials,
        )


def _reason(error: BaseException) -> str:
    """Tell what went wrong: the HTTP library's own exception often says nothing, and that which it came from does."""
    said = ""
    cause: BaseException | None = error
    while cause is not None:
        # TLS errors have numbers of another kind, and names that do not resolve negative ones.
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and (cause.errno or 0) > 0:
            return os.strerror(cause.errno or 0)
        said = said or str(cause)
        # Where a host has several addresses, each has failed in its own way.
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = inner or cause.__cause__ or cause.__context__
    return said or type(error).__name__


def _waited_for(error: Exception) -> str:
    return "connecting" if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout) else "UCLOUD_TIMEOUT_SECOND"


def _url(text: str) -> httpx2.URL:
    try:
        return httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise ConfigError("UCLOUD_API_BASE_URL", f"is not a URL: {line(str(error))}") from None


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3) in seconds; a date counts from the server's own ``Date``."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if value.isdigit() else _seconds_between(headers.get("Date", ""), value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)


def _seconds_between(earlier: str, later: str) -> float:
    return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()


def _pause(state: RetryCallState) -> float:
    """Wait exponentially longer with full jitter, and never less than the server wishes."""
    error = state.outcome.exception() if state.outcome else None
    wish = error.retry_after if isinstance(error, RetryLater) else None
    return max(wish or 0.0, _BACKOFF(state))
