"""``poller health``: ask the daemon on this host whether its loop turns.

It runs every few seconds beside the daemon and counts towards the same memory limit, so it uses little of the standard
library and nothing else; that is why it reads ``POLLER_LISTEN`` by itself.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

DEFAULT_LISTEN: Final = ":10766"
DEFAULT_TIMEOUT: Final = 3.0
MAX_TIMEOUT: Final = 3600.0

_HEALTHY: Final = 0
_UNHEALTHY: Final = 1
_MAX_ANSWER: Final = 4096
_WILDCARDS: Final = {"", "0.0.0.0", "::"}  # noqa: S104 (where the daemon may listen; nothing is bound here)
_LOOPBACKS: Final = ("127.0.0.1", "::1")


class Unhealthy(Exception):
    """Why the daemon is not known to be well, in one line."""


class _Arguments(argparse.ArgumentParser):
    """Ends with 1 rather than 2, which container runtimes reserve."""

    def error(self, message: str) -> NoReturn:
        raise Unhealthy(message)


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Return 0 if ``/livez`` answered 200, else 1 after a line on stderr."""
    try:
        options = _parser().parse_args(arguments)
        name, text = _listen(options.listen, options.config, environ)
        ask(parse_listen(text, name), timeout=options.timeout)
    except Unhealthy as problem:
        print(f"poller: error: {problem}", file=sys.stderr)  # noqa: T201 (a probe's output is for people)
        return _UNHEALTHY
    return _HEALTHY


def parse_listen(text: str, name: str = "POLLER_LISTEN") -> tuple[str, int]:
    """Read where the daemon listens as host and port; the host is empty where it was left out."""
    if text.lower() == "off":
        raise Unhealthy(f"{name}: off, so there is nothing to ask")
    host, colon, port = text.rpartition(":")
    if not (colon and port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65_535):
        raise Unhealthy(f"{name}: {text!r} is no address: write one such as :10766")
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise Unhealthy(f"{name}: {text!r} has an IPv6 address without brackets: write it such as [::1]:10766")
    if int(port) == 0:
        raise Unhealthy(f"{name}: port 0 is any free one: tell which it became with --listen")
    return host[1:-1] if bracketed else host, int(port)


def ask(address: tuple[str, int], *, timeout: float) -> None:
    """Ask ``/livez``, within ``timeout`` seconds altogether. Raises Unhealthy unless it answers 200."""
    host, port = address
    deadline = time.monotonic() + timeout
    refused = ""
    for each in _LOOPBACKS if host in _WILDCARDS else (host,):
        try:
            answer = _exchange(each, port, deadline)
        except OSError as error:
            refused = refused or f"no answer from {each} port {port}: {error.strerror or error}"
        else:
            return _judge(answer)
    raise Unhealthy(refused)


def _exchange(host: str, port: int, deadline: float) -> bytes:
    with socket.create_connection((host, port), timeout=_left(deadline)) as connection:
        # HTTP/1.0, so that the answer comes in one piece and ends with the connection.
        connection.sendall(b"GET /livez HTTP/1.0\r\nHost: localhost\r\nUser-Agent: poller-health\r\n\r\n")
        answer = b""
        while len(answer) < _MAX_ANSWER:
            connection.settimeout(_left(deadline))
            part = connection.recv(_MAX_ANSWER - len(answer))
            if not part:
                break
            answer += part
    return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _judge(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    protocol, _, status = head.partition(b"\r\n")[0].partition(b" ")
    if not protocol.startswith(b"HTTP/1."):
        raise Unhealthy("what answered does not speak HTTP")
    if status[:4].strip() != b"200":
        said = "".join(
            letter if letter.isprintable() else " " for letter in (status + b": " + body).decode("utf-8", "replace")
        )
        raise Unhealthy(f"/livez answered {' '.join(said.split())[:300]}")


def _listen(option: str | None, config: str | None, environ: Mapping[str, str]) -> tuple[str, str]:
    """Find where the daemon listens, and what says so: flag, environment, file, default, as for the daemon itself."""
    if option is not None:
        return "--listen", option.strip()
    if text := environ.get("POLLER_LISTEN", "").strip():
        return "POLLER_LISTEN", text
    path = config or environ.get("POLLER_CONFIG", "").strip()
    if path and (text := _listen_in_file(path)):
        return f"listen in {path}", text
    return "POLLER_LISTEN", DEFAULT_LISTEN


def _listen_in_file(path: str) -> str:
    import tomllib  # noqa: PLC0415 (most probes need no file)

    try:
        with open(os.path.expanduser(path), "rb") as file:  # noqa: PTH111, PTH123 (pathlib costs as much as all the rest)
            listen = tomllib.load(file).get("listen", "")
    except (OSError, ValueError) as error:
        raise Unhealthy(f"POLLER_CONFIG: cannot read {path}: {error}") from None
    if not isinstance(listen, str):
        raise Unhealthy(f"listen in {path}: wrong type: write a string in quotes")
    return listen.strip()


def _parser() -> argparse.ArgumentParser:
    parser = _Arguments(
        prog="poller health",
        description="Ask /livez of the daemon on this host: exit 0 if it answers 200, else 1.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--listen",
        metavar="[HOST]:PORT",
        help=f"where the daemon listens (env var: POLLER_LISTEN; default: {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--config", metavar="PATH", help="the daemon's configuration file, where that says it (env var: POLLER_CONFIG)"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help=f"how long to wait altogether (default: {DEFAULT_TIMEOUT:g})",
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= MAX_TIMEOUT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to {MAX_TIMEOUT:g}, such as 3")
    return seconds
