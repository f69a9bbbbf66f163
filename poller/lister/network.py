"""Chooses what carries the requests, and whom it trusts."""

import asyncio
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.request import getproxies

import httpx2

from poller import __version__
from poller.errors import ConfigError
from poller.lister.lean import LeanClient
from poller.lister.ordinary import OrdinaryClient
from poller.lister.response import Client
from poller.wire import line

HEADERS: Final = {
    "Content-Type": "application/x-www-form-urlencoded",
    "User-Agent": f"uphone-job-poller/{__version__}",
    # A page is small: inflating it costs more than decoding it.
    "Accept-Encoding": "identity",
}

_KEEP_ALIVE_SECONDS: Final = 55.0  # below the 60 s after which gateways commonly close an idle connection


def open_client(base_url: str, *, timeout: float, concurrency: int, trust_env: bool, lean: bool = True) -> Client:
    """Make the one HTTP client of the process. ``timeout`` is in seconds; TLS is always verified.

    It is a `LeanClient` on asyncio where no proxy is to be used. On trio, where the environment is trusted and names a
    proxy, and where ``lean`` is off, it is one over httpx2's own.

    Certificates are the system's, or those of ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``; ``trust_env`` is for proxies.
    Raises ConfigError where that file is none of certificates, or a proxy is none.
    """
    url, tls = parse_url(base_url), _trusted()
    if lean and _on_asyncio() and not (trust_env and _names_proxy()):
        return LeanClient(
            url,
            HEADERS,
            tls=tls,
            timeout=timeout,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
        )
    return OrdinaryClient(_Proxying(tls, concurrency, trust_env=trust_env), url, HEADERS, timeout=timeout)


def parse_url(text: str) -> httpx2.URL:
    """Read the API's address. Raises ConfigError."""
    try:
        return httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise ConfigError("UCLOUD_API_BASE_URL", f"is not a URL: {line(str(error))}") from None


class _Proxying(httpx2.AsyncBaseTransport):
    """Gives requests to httpx2's own client, which finds the proxies of the environment."""

    def __init__(self, tls: ssl.SSLContext, concurrency: int, *, trust_env: bool) -> None:
        limits = httpx2.Limits(
            max_connections=concurrency,
            max_keepalive_connections=concurrency,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
        )
        # The API has no sessions, and a jar that servers can fill is memory that they can take.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        try:
            self._client = httpx2.AsyncClient(verify=tls, trust_env=trust_env, limits=limits, cookies=cookies)
        except (ValueError, ImportError) as error:
            # Not the library's words: the address of a proxy may hold a password.
            problem = f"no such proxy can be used ({type(error).__name__}): name an http or https one, or unset it"
            raise ConfigError("HTTP_PROXY, HTTPS_PROXY or ALL_PROXY", problem) from None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return the answer when its body is still to come."""
        return await self._client.send(request, stream=True)

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _names_proxy() -> bool:
    return not getproxies().keys().isdisjoint(("http", "https", "all"))


def _trusted() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context(trust_env=True)
    except OSError as error:
        problem = f"no certificates can be read from it ({error.strerror}): name a PEM file, or unset it"
        raise ConfigError("SSL_CERT_FILE", problem) from None
