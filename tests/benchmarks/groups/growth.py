"""How CPU time and memory grow with the number of active jobs, from 1 000 to a million."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.benchmarks.curves import slope
from tests.benchmarks.figures import Figure
from tests.benchmarks.groups.memory import MEBIBYTE, resident
from tests.benchmarks.progress import say
from tests.benchmarks.running import daemon, fixture

ROUNDS: Final[Mapping[int, int]] = {1_000: 5, 10_000: 5, 100_000: 3, 1_000_000: 1}
"""How many rounds there are by size: a cycle over a million jobs takes long."""

_CYCLES: Final = 3
_JOBS_A_SECOND: Final = 100_000
_SLOPE_FROM: Final = 10_000


def measure() -> Iterator[Figure]:
    """Measure size by size; the least of its rounds counts."""
    idle = resident(0, rounds=3)
    seconds: dict[float, float] = {}
    memory: dict[float, float] = {}
    for active, rounds in ROUNDS.items():
        seconds[active], memory[active] = _size(active, rounds)
        what = f"{active:,} active jobs".replace(",", " ")
        beyond = (memory[active] - idle) / active
        yield Figure("growth", f"cycle, CPU, {what}", 1000 * seconds[active], "ms")
        yield Figure("growth", f"resident, {what}", memory[active] / MEBIBYTE, "MiB", note=f"{beyond:.0f} bytes a job")
    most = max(ROUNDS)
    yield Figure("growth", "memory per job at 1 000 000", (memory[most] - idle) / most, "bytes", 300, 220)
    yield Figure("growth", "slope of CPU, 10 000 to 1 000 000", _slope(seconds), "", 1.1, 1.02)
    yield Figure("growth", "slope of memory beyond idle", _slope(memory, less=idle), "", 1.1, 1.02)


def _slope(points: Mapping[float, float], *, less: float = 0) -> float:
    return slope({size: value - less for size, value in points.items() if size >= _SLOPE_FROM})


def _size(active: int, rounds: int) -> tuple[float, float]:
    """Return the CPU seconds of a cycle with so many active jobs, and the resident memory in bytes."""
    seconds, memory = [], []
    with fixture(active=active) as api:
        for nth in range(rounds):
            say(f"growth: {active} active jobs, round {nth + 1} of {rounds}")
            with daemon(api, interval=max(0.5, active / _JOBS_A_SECOND)) as running:
                cycles = api.cycles(_CYCLES)
                memory.append(float(running.memory()))
            seconds.append(min(cycle.cpu for cycle in cycles[1:]))
    return min(seconds), min(memory)
