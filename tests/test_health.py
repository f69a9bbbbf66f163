"""``poller health`` against real sockets, as a container runtime would run it."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from poller.cli import health
from poller.config.values import Unacceptable, listen

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answer = Callable[[socket.socket], None]


@contextmanager
def serve(answer: bytes | Answer, host: str = "127.0.0.1") -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection on a thread; yields the port, and what was asked."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    asked: list[bytes] = []

    def answer_one() -> None:
        connection, _ = listener.accept()
        with connection:
            asked.append(connection.recv(4096))
            if callable(answer):
                answer(connection)
            else:
                connection.sendall(answer)

    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        thread = threading.Thread(target=answer_one)
        thread.start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            thread.join()


def has_ipv6() -> bool:
    """Tell whether this host has an IPv6 loopback address."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_no_time_is_a_timeout(closed_port: int) -> None:
    """What is left for a second address may be nothing."""
    with pytest.raises(health.Unhealthy, match="timed out"):
        health.ask(("127.0.0.1", closed_port), timeout=0)


def test_200_is_healthy() -> None:
    """The probe asks for ``/livez`` and is silent when all is well."""
    with serve(OK) as (port, asked):
        assert health.main([], {"POLLER_LISTEN": f"127.0.0.1:{port}"}) == 0
    assert asked[0].startswith(b"GET /livez HTTP/1.0\r\n")


@pytest.mark.parametrize("host", ["", "0.0.0.0", "[::]"])  # noqa: S104 (asked, not bound)
def test_a_wildcard_is_asked_on_ipv4_loopback(host: str) -> None:
    """A daemon that listens everywhere listens there."""
    with serve(OK) as (port, _):
        assert health.main(["--listen", f"{host}:{port}"], {}) == 0


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6 loopback")
def test_a_wildcard_is_asked_on_ipv6_where_ipv4_refuses() -> None:
    """A host may have no IPv4."""
    with serve(OK, "::1") as (port, _):
        assert health.main(["--listen", f":{port}"], {}) == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 503 Service Unavailable\r\n\r\ncycle missed\nits deadline",
            "/livez answered 503 Service Unavailable",
        ),
        (b"HTTP/1.1 503 x\r\n\r\ncycle missed\nits\x1b deadline", "503 x: cycle missed its deadline"),
        (b"HTTP/1.1 2000\r\n\r\n", "/livez answered 2000"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "/livez answered 204"),
        (b"SSH-2.0-OpenSSH\r\n", "what answered does not speak HTTP"),
        (b"", "what answered does not speak HTTP"),
    ],
)
def test_any_other_answer_is_unhealthy(answer: bytes, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stderr says what came instead."""
    with serve(answer) as (port, _):
        assert health.main(["--listen", f"127.0.0.1:{port}"], {}) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_nobody_there_is_unhealthy(closed_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the address that refused."""
    assert health.main(["--listen", f":{closed_port}"], {}) == 1
    assert f"no answer from 127.0.0.1 port {closed_port}: Connection refused" in capsys.readouterr().err


def test_silence_is_unhealthy_after_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    """A stuck daemon accepts and says nothing."""
    gone = threading.Event()

    def wait(_: socket.socket) -> None:
        gone.wait()

    with serve(wait) as (port, _):
        assert health.main(["--listen", f"127.0.0.1:{port}", "--timeout", "0.05"], {}) == 1
        gone.set()
    assert "timed out" in capsys.readouterr().err


def test_an_endless_trickle_is_unhealthy_after_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    """The time limit is for the whole answer, not for each byte of it."""
    gone = threading.Event()

    def trickle(connection: socket.socket) -> None:
        while not gone.wait(0.01):
            connection.sendall(b"H")

    with serve(trickle) as (port, _):
        assert health.main(["--listen", f"127.0.0.1:{port}", "--timeout", "0.1"], {}) == 1
        gone.set()
    assert "timed out" in capsys.readouterr().err


def test_an_endless_answer_is_read_up_to_a_bound() -> None:
    """The probe's memory does not depend on who answers."""
    sent: list[int] = []

    def flood(connection: socket.socket) -> None:
        try:
            while True:
                sent.append(connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65_536))
        except OSError:
            return

    with serve(flood) as (port, _):
        assert health.main(["--listen", f"127.0.0.1:{port}"], {}) == 0
    assert sent


