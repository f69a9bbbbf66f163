"""Turns lots, which are numbers from 0 up to but not 1, into what they stand for."""

import math
from collections.abc import Sequence
from typing import TypeVar

from poller.models import State
from poller.simulator.options import Options, Range

Item = TypeVar("Item")

_SHORTEST = 0.001  # a duration drawn by its logarithm cannot be 0


def duration(between: Range, lot: float) -> float:
    """Choose a duration, every order of magnitude as often as the next."""
    low, high = (math.log(max(seconds, _SHORTEST)) for seconds in between)
    return math.exp(low + (high - low) * lot)


def pick(items: Sequence[Item], lot: float) -> Item:
    """Choose one of some items."""
    return items[int(lot * len(items))]


def outcome(options: Options, lot: float) -> State:
    """Choose how a job ends."""
    if lot < options.failed_share:
        return State.FAILED
    return State.PARTIAL_SUCCESS if lot < options.failed_share + options.partial_share else State.SUCCESS


def failed_tasks(ends_as: State, tasks: int, lot: float) -> int:
    """Choose how many of a job's tasks fail; one that succeeds in part has two or more of them."""
    if ends_as is State.PARTIAL_SUCCESS:
        return 1 + int(lot * (tasks - 1))
    return tasks if ends_as is State.FAILED else 0
