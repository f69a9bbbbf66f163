"""Fetches pages: one signed form POST each, over keep-alive connections, retried while a later try may succeed."""

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Final, Generic, TypeVar

import anyio
import httpx2
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from poller.errors import ApiError, Malformed, RetryLater, SlowDown
from poller.lifecycle import ACTIVE
from poller.lister.body import read_body
from poller.lister.gate import Gate
from poller.lister.response import Client
from poller.models import Page, Query, Target, unix_time
from poller.signature import Credentials
from poller.stats import ApiStats, Trouble
from poller.wire import (
    ACTION,
    CITIES_ACTION,
    Cities,
    Reply,
    cities_form,
    form,
    line,
    read_cities,
    read_page,
)

ATTEMPTS: Final = 6

Read = TypeVar("Read")

_MAX_RETRY_AFTER = 120.0
_BACKOFF = wait_random_exponential(multiplier=0.25, max=30)


@dataclass(slots=True)
class _Call(Generic[Read]):
    """One request to make, again and again if need be: how it is written, and how its answer is read."""

    action: str
    target: Target
    form: Callable[[Credentials], bytes]
    read: Callable[[Reply], Read]
    sweeping: bool = False


class Lister:
    """Brings pages of one API address, for all targets.

    ``credentials`` is called for each request, so that rotated keys count from the next one on.
    """

    def __init__(
        self,
        client: Client,
        gate: Gate,
        stats: ApiStats,
        *,
        credentials: Callable[[], Credentials],
        attempts: int = ATTEMPTS,
    ) -> None:
        self._client = client
        self._gate = gate
        self._stats = stats
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
        sweeping = query.state in ACTIVE
        call: _Call[Page] = _Call(
            ACTION, query.target, partial(form, query), partial(read_page, tasks=not sweeping), sweeping=sweeping
        )
        page = await self._insist(call)
        self._stats.rows_skipped += page.skipped
        return page

    async def cities(self, target: Target) -> tuple[str, ...]:
        """Ask for the ids of the cities that a target's project and product type have; raise likewise."""
        call: _Call[Cities] = _Call(CITIES_ACTION, target, partial(cities_form, target), read_cities)
        cities = await self._insist(call)
        self._stats.rows_skipped += cities.skipped
        return cities.ids

    async def _insist(self, call: _Call[Read]) -> Read:
        """Try, and as long as a later try may succeed, again."""
        try:
            return await self._try(call)
        except RetryLater as error:
            failed: RetryLater | None = error

        async def again() -> Read:
            nonlocal failed
            # What retries are made of costs as much as all the rest: only a request that has failed pays for it.
            first, failed = failed, None
            if first is not None:
                raise first
            return await self._try(call)

        answer: Read = await self._retrying(again)
        return answer

    async def _try(self, call: _Call[Read]) -> Read:
        async with self._gate.turn(call.target, sweeping=call.sweeping):
            sent_at = anyio.current_time()
            try:
                answer = call.read(await self._exchange(call.form))
            except ApiError as error:
                if isinstance(error, SlowDown):
                    self._gate.throttled(call.target, sent_at)
                    self._stats.rate_limit = self._gate.rate()
                self._record(call.action, error.code, sent_at)
                self._stats.trouble = self._stats.trouble or Trouble(sent_at, str(error))
                raise
            self._record(call.action, "0", sent_at)
            self._stats.trouble = None
            return answer

    def _record(self, action: str, code: str, sent_at: float) -> None:
        self._stats.requests[action, self._stats.codes.word(code)] += 1
        self._stats.request_seconds[(action,)].observe(anyio.current_time() - sent_at)

    async def _exchange(self, form: Callable[[Credentials], bytes]) -> Reply:
        credentials = self._credentials()

        def told(error: Exception) -> str:
            # The HTTP library quotes what it could not read, and that may quote the request.
            return line(credentials.redact(_reason(error)))

        try:
            response = await self._client.post(form(credentials))
        except httpx2.TimeoutException as error:
            raise RetryLater("timeout", f"no answer from {self._client.peer} in time ({_waited_for(error)})") from None
        except httpx2.RemoteProtocolError as error:
            raise Malformed("malformed", f"the answer broke off: {told(error)}") from None
        # On asyncio the HTTP library lets TLS errors through that come after the handshake.
        except (httpx2.TransportError, ssl.SSLError) as error:
            raise RetryLater("connect", f"no connection to {self._client.peer}: {told(error)}") from None
        request_id = response.header(b"x-ucloud-request-uuid")
        date = response.header(b"date")
        return Reply(
            status=response.status,
            body=read_body(response),
            request_id=line(credentials.redact(request_id)) if request_id else None,
            retry_after=_retry_after(response.header(b"retry-after"), date),
            date=_date(date),
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


def _retry_after(wish: str, date: str) -> float | None:
    """Read ``Retry-After`` (RFC 9110, 10.2.3) in seconds; a date counts from the server's own ``Date``."""
    value = wish.strip()
    if not value:
        return None
    try:
        seconds = float(value) if value.isdigit() else _seconds_between(date, value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER)


def _seconds_between(earlier: str, later: str) -> float:
    return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()


@lru_cache(maxsize=8)  # a second has many answers
def _date(value: str) -> int | None:
    """Read an HTTP date (RFC 9110, 5.6.7) in Unix seconds. It is in GMT, also where its form names no zone."""
    try:
        date = parsedate_to_datetime(value)
        return unix_time((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def _pause(state: RetryCallState) -> float:
    """Wait exponentially longer with full jitter, and never less than the server wishes."""
    error = state.outcome.exception() if state.outcome else None
    wish = error.retry_after if isinstance(error, RetryLater) else None
    return max(wish or 0.0, _BACKOFF(state))
