"""Which active jobs are the oldest, found without holding up the event loop however many there are."""

from collections.abc import Iterator, Mapping
from heapq import nsmallest
from typing import Final, NamedTuple

import anyio
import anyio.lowlevel

from poller.models import State, Target
from poller.runs import Tracked
from poller.web.status.source import ActiveJobs

MOST: Final = 10
KEPT_SECONDS: Final = 5.0
"""For so long the answer stands, however many ask; jobs that have ended meanwhile are left out."""

_SLICE: Final = 2000
"""Jobs looked at in one go: below a millisecond."""


class Old(NamedTuple):
    """An active job, and since when it waits or runs, in Unix seconds."""

    since: int
    job_id: str
    target: Target


class Oldest:
    """Looks through all jobs when somebody asks, and not too often."""

    def __init__(self) -> None:
        self._found: list[Old] = []
        self._found_at = float("-inf")
        self._lock = anyio.Lock()

    async def find(self, trackers: Mapping[Target, ActiveJobs], now: float) -> list[Old]:
        """Return the oldest jobs of these targets, the oldest first; ``now`` is monotonic, in seconds."""
        async with self._lock:
            if now - self._found_at >= KEPT_SECONDS:
                self._found, self._found_at = await _search(trackers), now
        return self._found


async def _search(trackers: Mapping[Target, ActiveJobs]) -> list[Old]:
    found: list[Old] = []
    for target, tracker in list(trackers.items()):
        # Jobs come and go between slices.
        ids = list(tracker.jobs)
        for start in range(0, len(ids), _SLICE):
            before = found[-1].since if len(found) == MOST else float("inf")
            better = _earlier(target, tracker.jobs, ids[start : start + _SLICE], before)
            found = nsmallest(MOST, [*found, *better], key=lambda old: old.since)
            await anyio.lowlevel.checkpoint()
    return found


def _earlier(target: Target, jobs: Mapping[str, Tracked], ids: list[str], before: float) -> Iterator[Old]:
    for job_id in ids:
        run = jobs.get(job_id)
        if run is not None and (since := since_of(run)) is not None and since < before:
            yield Old(since, job_id, target)


def since_of(run: Tracked) -> int | None:
    """Tell since when a run waits, or runs, in Unix seconds; None where it is not known."""
    if run.state is State.PENDING:
        return run.create_time
    return run.begin_time if run.state is State.RUNNING else run.begin_time or run.create_time
