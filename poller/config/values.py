"""What one setting's text means. Each function takes text and returns a value, or says what to write instead."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_DURATION: Final = re.compile(rf"(?:{_DURATION_PART.pattern})+")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")

_LONGEST_DAYS: Final = 365
"""More is a slip of the pen, and more than a timer of the operating system can hold is not far off."""

_BOOLEANS: Final = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)


class Unacceptable(ValueError):
    """A text that a setting cannot have. ``str()`` says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to serve metrics and health. ``host`` None is every address, IPv4 and IPv6; port 0 is any free one."""

    host: str | None
    port: int

    def __str__(self) -> str:
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def duration(text: str) -> float:
    """Read ``10s``, ``1h30m`` or ``1.5s`` as seconds. Units: ms, s, m, h, d."""
    if _NUMBER.fullmatch(text):
        raise Unacceptable(f"{shown(text)} has no unit: write {text}s")
    if not _DURATION.fullmatch(text):
        raise Unacceptable(f"{shown(text)} is not a duration: write one such as 10s, 1h30m or 250ms")
    # Summed in milliseconds, so that 100ms is the float 0.1 and not a neighbour of it.
    total = sum(float(number) * _MILLISECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if total > _LONGEST_DAYS * _MILLISECONDS["d"]:
        raise Unacceptable(f"{shown(text)} is too long: write {_LONGEST_DAYS}d or less")
    return total / 1_000


def positive_duration(text: str) -> float:
    """Read a duration that cannot be zero, as seconds."""
    seconds = duration(text)
    if seconds <= 0:
        raise Unacceptable(f"{shown(text)} is no time at all: write a duration above zero, such as 10s")
    return seconds


def positive_number(text: str) -> float:
    """Read a number above zero; fractions are allowed, ``inf``, ``nan`` and ``1e3`` are not."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 < number < math.inf:
        raise Unacceptable(f"{shown(text)} is not a number above zero: write digits without a unit, such as 20 or 0.5")
    return number


def positive_integer(text: str) -> int:
    """Read a whole number above zero."""
    # The length is bounded because Python refuses to convert thousands of digits, in words of its own.
    if re.fullmatch(r"[0-9]{1,9}", text) and (number := int(text)) > 0:
        return number
    raise Unacceptable(f"{shown(text)} is not a whole number above zero: write one such as 8")


def boolean(text: str) -> bool:
    """Read on or off, true or false, yes or no, 1 or 0, in any case."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise Unacceptable(f"{shown(text)} is neither on nor off: write one of these") from None


def name(text: str) -> str:
    """Read an identifier as the API takes it: no blanks within."""
    if not _is_one_word(text):
        raise Unacceptable(f"{shown(text)} contains a blank or control character: write it without")
    return text


def names(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of different identifiers: blanks around them and empty ones don't count."""
    items = tuple(item.strip() for item in text.split(",") if item.strip())
    if not items:
        raise Unacceptable(f"{shown(text)} names nothing: write names separated by commas")
    for item in items:
        if not _is_one_word(item):
            raise Unacceptable(f"{shown(item)} contains a blank or control character: separate names with commas")
    if repeated := next((item for item in items if items.count(item) > 1), None):
        raise Unacceptable(f"{shown(repeated)} is there twice: name it once")
    return items


def path(text: str) -> str:
    """Read a path, or ``-``; whether there is anything is the reader's to find out."""
    if not text.isprintable():
        raise Unacceptable(f"{shown(text)} contains a control character: write a path without")
    return text


def choice(*words: str) -> Callable[[str], str]:
    """Return a parser of one of these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise Unacceptable(f"{shown(text)} is unknown: write {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return parse


def listen(text: str) -> Listen | None:
    """Read ``:10766``, ``0.0.0.0:10766``, ``[::1]:10766`` or ``off``, which is None."""
    if text.lower() == "off":
        return None
    host, colon, port = text.rpartition(":")
    if not colon:
        raise Unacceptable(f"{shown(text)} has no port: write host:port, such as :10766, or off")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise Unacceptable(f"{shown(text)} has no port from 0 to 65535 behind its last colon: write one such as :10766")
    return Listen(_listen_host(host) if host else None, int(port))


def _listen_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1])
        except ValueError:
            raise Unacceptable(f"{shown(host)} is not an IPv6 address: write one such as [::1]:10766") from None
        return host[1:-1]
    if ":" in host:
        raise Unacceptable(f"{shown(host)} is an IPv6 address without brackets: write it such as [::1]:10766")
    if not _HOST_NAME.fullmatch(host):
        raise Unacceptable(f"{shown(host)} is not a host: write an address or a name, such as 127.0.0.1:10766")
    return host


def base_url(text: str) -> str:
    """Read the API's address: http or https, a host, at most a path. Errors don't show it: it may hold a password."""
    try:
        url = urlsplit(text)
        scheme, host, _ = url.scheme, url.hostname, url.port
    except ValueError:
        raise Unacceptable("is not a URL: write one such as https://api.ucloud.cn") from None
    if not _is_one_word(text):
        raise Unacceptable("contains a blank or control character: write a URL such as https://api.ucloud.cn")
    if scheme not in {"http", "https"}:
        raise Unacceptable("does not begin with https:// or http://: write a URL such as https://api.ucloud.cn")
    if not host:
        raise Unacceptable("has no host: write a URL such as https://api.ucloud.cn")
    if "@" in url.netloc:
        raise Unacceptable("contains a user or password: leave them out, the API takes signed requests")
    if "?" in text or "#" in text:
        raise Unacceptable("contains a query or fragment: end it before the ? or #")
    return text


def secret(text: str) -> str:
    """Read a key or a token. Errors don't show it."""
    if not _is_one_word(text):
        raise Unacceptable("contains a blank, control or undecodable character: write the key alone, as UTF-8")
    return text


def shown(text: str) -> str:
    """Quote a text for an error: on one line, and not at any length."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _is_one_word(text: str) -> bool:
    return text.isprintable() and " " not in text
