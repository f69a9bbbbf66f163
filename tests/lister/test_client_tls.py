"""TLS: verified, always, against the authorities that the environment names."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSAttribute, TLSListener, TLSStream

from poller.errors import RetryLater
from poller.lister import Lister
from poller.models import Query, State, Target
from poller.stats import ApiStats

OPENSSL = shutil.which("openssl")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes the certificate, is not installed"),
]

MakeLister = Callable[..., Lister]
Http = Callable[..., bytes]

LISTING = Query(Target(), State.RUNNING)
PAGE = b'{"RetCode":0,"Jobs":[]}'


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a self-signed certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


@pytest.fixture(scope="session")
def authorities(certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a directory in which OpenSSL finds the certificate by its hash."""
    command = [str(OPENSSL), "x509", "-noout", "-hash", "-in", str(certificate[0])]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder = tmp_path_factory.mktemp("authorities")
    (folder / f"{name}.0").write_bytes(certificate[0].read_bytes())
    return folder


@asynccontextmanager
async def serving_tls(
    certificate: tuple[Path, Path], converse: Callable[[TLSStream], Awaitable[None]]
) -> AsyncIterator[int]:
    """Serve TLS on loopback."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def handle(stream: TLSStream) -> None:
        try:
            await converse(stream)
        except (anyio.BrokenResourceError, anyio.EndOfStream):
            pass
        finally:
            await anyio.aclose_forcefully(stream)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        tls = TLSListener(listener, context, standard_compatible=False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tls.serve, handle)
            yield listener.extra(SocketAttribute.local_port)  # noqa: S610 (not Django's)
            tasks.cancel_scope.cancel()


@pytest.fixture
def answering(http: Http) -> Callable[[TLSStream], Awaitable[None]]:
    """Answer one request with a page."""

    async def converse(stream: TLSStream) -> None:
        await stream.receive()
        await stream.send(http(PAGE))

    return converse


async def test_a_certificate_of_nobody_is_refused(
    lister: MakeLister,
    certificate: tuple[Path, Path],
    answering: Callable[[TLSStream], Awaitable[None]],
    stats: ApiStats,
) -> None:
    """And the error says why; no signed request was sent."""
    async with serving_tls(certificate, answering) as port:
        with pytest.raises(RetryLater, match=r"no connection to localhost:\d+: .*certificate verify failed"):
            await lister(base_url=f"https://localhost:{port}", attempts=1).page(LISTING)
    assert stats.requests["DescribeUPhoneJob", "connect"] == 1


async def test_one_handshake_serves_many_requests(
    lister: MakeLister,
    certificate: tuple[Path, Path],
    next_request: Callable[..., Awaitable[bytes]],
    http: Http,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And settles that HTTP/1.1 is spoken, with a server that would like to speak something newer."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    protocols: list[str | None] = []

    async def converse(stream: TLSStream) -> None:
        protocols.append(stream.extra(TLSAttribute.alpn_protocol))  # noqa: S610 (not Django's)
        while True:
            await next_request(stream)
            await stream.send(http(PAGE))

    async with serving_tls(certificate, converse) as port:
        source = lister(base_url=f"https://localhost:{port}")
        for _ in range(3):
            await source.page(LISTING)
    assert protocols == ["http/1.1"]


@pytest.mark.parametrize("trust_env", [True, False])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_the_authorities_of_the_environment_always_count(
    lister: MakeLister,
    certificate: tuple[Path, Path],
    authorities: Path,
    answering: Callable[[TLSStream], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    variable: str,
    trust_env: bool,
) -> None:
    """A file, or a directory of files named by their hash."""
    place, _ = certificate
    if variable == "SSL_CERT_DIR":
        place = authorities
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(variable, str(place))
    async with serving_tls(certificate, answering) as port:
        got = await lister(base_url=f"https://localhost:{port}", trust_env=trust_env).page(LISTING)
    assert got.jobs == []


async def test_a_certificate_of_another_host_is_refused(
    lister: MakeLister,
    certificate: tuple[Path, Path],
    answering: Callable[[TLSStream], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However much it is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    async with serving_tls(certificate, answering) as port:
        with pytest.raises(RetryLater, match=r"IP address mismatch"):
            await lister(base_url=f"https://127.0.0.1:{port}", attempts=1).page(LISTING)


async def test_a_server_that_speaks_no_tls_cannot_be_reached(
    lister: MakeLister, serving: Callable[..., Any], stats: ApiStats
) -> None:
    """Nor is it sent anything in the clear."""
    received = b""

    async def converse(stream: SocketStream) -> None:
        nonlocal received
        received += await stream.receive()
        await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(converse) as url:
        with pytest.raises(RetryLater, match=r"no connection to localhost:\d+: "):
            await lister(base_url=url.replace("http://127.0.0.1", "https://localhost"), attempts=1).page(LISTING)
    assert b"DescribeUPhoneJob" not in received
    assert stats.requests["DescribeUPhoneJob", "connect"] == 1


async def test_a_tls_connection_that_breaks_in_an_answer_passes(
    lister: MakeLister, certificate: tuple[Path, Path], http: Http, monkeypatch: pytest.MonkeyPatch, stats: ApiStats
) -> None:
    """Bytes that are no TLS record may come long after the handshake."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    async def converse(stream: TLSStream) -> None:
        await stream.receive()
        await stream.send(http(PAGE)[:30])
        await stream.transport_stream.send(b"\x17\x03\x03\x00\x20" + b"garbage!" * 4)

    async with serving_tls(certificate, converse) as port:
        with pytest.raises(RetryLater, match=r"no connection to localhost:\d+: ."):
            await lister(base_url=f"https://localhost:{port}", attempts=1).page(LISTING)
    assert stats.requests["DescribeUPhoneJob", "connect"] == 1
