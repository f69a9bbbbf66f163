"""Answers of the simulated gateway, and those that a fault puts in place of the true one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from types import MappingProxyType
from typing import Final

from poller.simulator.options import Fault


class Ending(Enum):
    """What becomes of the connection under an answer."""

    WHOLE = auto()
    TRUNCATED = auto()
    """The headers announce the body's length, and only half of it follows."""
    RESET = auto()
    """Nothing is answered at all."""


@dataclass(frozen=True, slots=True)
class Content:
    """What an answer says."""

    content_type: str
    body: bytes
    status: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer, to be given after ``delay`` seconds."""

    content: Content
    headers: tuple[tuple[str, str], ...]
    delay: float
    ending: Ending = Ending.WHOLE


ENDINGS: Final[Mapping[Fault | None, Ending]] = MappingProxyType(
    {
        Fault.RESET: Ending.RESET,
        Fault.TRUNCATED: Ending.TRUNCATED,
    }
)

RET_CODES: Final[Mapping[Fault | None, tuple[int, str]]] = MappingProxyType(
    {
        Fault.RET_CODE_110: (110, "Request timeout"),
        Fault.RET_CODE_130: (130, "Service error"),
        Fault.RET_CODE_150: (150, "Service not available"),
        Fault.RET_CODE_153: (153, "Request too frequent"),
    }
)

_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\r\n"
_INSTEAD: Final[Mapping[Fault | None, tuple[Content, ...]]] = MappingProxyType(
    {
        Fault.HTTP_503: (Content("text/plain", b"no healthy upstream", 503),),
        Fault.HTML_502: (Content("text/html", _HTML, 502),),
        Fault.HTTP_429: (Content("text/plain", b"too many requests", 429),),
        Fault.GARBAGE: tuple(
            Content("application/json", body)
            for body in (
                b"",
                b"null",
                b"[]",
                b"\xff\xfe\x00{",
                b'{"RetCode":0,"Jobs":"',
                b'{"RetCode":0,"Jobs":7}',
                b"upstream?",
            )
        ),
    }
)


def instead(fault: Fault | None, rng: Random) -> Content | None:
    """Choose what a fault answers in place of the API, None if it lets the API answer."""
    contents = _INSTEAD.get(fault)
    return None if contents is None else rng.choice(contents)
