"""Counts the rare situations that a run has met, so that a proof by many seeds can tell what it has proved."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from poller.lister import Lister
from poller.models import Page, Query, State, Target
from poller.simulator.truth import Run


@dataclass
class _Sweep:
    """The ids that the pages of a sweep have shown, and when it was under way."""

    began: float
    ended: float
    ids: set[str] = field(default_factory=set)
    state: State = State.PENDING


class Watch:
    """Stands between the poller and its lister, and looks at every page that comes."""

    def __init__(self, lister: Lister, now: Callable[[], float], happened: Counter[str], *, cap: int) -> None:
        self._lister = lister
        self._now = now
        self._happened = happened
        self._cap = cap
        self._sweeps: dict[Target, list[_Sweep]] = {}
        self._last: dict[tuple[Target, State | None], tuple[int, Page]] = {}

    async def page(self, query: Query) -> Page:
        """Bring a page."""
        began = self._now()
        page = await self._lister.page(query)
        if query.job_ids:
            self._happened["a look-up was capped"] += page.received == self._cap < len(query.job_ids)
        else:
            self._look_at_listing(query, page, began)
        return page

    def _look_at_listing(self, query: Query, page: Page, began: float) -> None:
        if query.state in {State.PENDING, State.RUNNING}:
            sweeps = self._sweeps.setdefault(query.target, [])
            # A reading may come back to its beginning, which begins no sweep.
            if not sweeps or (query.state is State.PENDING and sweeps[-1].state is State.RUNNING):
                sweeps.append(_Sweep(began, began))
            sweeps[-1].ids.update(row.job_id for row in page.jobs)
            sweeps[-1].ended, sweeps[-1].state = self._now(), query.state
        key = (query.target, query.state)
        offset, before = self._last.get(key, (0, None))
        self._last[key] = (query.offset, page)
        if before is not None and before.jobs and page.jobs and offset < query.offset <= offset + before.received:
            self._happened["a tie lay across a page boundary"] += before.jobs[-1].created == page.jobs[0].created
        if (
            before is not None
            and query.offset
            and {row.job_id for row in page.jobs}.isdisjoint(row.job_id for row in before.jobs)
        ):
            self._happened["neighbouring pages shared no row"] += 1

    def conclude(self, runs: Iterable[Run]) -> None:
        """Hold what the sweeps have shown against what was there throughout two of them."""
        for target, sweeps in self._sweeps.items():
            own = [run for run in runs if run.city_id == target.city_id]
            for sweep in sweeps:
                self._happened["a job was skipped by a sweep"] += _skipped(own, sweep, sweep)
            for first, second in pairwise(sweeps):
                self._happened["a job was skipped by two sweeps running"] += _skipped(own, first, second)


def _skipped(runs: Iterable[Run], first: _Sweep, last: _Sweep) -> int:
    """Count the jobs that were active from the first sweep's beginning to the last one's end, and are in neither."""
    seen = first.ids | last.ids
    return sum(
        run.queued <= first.began and last.ended < min(run.ended, run.shown_until) and run.job_id not in seen
        for run in runs
    )
