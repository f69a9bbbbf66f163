"""How many jobs are active, and how old the oldest are."""

from collections import Counter
from collections.abc import Iterable, Mapping

from poller.models import State
from poller.runs import Tracked
from poller.stats import Vocabulary


class Census:
    """Counts runs by (job type, state), where job types are words of the vocabulary.

    ``oldest`` is by the same, in Unix seconds: since creation for PENDING, since its begin for RUNNING.
    """

    def __init__(self, job_types: Vocabulary) -> None:
        self.counts: Counter[tuple[str, State]] = Counter()
        self.oldest: Mapping[tuple[str, State], int] = {}
        self._job_types = job_types
        self._moved = False

    def count(self, run: Tracked, by: int) -> None:
        """Count a run in, or out again where ``by`` is -1."""
        self.counts[self._key(run)] += by
        self._moved = True

    def settle(self, runs: Iterable[Tracked]) -> None:
        """Find the oldest again if anything has moved."""
        if not self._moved:
            return
        self._moved = False
        oldest: dict[tuple[str, State], int] = {}
        for run in runs:
            since = run.create_time if run.state is State.PENDING else run.begin_time
            if since is None or run.state is State.UNKNOWN:
                continue
            key = self._key(run)
            oldest[key] = min(since, oldest.get(key, since))
        self.oldest = oldest

    def _key(self, run: Tracked) -> tuple[str, State]:
        return self._job_types.word(run.job_type or "unknown"), run.state
