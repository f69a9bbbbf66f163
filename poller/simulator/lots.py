"""What chance decides about one request: a pure function of the seed and the request's number."""

from dataclasses import dataclass
from itertools import accumulate
from random import Random
from uuid import UUID

from poller.simulator.options import Fault, Options


@dataclass(frozen=True, kw_only=True, slots=True)
class Lots:
    """``delay`` is in seconds, ``lagging`` sends the request to the lagging replica, ``rng`` is for all else."""

    request_id: str
    delay: float
    lagging: bool
    fault: Fault | None
    rng: Random


def draw(options: Options, number: int) -> Lots:
    """Draw the lots of the request with a number."""
    # Reproducible is what is wanted of it; secret is not.
    rng = Random(f"request {number} of {options.seed}")  # noqa: S311
    # In a fixed order, so that turning one knob leaves what the others decide as it was.
    return Lots(
        request_id=str(UUID(int=rng.getrandbits(128), version=4)),
        delay=options.latency + rng.random() * options.jitter,
        lagging=rng.random() < options.lag_share,
        fault=_fault(options, rng.random()),
        rng=rng,
    )


def _fault(options: Options, lot: float) -> Fault | None:
    limits = zip(options.faults, accumulate(options.faults.values()), strict=True)
    return next((fault for fault, limit in limits if lot < limit), None)
