"""Lines on their way out, and how far they have come."""

from collections.abc import Iterable


class Batch:
    """Whole lines, each ending in its only newline. ``offset`` is how many of their bytes have been written."""

    __slots__ = ("_data", "offset")

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._data = b"".join(lines)
        self.offset = 0

    @property
    def unwritten(self) -> int:
        """How many lines have not been written to their end."""
        return self._data.count(b"\n", self.offset)

    @property
    def torn(self) -> int:
        """How many bytes have been written of a line whose end has not."""
        return self.offset - (self._data.rfind(b"\n", 0, self.offset) + 1)

    def chunk(self, limit: int) -> bytes:
        """Return what to write next: whole lines within the limit in bytes, or the rest of one; empty at the end."""
        end = self._data.rfind(b"\n", self.offset, self.offset + limit) + 1
        if not end:
            end = self._data.find(b"\n", self.offset) + 1
        return self._data[self.offset : end]
