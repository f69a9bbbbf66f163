"""In which order a listing of finished jobs comes, learnt from its rows: the vendor documents none."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from poller.models import Sighting

SLACK: Final = 5
"""Seconds by which rows may stand in another order than their times: ids and times are not drawn at once."""

_EVIDENCE: Final = 16
"""How many times a key must have moved on by more than that for its order to be no chance."""


class Order(NamedTuple):
    """Which end of a listing is news, and whether it may be sorted by creation rather than by begin or end."""

    newest_first: bool
    maybe_by_creation: bool


_KEYS: Final[tuple[Callable[[Sighting], int | None], ...]] = (
    attrgetter("create_time"),
    attrgetter("begin_time"),
    attrgetter("end_time"),
)
_CREATION: Final = 0
_END: Final = 2


class _Way(NamedTuple):
    """One key in one direction: ``sign`` is 1 where it grows."""

    key: int
    sign: int


class Ordering:
    """Holds pages of one listing against every order that would do, until none is left.

    Created-, begun- and ended-order need not be told apart, since a run ends no earlier than it begins. Only rows of
    one page speak against an order: others are of another time. Neighbouring pages of a whole reading share rows, so
    that nothing stands between them unseen.
    """

    def __init__(self) -> None:
        self._open = {_Way(key, sign) for key in range(len(_KEYS)) for sign in (1, -1)}
        self._reached: dict[_Way, int] = {}
        self._moved: Counter[_Way] = Counter()
        self._rows = self._dated = 0
        self._first_dated = self._last_dated = True

    def take(self, rows: Sequence[Sighting]) -> None:
        """Take a page's rows in their order."""
        if rows:
            self._first_dated = rows[0].end_time is not None if not self._rows else self._first_dated
            self._last_dated = rows[-1].end_time is not None
        self._rows += len(rows)
        self._dated += sum(row.end_time is not None for row in rows)
        for index, key in enumerate(_KEYS):
            times = [time for time in map(key, rows) if time is not None]
            for sign in (1, -1):
                way = _Way(index, sign)
                self._follow(way, signed := [sign * time for time in times])
                if not _ordered(signed):
                    self._open.discard(way)

    def _follow(self, way: _Way, times: Sequence[int]) -> None:
        """Count the steps, larger than the slack, that go further than any row before, on whichever page."""
        if not times:
            return
        reached, moved = self._reached.get(way, times[0]), 0
        for time in times:
            if time > reached + SLACK:
                reached = time
                moved += 1
        self._reached[way] = reached
        self._moved[way] += moved

    def verdict(self) -> Order | None:
        """Return the order that all pages have kept; None where there is none, or where they are too few to tell.

        Without the EndTime of most rows an order is of no use, nor is one by EndTime that puts the rows without it at
        the far end, where nobody would look for what has just ended.
        """
        if 2 * self._dated < self._rows:
            return None
        proven = {way.sign for way in self._open if self._moved[way] >= _EVIDENCE}
        if len(proven) != 1:
            return None
        [sign] = proven
        by_end = {way.key for way in self._open if way.sign == sign} == {_END}
        if by_end and not (self._last_dated if sign < 0 else self._first_dated):
            return None
        return Order(newest_first=sign < 0, maybe_by_creation=_Way(_CREATION, sign) in self._open)


def contradicts(rows: Sequence[Sighting], order: Order) -> bool:
    """Tell whether a page can't have come in an order: of the keys that would do, none is kept that tells anything."""
    sign = -1 if order.newest_first else 1
    broken = False
    # By end first: it is what most listings are sorted by, and one key that is kept will do.
    for key in reversed(_KEYS if order.maybe_by_creation else _KEYS[_CREATION + 1 :]):
        times = [sign * time for time in map(key, rows) if time is not None]
        if not _ordered(times):
            broken = True
        elif len(times) > 1:
            return False
    return broken


def _ordered(times: Iterable[int]) -> bool:
    """Tell whether times grow, as far as order goes by seconds."""
    highest = float("-inf")
    for time in times:
        if time > highest:
            highest = time
        elif time < highest - SLACK:
            return False
    return True
