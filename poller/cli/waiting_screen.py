"""How far a wait has got: a bar on a terminal, a line now and then elsewhere."""

import os
import sys
from collections.abc import Mapping
from typing import Final

import click

from poller.cli.printing import lasting, remark, say
from poller.models import State
from poller.waiting import Progress

_CLEAR: Final = "\r\x1b[K"
_WIDTH: Final = 24
_USUAL_COLUMNS: Final = 80
_CHANGED_EVERY: Final = 10.0
_SAID_EVERY: Final = 60.0
_WORDS: Final[Mapping[State, str]] = {
    State.RUNNING: "running",
    State.PENDING: "waiting",
    State.UNKNOWN: "not seen yet",
}


def described(progress: Progress) -> str:
    """Tell of progress in words."""
    parts = [f"{progress.ended} of {progress.jobs} {'job' if progress.jobs == 1 else 'jobs'} ended"]
    parts += [f"{count} {word}" for state, word in _WORDS.items() if (count := progress.states.get(state, 0))]
    if progress.tasks.total:
        parts.append(f"{progress.tasks.done} of {progress.tasks.total} tasks done")
    return ", ".join(parts)


class Lines:
    """Says on stderr what has changed, at most every ten seconds, and every minute that it is still there."""

    def __init__(self) -> None:
        self._said: str | None = None
        self._said_at = float("-inf")

    def show(self, progress: Progress, age: float) -> None:
        """Say it, if it is time to; ``age`` is in seconds."""
        text = described(progress) + (f"; asking again: {progress.problem}" if progress.problem else "")
        quiet = age - self._said_at
        if quiet >= _SAID_EVERY or (text != self._said and quiet >= _CHANGED_EVERY):
            self._said, self._said_at = text, age
            remark(f"{lasting(age)}: {text}")

    def clear(self) -> None:
        """Do nothing: what is said stays."""


class Bar:
    """Draws a bar on the last line of the terminal that stderr is; trouble has a line of its own, every minute."""

    def __init__(self) -> None:
        self._said_at = float("-inf")
        self._bar = click.progressbar(
            length=1, width=_WIDTH, show_eta=False, file=sys.stderr, bar_template="[%(bar)s] %(info)s"
        )

    def show(self, progress: Progress, age: float) -> None:
        """Draw it; ``age`` is in seconds."""
        if progress.problem and age - self._said_at >= _SAID_EVERY:
            self._said_at = age
            self.clear()
            remark(f"{lasting(age)}: asking again: {progress.problem}")
        bar = self._bar
        bar.length, bar.pos = 1000, int(1000 * progress.share)
        text = f"{bar.format_progress_line()}  {lasting(age):>3}  {described(progress)}"
        say(_CLEAR + text[: _columns() - 1])

    def clear(self) -> None:
        """Make room for a line."""
        say(_CLEAR)


def _columns() -> int:
    """Return how wide the terminal is that stderr is; a size that nobody has set is 0."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_COLUMNS
    except OSError:  # it has gone away
        return _USUAL_COLUMNS


def open_screen() -> Lines | Bar:
    """Choose by whether stderr is a terminal that a line can be cleared on."""
    return Bar() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()
