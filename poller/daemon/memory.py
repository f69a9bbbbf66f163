"""What outlives the process: what an earlier one has left in the state file, and what this one leaves."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from poller.logs import get_logger

Collect = Callable[[], Iterable[tuple[str, bytes | None]]]

_log = get_logger("poller.daemon")


class Lines(Protocol):
    """Lines of the outbox."""

    @property
    def lines(self) -> Sequence[bytes]:
        """What was encoded, in its order."""


Unsent = TypeVar("Unsent", bound=Lines)
Owed_contra = TypeVar("Owed_contra", bound=Lines, contravariant=True)


class Checkpoint(Protocol[Unsent]):
    """Saves entries by scope and key, and lines that are yet to be written."""

    def attach(self, scope: str, collect: Collect) -> None:
        """Ask for a scope's changes at each save."""

    def forget(self, scope: str) -> None:
        """Delete a scope's entries, and ask no more."""

    def unsent(self) -> list[Unsent]:
        """Hand over what an earlier process has staged and not written."""

    async def save(self) -> bool:
        """Save everything up to now."""

    async def aclose(self) -> None:
        """Save a last time, and close the file."""


class Writes(Protocol[Owed_contra]):
    """Writes lines that are in the outbox already."""

    async def write(self, lines: Sequence[bytes], entry: Owed_contra) -> None:
        """Return when they are written."""


class Memory(Generic[Unsent]):
    """The poller's memory beyond the process. ``entries`` are by scope, as they were when the process began.

    It ``resumes`` where an earlier process has left any.
    """

    def __init__(
        self, checkpoint: Checkpoint[Unsent], writes: Writes[Unsent], entries: dict[str, list[tuple[str, bytes]]]
    ) -> None:
        self.attach = checkpoint.attach
        self.forget = checkpoint.forget
        self.save = checkpoint.save
        self.aclose = checkpoint.aclose
        self._checkpoint = checkpoint
        self._writes = writes
        self._entries = entries
        self.resumes = bool(entries)

    def scopes(self) -> list[str]:
        """Name the scopes that have not been handed over."""
        return list(self._entries)

    def take(self, scope: str) -> list[tuple[str, bytes]]:
        """Hand over, once, what was left of a scope."""
        return self._entries.pop(scope, [])

    async def resend(self) -> None:
        """Write, as it is, what an earlier process has encoded and may not have written."""
        for unsent in self._checkpoint.unsent():
            _log.info("events that may not have been written are written again", events=len(unsent.lines))
            await self._writes.write(unsent.lines, unsent)
