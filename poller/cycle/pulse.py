"""A task's word that it will be heard of again, which ``/livez`` holds it to."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from poller.stats import Deadlines


class Pulse:
    """Declares a task's deadlines. While it is paused nothing is promised, however many beats come."""

    def __init__(self, deadlines: Deadlines, task: str) -> None:
        self._deadlines = deadlines
        self._task = task
        self._pauses = 0

    def beat(self, *, within: float) -> None:
        """Promise another beat within so many seconds."""
        if not self._pauses:
            self._deadlines.declare(self._task, anyio.current_time() + within)

    def lift(self) -> None:
        """Promise nothing any more: what was to be done is done."""
        self._deadlines.lift(self._task)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Promise nothing inside the block: it waits for something that may take any time."""
        self._pauses += 1
        self._deadlines.lift(self._task)
        try:
            yield
        finally:
            self._pauses -= 1
