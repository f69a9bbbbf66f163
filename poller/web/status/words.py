"""Texts from outside made fit to be sent, and times."""

from datetime import UTC, datetime
from typing import Final

NAME_CHARS: Final = 100
MESSAGE_CHARS: Final = 300


def cut(text: str, most: int = NAME_CHARS) -> str:
    """Shorten a text, and mend what no encoding can hold."""
    shorter = text if len(text) <= most else text[: most - 1] + "…"
    return shorter if shorter.isascii() else shorter.encode(errors="backslashreplace").decode()


def cut_or_none(text: str | None, most: int = NAME_CHARS) -> str | None:
    """Do the same with what may not be there."""
    return cut(text, most) if text else None


def moment(seconds: float) -> datetime:
    """Turn Unix seconds into a time, in whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def moment_or_none(seconds: float | None) -> datetime | None:
    """Do the same with a time that may not be known."""
    return None if seconds is None else moment(seconds)


def elapsed(since: float, now: float) -> int:
    """Return the whole seconds since then; never negative, though the API's clock may be ahead of ours."""
    return max(0, int(now - since))


def duration(seconds: float) -> str:
    """Tell a duration in its two largest units: ``4 s``, ``2 min 5 s``, ``3 d 4 h``."""
    whole = int(seconds)
    if seconds < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    if whole < 86_400:
        return _two(whole // 3600, "h", whole % 3600 // 60, "min")
    return _two(whole // 86_400, "d", whole % 86_400 // 3600, "h")


def _two(many: int, unit: str, rest: int, smaller: str) -> str:
    return f"{many} {unit} {rest} {smaller}" if rest else f"{many} {unit}"


def counted(number: int, noun: str) -> str:
    """Say how many there are: ``1 target``, ``2 targets``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
