"""How fast to ask: a rate that throttling halves and quiet restores. Pure; every time is monotonic, in seconds."""

from typing import Final

FLOOR: Final = 0.5
"""Requests a second below which throttling never drives us (or the ceiling, where that is lower)."""

_RECOVERY: Final = 0.02
"""The share of the ceiling that each quiet second gives back."""


class Pace:
    """Spaces requests evenly, at no more than ``ceiling`` a second; after a throttled one, at half as many."""

    def __init__(self, ceiling: float) -> None:
        self._ceiling = ceiling
        self._base = ceiling
        self._since = 0.0
        self._free_at = float("-inf")

    def rate(self, now: float) -> float:
        """Return the requests a second allowed now."""
        return min(self._ceiling, self._base + (now - self._since) * self._ceiling * _RECOVERY)

    def is_free(self, now: float) -> bool:
        """Tell whether a request may go at once."""
        return self._free_at <= now

    def book(self, now: float) -> float:
        """Take the next slot; return the time at which its request may go."""
        at = max(now, self._free_at)
        self._free_at = at + 1 / self.rate(at)
        return at

    def throttled(self, sent_at: float, now: float) -> None:
        """Halve the rate, unless the request was sent before an earlier halving could have shown."""
        if sent_at < self._since:
            return
        self._base = max(min(FLOOR, self._ceiling), self.rate(now) / 2)
        self._since = now
