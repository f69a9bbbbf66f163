"""How far back news may lie: the server's clock, complete sweeps, and the frontier that these move.

The *frontier* of a listing of finished jobs is a time of the API's clock such that every run created before it is
known: tracked, reported, or judged to be none of ours. What is not known was created at or after it, and ended no
earlier.

It may move to the time at which a complete sweep began, less the margin, once a second complete sweep has followed that
began a margin after the first had ended, and after a further margin a reading of the listing has begun that came down
to the frontier it had. For take a run that was created before the new frontier, and at or after the old one. If it was
still active in both sweeps, one of them has shown it, since a run can hide from a sweep in its one step from PENDING to
RUNNING alone, and it is tracked. Else it had ended before the second was over, so that the reading has shown it.

The margin is for what the API shows late: a lagging replica, an EndTime that comes after the state, times cut to whole
seconds, and a ``Date`` that is not quite the clock that jobs are timed by.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from poller.models import Instant, Sighting

MARGIN: Final = 60.0
"""The least margin, in seconds."""

_MARGIN_CYCLES: Final = 3
_ANSWERS: Final = 16


def margin(cycle_seconds: float) -> float:
    """Return the margin where a cycle takes so many seconds."""
    return max(MARGIN, _MARGIN_CYCLES * cycle_seconds)


class ServerClock:
    """The API's clock, from the dates of its last answers: never ahead of it, and late by a round trip at most.

    An answer was dated before it was received, so that each gives a lower bound. The least of many counts: servers
    behind one address may differ, and one that is wrong must not hurry us.
    """

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=_ANSWERS)

    def take(self, date: float, mono: float) -> None:
        """Take the date of an answer, in Unix seconds, that was received at a monotonic time."""
        self._offsets.append(date - mono)

    def at(self, mono: float) -> float | None:
        """Return what the clock showed at a monotonic time, in Unix seconds; None before the first answer."""
        return mono + min(self._offsets) if self._offsets else None

    def tell(self, now: Instant) -> Instant:
        """Return a moment with the server's clock."""
        return now._replace(server=self.at(now.mono))


class Floor(NamedTuple):
    """Where the first frontier is: ``lookback`` seconds before a monotonic time."""

    mono: float
    lookback: float = 0.0

    def at(self, clock: ServerClock) -> float | None:
        """Return it in Unix seconds of the API's clock; None before the first answer."""
        return clock.at(self.mono - self.lookback)


def ended_before(rows: Sequence[Sighting], time: float) -> bool:
    """Tell whether a page shows that nothing behind it ended at or after a time, if its listing is newest first.

    A run ends no earlier than it is created and begun, so that this holds for every such order. Rows without EndTime
    say nothing about those behind them, and most must have one.
    """
    ends = [end for end in (row.end_time for row in rows) if end is not None]
    return bool(ends) and 2 * len(ends) >= len(rows) and max(ends) < time


class _Sweep(NamedTuple):
    began: float
    ended: float
    server: float


class _Offer(NamedTuple):
    usable_from: float
    frontier: float


class Sweeps:
    """Complete sweeps, as far as they are needed to move frontiers. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._sweeps: deque[_Sweep] = deque()
        self._offers: deque[_Offer] = deque()

    def complete(self, began: Instant, ended: float, margin: float) -> None:
        """Take a complete sweep; its beginning with the server's clock."""
        if began.server is None:
            return
        # The newest of those that had ended a margin before is the only one that a later sweep can need.
        while len(self._sweeps) > 1 and self._sweeps[1].ended <= began.mono - margin:
            self._sweeps.popleft()
        first = self._sweeps[0] if self._sweeps else None
        if first is not None and first.ended <= began.mono - margin:
            self._offers.append(_Offer(ended + margin, first.server - margin))
        self._sweeps.append(_Sweep(began.mono, ended, began.server))

    def offer(self, now: float) -> float | None:
        """Return the frontier to which a complete reading may move a listing if it begins now; None if to none."""
        while len(self._offers) > 1 and self._offers[1].usable_from <= now:
            self._offers.popleft()
        if not self._offers or self._offers[0].usable_from > now:
            return None
        return self._offers[0].frontier
