"""What one commit takes, and what becomes of it when the commit fails."""

from collections.abc import Sequence
from typing import NamedTuple

from poller.errors import PollerError

Key = tuple[str, str]
"""A scope and a key within it."""


class SaveLater(PollerError):
    """A commit failed and left nothing behind: the same may succeed later."""


class Staged(NamedTuple):
    """Lines of the outbox, and the numbers that they have there."""

    numbers: Sequence[int]
    lines: Sequence[bytes]


class Unsaved:
    """All that has happened since the last commit.

    Scopes in ``forgotten`` lose their entries before ``changes`` are made, where None deletes an entry. ``staged`` are
    lines by number, ``written`` the numbers of lines that leave the outbox.
    """

    __slots__ = ("changes", "forgotten", "staged", "written")

    def __init__(self) -> None:
        self.changes: dict[Key, bytes | None] = {}
        self.forgotten: set[str] = set()
        self.staged: dict[int, bytes] = {}
        self.written: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self.changes or self.forgotten or self.staged or self.written)

    def forget(self, scope: str) -> None:
        """Let a scope's entries go, and whatever was changed in them."""
        self._drop_changes({scope})
        self.forgotten.add(scope)

    def write(self, staged: Staged) -> None:
        """Let lines leave the outbox, or not enter it at all."""
        self.written.update(number for number in staged.numbers if self.staged.pop(number, None) is None)

    def append(self, later: "Unsaved") -> None:
        """Make of this and of what happened after it what would have come of both in one."""
        self._drop_changes(later.forgotten)
        self.forgotten |= later.forgotten
        self.changes |= later.changes
        self.staged |= later.staged
        self.written.update(number for number in later.written if self.staged.pop(number, None) is None)

    def _drop_changes(self, scopes: set[str]) -> None:
        if scopes:
            self.changes = {key: value for key, value in self.changes.items() if key[0] not in scopes}
