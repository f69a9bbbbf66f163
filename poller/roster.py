"""Which cities are polled: what the API lists goes in, who comes and who goes comes out."""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from poller.models import MAX_CITIES

GONE_FOR: Final = 86_400.0
"""How long a city without jobs of ours must have been out of every answer before it is polled no more, in seconds."""


class Change(NamedTuple):
    """What an answer changes: cities to begin with, those it lacks for the first time, and those to end with.

    ``excess`` is how many there is no room for.
    """

    came: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    excess: int = 0


class Roster:
    """The cities of one product type. ``now`` is monotonic, in seconds."""

    def __init__(self) -> None:
        self._missing_since: dict[str, float | None] = {}

    def restore(self, cities: Iterable[str], now: float) -> None:
        """Take up cities that an earlier process has polled. They count as missing until an answer lists them."""
        self._missing_since.update(dict.fromkeys(cities, now))

    def take(self, listed: Iterable[str], busy: Collection[str], now: float) -> Change:
        """Take an answer; ``busy`` are the cities in which a job is tracked.

        One answer may lie, so a city goes when none has named it for a day in which it had no job either; an answer
        without any city says nothing.
        """
        found = dict.fromkeys(listed)
        if not found:
            return Change()
        missing = self._note(found, busy, now)
        gone = tuple(
            city for city, since in self._missing_since.items() if since is not None and now - since >= GONE_FOR
        )
        for city in gone:
            del self._missing_since[city]
        new = [city for city in found if city not in self._missing_since]
        room = MAX_CITIES - len(self._missing_since)
        self._missing_since.update(dict.fromkeys(new[:room]))
        return Change(tuple(new[:room]), missing, gone, len(new[room:]))

    def _note(self, found: Collection[str], busy: Collection[str], now: float) -> tuple[str, ...]:
        """Bring up to date since when each city has been missing; return those that were not until now."""
        missing = tuple(city for city, since in self._missing_since.items() if since is None and city not in found)
        for city in self._missing_since:
            if city in found:
                self._missing_since[city] = None
            elif city in missing or city in busy:
                self._missing_since[city] = now
        return missing
