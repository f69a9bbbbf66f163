"""One database replica: the jobs as of its own time, kept sorted as a listing gives them."""

import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import itemgetter
from random import Random
from types import MappingProxyType
from typing import Any, Final

from poller.models import State
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Order

_Entry = tuple[Any, int, str, SimulatedJob]  # sort key, then what makes it unique, then the run
_Key = Callable[[SimulatedJob, float], Any]

_NOT_YET: Final = 0


# By whole seconds, since that is how the API stores times.
def _begun(run: SimulatedJob, at: float) -> int:
    return int(run.begun) if run.begun <= at else _NOT_YET


def _ended(run: SimulatedJob, at: float) -> int:
    return int(run.ended) if run.end_known <= at and run.shows_end and run.shows_times else _NOT_YET


_KEYS: Final[Mapping[Order, _Key]] = MappingProxyType(
    {
        Order.NEWEST_FIRST: lambda run, _: int(run.created),
        Order.OLDEST_FIRST: lambda run, _: int(run.created),
        Order.LAST_BEGUN_FIRST: _begun,
        Order.LAST_ENDED_FIRST: _ended,
        Order.FIRST_ENDED_FIRST: _ended,
        Order.TWO_HALVES: lambda run, _: (run.number % 2, -int(run.created)),
        Order.NONE: lambda run, _: run.job_id,
    }
)
_DESCENDING: Final = frozenset({Order.NEWEST_FIRST, Order.LAST_BEGUN_FIRST, Order.LAST_ENDED_FIRST})


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which jobs a listing is of; an empty filter lets all pass."""

    city_id: str
    product_type: str
    state: State | None = None
    job_types: frozenset[str] = frozenset()
    job_ids: frozenset[str] = frozenset()

    def matches(self, job: SimulatedJob, state: State) -> bool:
        """Tell whether a job in this state belongs to the listing."""
        return (
            (job.city_id, job.product_type) == (self.city_id, self.product_type)
            and (self.state is None or self.state is state)
            and (not self.job_types or job.job_type in self.job_types)
        )


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of a listing, how many it has in all, and how many it would have without filters."""

    jobs: list[SimulatedJob]
    filtered: int
    unfiltered: int


class Replica:
    """Follows the jobs of a world: a change costs a search and a shift in sorted lists, a page nothing but its rows."""

    def __init__(self, jobs: Mapping[str, SimulatedJob], *, order: Order) -> None:
        self.time = -math.inf
        self._jobs = jobs
        self._key = _KEYS[order]
        self._descending = order in _DESCENDING
        self._due: list[tuple[float, str]] = []  # a heap: when to look at which job again
        self._placed: dict[str, tuple[_Entry, State]] = {}
        self._sorted: defaultdict[tuple[str, str, State | None], list[_Entry]] = defaultdict(list)

    def watch(self, job_id: str, since: float) -> None:
        """Take notice of a job that is new, or whose story changed, at the time ``since``."""
        heappush(self._due, (since, job_id))

    def advance(self, time: float) -> set[str]:
        """Move on to a time, never back; return the ids of the jobs that are gone for good."""
        self.time = max(self.time, time)
        gone = set()
        while self._due and self._due[0][0] <= self.time:
            _, job_id = heappop(self._due)
            if job_id in self._jobs and self._look_at(self._jobs[job_id]):
                gone.add(job_id)
        return gone

    def _look_at(self, job: SimulatedJob) -> bool:
        run = job.run_at(self.time)
        state = run.state_at(self.time)
        before = self._placed.pop(job.job_id, None)
        if before is not None:
            self._remove(*before)
        if state is not None:
            self._insert((self._key(run, self.time), run.number, run.job_id, run), state)
        following = job.next_change(self.time)
        if following < math.inf:
            self.watch(job.job_id, following)
        return self.time >= job.removed

    # Ids are unique, so that a comparison of entries never comes to the runs.
    def _insert(self, entry: _Entry, state: State) -> None:
        run = entry[-1]
        self._placed[run.job_id] = (entry, state)
        for shelf in (state, None):
            insort(self._sorted[run.city_id, run.product_type, shelf], entry)

    def _remove(self, entry: _Entry, state: State) -> None:
        run = entry[-1]
        for shelf in (state, None):
            entries = self._sorted[run.city_id, run.product_type, shelf]
            del entries[bisect_left(entries, entry)]

    def page(self, wanted: Filter, *, offset: int, limit: int, ties: Random | None = None) -> Slice:
        """Read rows of a listing; ``ties`` shuffles those with equal sort keys."""
        entries = self._matching(wanted)
        low, high = min(offset, len(entries)), min(offset + limit, len(entries))
        if self._descending:
            low, high = len(entries) - high, len(entries) - low
        rows = entries[low:high] if ties is None else _shuffle_ties(entries, low, high, ties)
        if self._descending:
            rows.reverse()
        everything = self._sorted[wanted.city_id, wanted.product_type, None]
        return Slice([row[-1] for row in rows], len(entries), len(everything))

    def _matching(self, wanted: Filter) -> list[_Entry]:
        if wanted.job_ids:
            found = (self._placed[job_id] for job_id in wanted.job_ids if job_id in self._placed)
            return sorted(entry for entry, state in found if wanted.matches(entry[-1], state))
        entries = self._sorted[wanted.city_id, wanted.product_type, wanted.state]
        if wanted.job_types:
            return [entry for entry in entries if entry[-1].job_type in wanted.job_types]
        return entries


def _shuffle_ties(entries: list[_Entry], low: int, high: int, ties: Random) -> list[_Entry]:
    if low == high:
        return []
    # Rows without the time that is sorted by are of no second: shuffled all at once, none could ever be read whole.
    newest = entries[high - 1][0]
    first = low if entries[low][0] == _NOT_YET else bisect_left(entries, entries[low][:1])
    last = high if newest == _NOT_YET else bisect_right(entries, newest, key=itemgetter(0))
    block = sorted(entries[first:last], key=lambda entry: (entry[0], entry[0] != _NOT_YET and ties.random()))
    return block[low - first : high - first]
