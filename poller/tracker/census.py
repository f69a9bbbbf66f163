"""How many jobs are active, and how old the oldest are."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from poller.models import State
from poller.runs import Tracked
from poller.stats import Vocabulary

KEPT_SECONDS: Final = 256
"""How many different seconds of each kind are kept in mind: once all of them have gone, all runs are looked at."""

# To look a member up by its name costs Python 3.11 as much as a call.
_PENDING: Final = State.PENDING
_RUNNING: Final = State.RUNNING

Kind = tuple[str, State]
"""A job type, as a word of the vocabulary, and a state."""


class Census:
    """Counts runs by kind, and knows when the oldest of each began."""

    def __init__(self, job_types: Vocabulary) -> None:
        self.counts: Counter[Kind] = Counter()
        self._oldest: dict[Kind, _Oldest] = {}
        self._job_types = job_types

    @property
    def oldest(self) -> Mapping[Kind, int]:
        """Since when, in Unix seconds: since creation for PENDING, since its begin for RUNNING."""
        return {kind: first for kind, oldest in self._oldest.items() if (first := oldest.first) is not None}

    def count(self, run: Tracked, by: int) -> None:
        """Count a run in, or out again where ``by`` is -1."""
        kind = self._kind(run)
        self.counts[kind] += by
        if (since := _since(run)) is not None:
            oldest = self._oldest.get(kind)
            if oldest is None:
                oldest = self._oldest[kind] = _Oldest()
            oldest.count(since, by)

    def settle(self, runs: Iterable[Tracked]) -> None:
        """Look at all runs again if the oldest of some kind are gone and there are others."""
        if not any(oldest.exhausted for oldest in self._oldest.values()):
            return
        self._oldest = {}
        for run in runs:
            if (since := _since(run)) is not None:
                self._oldest.setdefault(self._kind(run), _Oldest()).count(since, +1)

    def _kind(self, run: Tracked) -> Kind:
        return self._job_types.word(run.job_type or "unknown"), run.state


class _Oldest:
    """How many runs of one kind began in each of the earliest seconds, so that the first can go without a search."""

    __slots__ = ("_by_second", "_horizon", "_later")

    def __init__(self) -> None:
        self._by_second: dict[int, int] = {}
        self._horizon = float("inf")
        self._later = 0

    @property
    def first(self) -> int | None:
        return min(self._by_second, default=None)

    @property
    def exhausted(self) -> bool:
        return not self._by_second and self._later > 0

    def count(self, second: int, by: int) -> None:
        if second > self._horizon:
            self._later += by
            return
        runs = self._by_second.get(second, 0) + by
        if not runs:
            del self._by_second[second]
            return
        self._by_second[second] = runs
        if len(self._by_second) > 2 * KEPT_SECONDS:
            self._draw_in()

    def _draw_in(self) -> None:
        earliest = sorted(self._by_second)
        for second in earliest[KEPT_SECONDS:]:
            self._later += self._by_second.pop(second)
        self._horizon = earliest[KEPT_SECONDS] - 1


def _since(run: Tracked) -> int | None:
    if run.state is _RUNNING:
        return run.begin_time
    return run.create_time if run.state is _PENDING else None
