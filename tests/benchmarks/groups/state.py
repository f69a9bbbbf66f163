"""What ten changes cost in the state file, with 1 000 and with 100 000 active jobs: the same, if all is well."""

from collections.abc import Iterator
from statistics import median
from typing import Final, NamedTuple

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import LEAN, contend, daemon, fixture

ROUNDS: Final = 5

_FEW: Final = 1_000
_MANY: Final = 100_000
_CHANGES: Final = 10
_CYCLES: Final = 4
_SETTLED: Final = 1
_SAVES: Final = 40


class _Save(NamedTuple):
    """Bytes written in a cycle, those to a disk, and the wall seconds of a save alone."""

    written: float
    stored: float
    wall: float


def measure() -> Iterator[Figure]:
    """Measure in rounds, both sizes by turns; the least of the rounds counts."""
    saves: dict[int, list[_Save]] = {_FEW: [], _MANY: []}
    for nth in range(ROUNDS):
        say(f"state: round {nth + 1} of {ROUNDS}")
        for active, found in saves.items():
            found.append(_round(active))
    few, many = (_Save(*map(min, zip(*found, strict=True))) for found in saves.values())
    note = f"ten completions, ten new jobs; {many.stored / 1000:.0f} kB to the disk"
    yield Figure("state", "written a cycle, 100 000 active", many.written / 1000, "kB", note=note)
    yield Figure("state", "the same against 1 000 active", many.written / few.written, "times", 1.25, 1.05)
    yield Figure("state", "a save of ten changes, 100 000 active, wall", 1000 * many.wall, "ms")
    yield Figure("state", "the same against 1 000 active", many.wall / few.wall, "times", 1.5, 1.1)


def _round(active: int) -> _Save:
    with fixture(active=active, churn=_CHANGES) as api, daemon(api, interval=0.3, state=True) as _running:
        cycles = api.cycles(_CYCLES)[_SETTLED:]
    written, stored = (median(getattr(cycle, name) for cycle in cycles) for name in ("written", "stored"))
    return _Save(written, stored, contend("save", active, _SAVES, python=LEAN)["wall"])