def test_off_has_nothing_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    """A probe of a daemon without a server is a mistake in the manifest."""
    assert health.main([], {"POLLER_LISTEN": "off"}) == 1
    assert capsys.readouterr().err == "poller: error: POLLER_LISTEN: off, so there is nothing to ask\n"


def test_port_0_cannot_be_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the daemon knows which port it got."""
    assert health.main(["--listen", "127.0.0.1:0"], {}) == 1
    assert capsys.readouterr().err.startswith("poller: error: --listen: port 0 is any free one")


def test_the_flag_outranks_the_variable(closed_port: int) -> None:
    """As for the daemon."""
    with serve(OK) as (port, _):
        assert health.main([f"--listen=127.0.0.1:{port}"], {"POLLER_LISTEN": f":{closed_port}"}) == 0


def test_the_configuration_file_is_read_where_nothing_else_says(tmp_path: Path) -> None:
    """A daemon configured by a file is asked where that file says."""
    file = tmp_path / "poller.toml"
    with serve(OK) as (port, _):
        file.write_text(f'listen = "127.0.0.1:{port}"')
        assert health.main([], {"POLLER_CONFIG": str(file), "POLLER_LISTEN": ""}) == 0


def test_a_configuration_file_that_says_nothing_leaves_the_default(tmp_path: Path) -> None:
    """Most files are about something else."""
    file = tmp_path / "poller.toml"
    file.write_text('interval = "5s"')
    assert health._listen(None, str(file), {}) == ("POLLER_LISTEN", ":10766")


@pytest.mark.parametrize(
    ("content", "words"),
    [("listen = 10766", "listen in "), ("listen = :10766", "POLLER_CONFIG: cannot read "), (None, "POLLER_CONFIG: ")],
)
def test_an_unusable_configuration_file_is_told(
    tmp_path: Path, content: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the file."""
    file = tmp_path / "poller.toml"
    if content is not None:
        file.write_text(content)
    assert health.main(["--config", str(file)], {}) == 1
    assert capsys.readouterr().err.startswith(f"poller: error: {words}")


def test_the_default_is_the_daemons() -> None:
    """Without any setting, both mean the same port."""
    assert health.parse_listen(health.DEFAULT_LISTEN) == ("", 10766)
    assert listen(health.DEFAULT_LISTEN) == listen(":10766")


@pytest.mark.parametrize(
    "text", [":10766", "0.0.0.0:80", "[::1]:10766", "[::]:1", "localhost:65535", "127.0.0.1:00080"]
)
def test_both_parsers_read_the_same_addresses(text: str) -> None:
    """The probe has its own parser so as to stay light; it must not drift from the daemon's."""
    parsed = listen(text)
    assert parsed is not None
    assert health.parse_listen(text) == (parsed.host or "", parsed.port)


@pytest.mark.parametrize("text", ["10766", ":", "host:", ":65536", ":-1", ":٣", ":1_0", "::1:10766", "", ":123456"])
def test_both_parsers_refuse_the_same_texts(text: str) -> None:
    """What the daemon would not start with is no address to ask."""
    with pytest.raises(Unacceptable):
        listen(text)
    with pytest.raises(health.Unhealthy):
        health.parse_listen(text)


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--timeout", "3s"], ["--timeout", "nan"], ["--lisn", "x"]])
def test_wrong_usage_is_unhealthy(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Container runtimes know 0 and 1 only, and show one line."""
    assert health.main(arguments, {}) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Help names the flags and their variables."""
    with pytest.raises(SystemExit) as ended:
        health.main(["--help"], {})
    assert ended.value.code == 0
    assert "POLLER_LISTEN" in capsys.readouterr().out


def test_the_probe_loads_the_standard_library_alone(closed_port: int) -> None:
    """It shares the daemon's memory limit, so nothing of the daemon comes with it."""
    code = (
        "import sys; from poller.__main__ import main; code = main();"
        "print(*{name.partition('.')[0] for name in sys.modules}); sys.exit(code)"
    )
    ended = subprocess.run(
        [sys.executable, "-I", "-c", code, "health", "--listen", f"127.0.0.1:{closed_port}"],
        capture_output=True,
        text=True,
        check=False,
    )
    loaded = set(ended.stdout.split())
    assert ended.returncode == 1
    assert "poller" in loaded
    assert not loaded & {
        "anyio",
        "asyncio",
        "click",
        "httpx2",
        "msgspec",
        "ssl",
        "structlog",
        "http",
        "email",
        "logging",
    }
