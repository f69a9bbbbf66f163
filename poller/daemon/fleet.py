"""The targets that are polled, which may come and go: each has a poller in a cancel scope of its own."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import TaskGroup

from poller.cycle import TargetPoller
from poller.models import Target
from poller.stats import Stats, TargetStats
from poller.tracker import Tracker

MakePoller = Callable[[Target, float | None], TargetPoller]
"""Makes the poller of a target that was known not to be polled at a monotonic time, or has been from the start."""


@dataclass(frozen=True, slots=True)
class _Member:
    poller: TargetPoller
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)


class Fleet:
    """Polls many targets side by side. ``trackers`` has what is known of each one's jobs."""

    def __init__(self, make: MakePoller, stats: Stats) -> None:
        self.trackers: dict[Target, Tracker] = {}
        self._make = make
        self._stats = stats
        self._members: dict[Target, _Member] = {}
        self._group: TaskGroup | None = None

    def add(self, targets: Sequence[Target], *, late: bool = False, uncovered_at: float | None = None) -> None:
        """Poll targets from now on, or from when the fleet runs; their first cycles are spread over an interval.

        ``late`` ones came to be known only after the start. What was not polled at ``uncovered_at``, a monotonic time,
        has news since then, and else since the start.
        """
        for target in targets:
            self._stats.targets[target] = TargetStats(late=late)
            poller = self._make(target, uncovered_at)
            others = _Others(target, poller.tracker, self.trackers)
            poller.tracker.elsewhere = others.owner
            poller.others = others.least_frontier
            self._members[target] = _Member(poller)
            self.trackers[target] = poller.tracker
        if self._group is not None:
            self._start(self._group, targets)

    async def withdraw(self, target: Target) -> None:
        """Poll a target no more, and show it no more; return when what it held back is reported."""
        member = self._members[target]
        member.scope.cancel()
        await member.ended.wait()
        await member.poller.forget()
        # Its counts in what is added up over targets stay.
        del self._members[target], self.trackers[target], self._stats.targets[target]

    async def run(self, *beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Poll until cancelled, and run what may add and withdraw targets."""
        async with anyio.create_task_group() as self._group:
            self._start(self._group, list(self._members))
            for each in beside:
                self._group.start_soon(each)

    def _start(self, group: TaskGroup, targets: Sequence[Target]) -> None:
        for index, target in enumerate(targets):
            group.start_soon(self._poll, self._members[target], index * self._stats.interval / len(targets))

    async def _poll(self, member: _Member, first_after: float) -> None:
        with member.scope:
            await member.poller.run(first_after=first_after)
        member.ended.set()


class _Others:
    """What a target has to know of the others, since a job may be listed under two."""

    def __init__(self, own: Target, tracker: Tracker, trackers: Mapping[Target, Tracker]) -> None:
        self._own = own
        self._tracker = tracker
        self._trackers = trackers
        self._last: Target | None = None

    def owner(self, job_id: str) -> Target | None:
        """Name the target that knows a job. Targets that share one share many, so the last is asked first."""
        last = self._last
        if last is not None and last in self._trackers and self._trackers[last].has(job_id):
            return last
        for target, tracker in self._trackers.items():
            if target != self._own and tracker.has(job_id):
                self._last = target
                return target
        return None

    def least_frontier(self) -> float:
        """Return the least frontier of those that may list the same jobs: to them our jobs are news until then."""
        return min(
            (tracker.ledger.least_frontier for target, tracker in self._trackers.items() if self._overlaps(target)),
            default=float("inf"),
        )

    def _overlaps(self, target: Target) -> bool:
        if target == self._own:
            return False
        seen = target in self._tracker.shared_with or self._own in self._trackers[target].shared_with
        return seen or self._own.may_overlap(target)
