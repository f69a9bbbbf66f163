"""What one commit takes, and what becomes of it when the commit fails."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from poller.errors import PollerError


class SaveLater(PollerError):
    """A commit failed and left nothing behind: the same may succeed later."""


class Staged(NamedTuple):
    """Lines that are staged together, and the numbers of the outbox's rows that have them."""

    numbers: Sequence[int]
    lines: Sequence[bytes]


class Unsaved:
    """All that has happened since the last commit.

    Scopes in ``forgotten`` lose their entries before ``changes`` are made, which are by scope and key, and where None
    deletes an entry. ``staged`` are the outbox's new rows, each with its lines, by number, ``written`` the numbers of
    rows that leave it.
    """

    __slots__ = ("changes", "forgotten", "staged", "written")

    def __init__(self) -> None:
        self.changes: dict[str, dict[str, bytes | None]] = {}
        self.forgotten: set[str] = set()
        self.staged: dict[int, Sequence[bytes]] = {}
        self.written: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self.changes or self.forgotten or self.staged or self.written)

    def change(self, scope: str, changes: Iterable[tuple[str, bytes | None]]) -> None:
        """Set entries of a scope, or delete them where the value is None."""
        if changed := dict(changes):
            # A dictionary at a time: an assignment for each entry takes three times as long.
            self.changes.setdefault(scope, changed).update(changed)

    def forget(self, scope: str) -> None:
        """Let a scope's entries go, and whatever was changed in them."""
        self.changes.pop(scope, None)
        self.forgotten.add(scope)

    def write(self, staged: Staged) -> None:
        """Let lines leave the outbox, or not enter it at all."""
        self._withdraw(staged.numbers)

    def append(self, later: "Unsaved") -> None:
        """Make of this and of what happened after it what would have come of both in one."""
        for scope in later.forgotten:
            self.forget(scope)
        for scope, changes in later.changes.items():
            self.change(scope, changes.items())
        self.staged |= later.staged
        self._withdraw(later.written)

    def _withdraw(self, numbers: Iterable[int]) -> None:
        self.written.update(number for number in numbers if self.staged.pop(number, None) is None)
