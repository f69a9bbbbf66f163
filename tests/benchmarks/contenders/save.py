"""Saves of ten changed jobs among many, to a real state file, without a cycle around them.

``python -m tests.benchmarks.contenders.save ACTIVE SAVES`` prints the least wall and CPU seconds of so many saves.
"""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from poller.checkpoint import Checkpoint, StateFile
from poller.cycle import Edges, TargetPoller
from poller.frontier import Floor
from poller.logs import get_logger
from poller.models import Instant, News, Page, Query, Sighting, State, Target
from poller.stats import Deadlines, StateStats, Stats

_CHANGES: Final = 10


class _Nowhere:
    """No API, and nobody who reads events: jobs are shown to the tracker by hand."""

    async def page(self, query: Query) -> Page:
        """Never asked."""
        raise NotImplementedError

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Never told."""
        raise NotImplementedError


def _now() -> Instant:
    return Instant(time.time(), anyio.current_time())


def _rows(first: int, count: int) -> list[Sighting]:
    created = int(time.time()) - 600
    return [
        Sighting(f"uj-{number:012}", State.RUNNING, "INSTALL_APP", created, created + 2, 0)
        for number in range(first, first + count)
    ]


async def _measure(path: Path, active: int, saves: int) -> list[tuple[float, float]]:
    target = Target(city_id="city-0")
    checkpoint = Checkpoint(StateFile.open(path), StateStats(), log=get_logger("poller.checkpoint"), wall=time.time)
    nowhere = _Nowhere()
    edges = Edges(pages=nowhere, reports=nowhere, keys=lambda: None, now=_now, saves=checkpoint)
    stats, floor = Stats([target], interval=10), Floor(anyio.current_time())
    poller = TargetPoller(target, edges, stats=stats, deadlines=Deadlines(), window=8, floor=floor)
    poller.tracker.sight(_rows(0, active), _now())
    await checkpoint.save()
    took = []
    for nth in range(saves):
        poller.tracker.sight(_rows(active + nth * _CHANGES, _CHANGES), _now())
        wall, cpu = time.monotonic(), time.process_time()
        await checkpoint.save()
        took.append((time.monotonic() - wall, time.process_time() - cpu))
    await checkpoint.aclose()
    return took


def main() -> None:
    """Read the command line, and print."""
    with tempfile.TemporaryDirectory() as directory:
        took = anyio.run(_measure, Path(directory, "state.db"), int(sys.argv[1]), int(sys.argv[2]))
    walls, cpus = zip(*took, strict=True)
    print(json.dumps({"wall": min(walls), "cpu": min(cpus)}))


if __name__ == "__main__":
    main()
