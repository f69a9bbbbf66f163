"""A job's states and their order, in one table."""

from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from poller.models import State

ACTIVE: Final = frozenset({State.PENDING, State.RUNNING, State.UNKNOWN})
"""What a job may be tracked in."""

TERMINAL: Final = frozenset({State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS})
"""What a run ends in: the vendor's page lists no way out of these."""


class Step(Enum):
    """What a sighting means for a job that is tracked."""

    SAME = auto()
    """Nothing moved."""
    MOVED = auto()
    """The job is in another active state."""
    STALE = auto()
    """The sighting is older than what we know, as a lagging replica serves it."""
    FINISHED = auto()
    """The run is over."""


def _table() -> dict[tuple[State, State], Step]:
    known, seen = State.PENDING, State.RUNNING
    table = {
        (known, seen): Step.MOVED,
        (seen, known): Step.STALE,
    }
    for state in ACTIVE:
        table[state, state] = Step.SAME
        for end in TERMINAL:
            table[state, end] = Step.FINISHED
    for state in (State.PENDING, State.RUNNING):
        # An unlisted state has no place in the order, so that any way in and out of it is a move.
        table[state, State.UNKNOWN] = Step.MOVED
        table[State.UNKNOWN, state] = Step.MOVED
    return table


STEPS: Final = MappingProxyType(_table())
"""(state known, state seen) → step, for every state that a tracked job can have."""
