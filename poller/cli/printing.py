"""What commands print for people: lines and tables on stdout, remarks on stderr."""

import os
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO

import click

from poller.wire import line


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Line cells up in columns, the last of which is as long as it is. Control characters become blanks."""
    shown = [[line(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in shown]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Return the columns that a text takes on a terminal: Chinese characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char) in {"Mn", "Me"} else 1 + (unicodedata.east_asian_width(char) in {"W", "F"})
        for char in text
    )


def remark(text: str) -> None:
    """Say something on stderr."""
    say(f"poller: {text}\n")


def say(text: str) -> None:
    """Write to stderr, as long as somebody reads it: that nobody does changes neither the work nor the exit code."""
    try:
        click.echo(text.encode(errors="replace"), nl=False, err=True)
    except OSError:
        _silence(sys.stderr)


def _silence(stream: TextIO) -> None:
    """Let nothing more come of a stream: what is left in its buffer would be complained of at the exit."""
    void = os.open(os.devnull, os.O_WRONLY)
    os.dup2(void, stream.fileno())
    os.close(void)


def lasting(seconds: float) -> str:
    """Write a duration for people: ``42s``, ``3m07s``, ``2h05m`` or ``4d03h``."""
    whole = max(0, int(seconds))
    for unit, size, smaller in (("d", 86_400, "h"), ("h", 3_600, "m"), ("m", 60, "s")):
        if whole >= size:
            below = {"h": 3_600, "m": 60, "s": 1}[smaller]
            return f"{whole // size}{unit}{whole % size // below:02}{smaller}"
    return f"{whole}s"


class Stdout:
    """Lines on stdout. A reader that has gone away is no trouble: the exit code is for another.

    ``problem`` is what else has kept a line from being written.
    """

    def __init__(self) -> None:
        self.problem: str | None = None
        self._closed = False

    def put(self, text: str | bytes) -> None:
        """Write one line, or nothing once that has failed."""
        if self._closed:
            return
        try:
            click.echo(text if isinstance(text, bytes) else text.encode(errors="replace"))
        except OSError as error:
            self._closed = True
            self.problem = None if isinstance(error, BrokenPipeError) else error.strerror
            _silence(sys.stdout)
