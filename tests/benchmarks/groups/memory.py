"""Resident memory, idle and with 10 000 active jobs."""

from collections.abc import Iterator
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import daemon, fixture

ROUNDS: Final = 3
MEBIBYTE: Final = 2**20

_CYCLES: Final = 3
_BOUNDS: Final = {0: (48.0, 44.0), 10_000: (56.0, 50.0)}


def measure() -> Iterator[Figure]:
    """Measure in rounds, of which the least counts."""
    for active, (must, aim) in _BOUNDS.items():
        what = f"{active:,} active jobs".replace(",", " ") if active else "idle"
        plain = resident(active)
        kept = resident(active, state=True)
        yield Figure("memory", f"resident, {what}", plain / MEBIBYTE, "MiB", must, aim)
        yield Figure("memory", f"resident, {what}, state file", kept / MEBIBYTE, "MiB", must, aim)


def resident(active: int, *, state: bool = False, rounds: int = ROUNDS) -> int:
    """Return the resident memory, in bytes, after some complete cycles."""
    found = []
    with fixture(active=active) as api:
        for nth in range(rounds):
            say(f"memory: {active} active jobs, round {nth + 1} of {rounds}")
            with daemon(api, interval=0.3, state=state) as running:
                api.cycles(_CYCLES)
                found.append(running.memory())
    return min(found)
