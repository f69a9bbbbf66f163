"""How often to look: quicker while a wait is young, slower when it is old."""

from typing import Final

FIRST_PAUSE: Final = 1.0
"""Seconds from one look to the next at first."""

SHARE: Final = 0.1
"""The share of the time waited so far that the next look may come late by."""


def pause(age: float, interval: float) -> float:
    """Return the seconds to the next look of a wait that is ``age`` seconds old.

    A second at first, then a tenth of the age, and never more than the configured interval.
    """
    return min(max(FIRST_PAUSE, SHARE * age), interval)
