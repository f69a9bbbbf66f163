"""Kills the process at its next effects: before, within or after a request, a write or a commit."""

from collections import Counter


class Killed(BaseException):
    """The process is gone: nothing that it still does has an effect."""


class Fuse:
    """One life's end. Every effect passes through `step`; once armed, the life ends at one of the next steps."""

    def __init__(self, steps: Counter[str]) -> None:
        self.dead = False
        self._left: int | None = None
        self._kind = ""
        self._steps = steps

    def arm(self, steps: int, kind: str) -> None:
        """Let so many steps with a word in their names happen, then die."""
        self._left, self._kind = steps, kind

    def step(self, name: str) -> None:
        """Pass by an effect; raise `Killed` from the last one on."""
        if self.dead:
            raise Killed
        if self._left is None or self._kind not in name:
            return
        self._left -= 1
        if self._left < 0:
            self.die(name)
            raise Killed

    def die(self, where: str) -> None:
        """End here; later steps raise."""
        self.dead = True
        self._steps[f"killed {where}"] += 1
