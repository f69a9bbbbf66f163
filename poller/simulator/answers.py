"""Answers of the simulated gateway, and those that a fault puts in place of the true one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from poller.simulator.lots import Lots
from poller.simulator.options import Fault, Outage


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


Trouble = Fault | Outage
"""What a request suffers. An outage goes by the name of the fault that it is like, and so finds what is said of it."""

ENDINGS: Final[Mapping[Trouble | None, Ending]] = MappingProxyType(
    {
        Fault.RESET: Ending.RESET,
        Fault.TRUNCATED: Ending.TRUNCATED,
    }
)

RET_CODES: Final[Mapping[Trouble | None, tuple[int, str]]] = MappingProxyType(
    {
        Fault.RET_CODE_110: (110, "Request timeout"),
        Fault.RET_CODE_130: (130, "Service error"),
        Fault.RET_CODE_150: (150, "Service not available"),
        Fault.RET_CODE_153: (153, "Request too frequent"),
        Outage.REFUSED_KEYS: (171, "Signature VerifyAC Error"),
    }
)

_HTML: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\r\n"
_INSTEAD: Final[Mapping[Trouble | None, tuple[Content, ...]]] = MappingProxyType(
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


def instead(trouble: Trouble | None, lots: Lots) -> Content | None:
    """Choose what is answered in place of the API, None if the API gets to answer."""
    contents = _INSTEAD.get(trouble)
    if contents is None or len(contents) == 1:
        return contents and contents[0]
    return lots.rng("content").choice(contents)
