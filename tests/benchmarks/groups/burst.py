"""A hundred thousand completions in one cycle: event lines a second to a file, with a state file, and memory."""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.benchmarks.figures import Figure
from tests.benchmarks.groups.memory import MEBIBYTE
from tests.benchmarks.progress import say
from tests.benchmarks.running import PATIENCE, Daemon, daemon, fixture

ROUNDS: Final = 5

_JOBS: Final = 100_000
_CYCLES: Final = 4
"""By then the listings of finished jobs have been read whole, and their order is known, as it is after any start."""
_LOOK_EVERY: Final = 0.002


class _Burst(NamedTuple):
    """Wall and CPU seconds from the first line to the last, and bytes of memory."""

    wall: float
    cpu: float
    growth: int


def measure() -> Iterator[Figure]:
    """Measure in rounds, of which the best counts."""
    bursts = [_round(nth) for nth in range(ROUNDS)]
    wall, growth = min(burst.wall for burst in bursts), min(burst.growth for burst in bursts)
    rate, cpu = _JOBS / wall, min(burst.cpu for burst in bursts)
    note = "with the pages that show them"
    yield Figure("burst", "100 000 completions, events a second", rate, "/s", 50_000, 150_000, more=True, note=note)
    yield Figure("burst", "the same, CPU an event", cpu / _JOBS * 1e6, "µs")
    yield Figure("burst", "growth of the peak memory", growth / MEBIBYTE, "MiB", 0.5, 0.5)


def _round(nth: int) -> _Burst:
    with fixture(active=_JOBS) as api, daemon(api, interval=1.5, state=True) as running:
        say(f"burst: round {nth + 1} of {ROUNDS}")
        api.marks(_CYCLES)
        peak = running.memory("VmHWM")
        api.tell(f"/end?count={_JOBS}")
        wait_for_lines(running, 1)
        began, cpu = time.monotonic(), running.cpu()
        wait_for_lines(running, _JOBS)
        return _Burst(time.monotonic() - began, running.cpu() - cpu, running.memory("VmHWM") - peak)


def wait_for_lines(running: Daemon, count: int) -> None:
    """Wait until a daemon has written so many event lines. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    found = 0
    with running.events.open("rb") as file:
        while found < count:
            found += file.read().count(b"\n")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{found} of {count} events in {PATIENCE:g} s")
            time.sleep(_LOOK_EVERY)
