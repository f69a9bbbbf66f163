"""What chance decides about one request: a pure function of the seed and the request's number."""

import struct
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from poller.simulator.options import Fault, Options

# Hashing takes a tenth of the time that seeding a generator does.
_LOTS: Final = struct.Struct("<16s4Q")
_UNIT: Final = 2.0**-64


class Lots(NamedTuple):
    """``delay`` is in seconds, ``lagging`` sends the request to the lagging replica, ``name`` seeds all else."""

    name: str
    request_id: str
    delay: float
    lagging: bool
    fault: Fault | None
    bad_row: bool

    def rng(self, purpose: str) -> Random:
        """Return a generator for one purpose, which no other purpose draws from."""
        # Reproducible is what is wanted of it; secret is not.
        return Random(f"{purpose} of {self.name}")  # noqa: S311


def draw(options: Options, number: int) -> Lots:
    """Draw the lots of the request with a number."""
    name = f"request {number} of {options.seed}"
    # Each has its own place, so that turning one knob leaves what the others decide as it was.
    identity, jitter, lag, fault, bad_row = _LOTS.unpack(blake2b(name.encode(), digest_size=_LOTS.size).digest())
    return Lots(
        name=name,
        request_id=str(UUID(bytes=identity, version=4)),
        delay=options.latency + jitter * _UNIT * options.jitter,
        lagging=lag * _UNIT < options.lag_share,
        fault=_fault(options, fault * _UNIT),
        bad_row=bad_row * _UNIT < options.bad_row_share,
    )


def _fault(options: Options, lot: float) -> Fault | None:
    limits = zip(options.faults, accumulate(options.faults.values()), strict=True)
    return next((fault for fault, limit in limits if lot < limit), None)
