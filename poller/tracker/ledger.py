"""What has been reported, and what may be news: the memory that keeps a completion from being reported twice."""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from poller.frontier import MARGIN
from poller.lifecycle import TERMINAL
from poller.models import Instant, Job, Sighting, State
from poller.runs import Reported

_LISTED_ACTIVE: Final = frozenset({State.PENDING, State.RUNNING})


class Verdict(Enum):
    """What a finished run is that nobody tracked."""

    NEWS = auto()
    """Ours to report."""
    OLD = auto()
    """From before the frontier, or reported by then."""
    UNDATED = auto()
    """It tells no time, and there is no saying yet whether it was there before us."""


class Ledger:
    """The reported runs of one target, and the frontiers of its listings of finished jobs.

    ``frontiers`` has a time of the API's clock for each terminal state, in Unix seconds, none before the first is
    known: no run that ended before it is news, unless its job is tracked. ``since`` holds up job types that have not
    been polled for as long. Jobs whose rows tell no time at all can't be held against a frontier: those in the
    ``baseline`` were there before we looked, which is all that there are until a listing has been read whole and is in
    ``surveyed``.
    """

    def __init__(self) -> None:
        self.frontiers: dict[State, float] = {}
        self.covered: frozenset[str] | None = None
        self.since = float("-inf")
        self.baseline: set[str] = set()
        self.surveyed: set[State] = set()
        self.amended = 0
        self._reported: dict[str, Reported] = {}
        self._suspected: dict[str, None] = {}
        self._forgotten_before = float("-inf")

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._reported

    def __len__(self) -> int:
        return len(self._reported)

    def get(self, job_id: str) -> Reported | None:
        """Return what was reported of a job."""
        return self._reported.get(job_id)

    @property
    def suspected(self) -> Iterator[str]:
        """The reported jobs that may have been run again."""
        return iter(self._suspected)

    def judge(self, row: Sighting) -> Verdict:
        """Tell what a finished run is that nobody tracked."""
        floor = self.frontiers.get(row.state)
        if floor is None or row.job_id in self.baseline:
            return Verdict.OLD
        if self.covered is not None and row.job_type not in self.covered:
            floor = max(floor, self.since)
        # It ended no earlier than it was created and begun.
        at_least = max(row.create_time or 0, row.begin_time or 0)
        ended = row.end_time or at_least
        if ended:
            return Verdict.NEWS if ended >= int(floor) else Verdict.OLD
        return Verdict.NEWS if row.state in self.surveyed else Verdict.UNDATED

    def enter(self, job: Job, seen: Instant, now: Instant) -> None:
        """Take note that a run is reported, which was first seen to be over at another moment."""
        ended = job.end_time
        bound = ended or (seen.wall if seen.server is None else seen.server)
        timeless = ended is None and not job.dated
        self._reported[job.job_id] = Reported(job.state, job.begin_time, ended, bound, now.mono, timeless)

    def restore(self, job_id: str, reported: Reported) -> None:
        """Take up what an earlier process had reported."""
        self._reported[job_id] = reported

    def is_new_run(self, row: Sighting, now: Instant) -> bool:
        """Tell a new run of a reported job from an echo of the one that was reported.

        An active row that may be either makes the job suspected; a terminal one of the old run ends the suspicion.
        """
        old = self._reported[row.job_id]
        if row.state in TERMINAL:
            self._suspected.pop(row.job_id, None)
            if old.precedes(row) and row.end_time is not None and row.end_time > old.bound:
                return True
            self._note_difference(row, old)
            return False
        # A lagging replica shows a job as it was, but for no longer than the margin.
        lasts = row.state in _LISTED_ACTIVE and now.mono - old.at >= MARGIN
        if lasts or old.precedes(row):
            return True
        self._suspected[row.job_id] = None
        return False

    def leave(self, job_id: str) -> Reported:
        """Strike a run off, since the job was run again."""
        self._suspected.pop(job_id, None)
        return self._reported.pop(job_id)

    @property
    def least_frontier(self) -> float:
        """The frontier of the listing that is furthest behind; no time at all while one is not known."""
        return min(self.frontiers.values()) if self.frontiers.keys() >= TERMINAL else float("-inf")

    def forget(self, margin: float, others: float) -> list[str]:
        """Forget the runs that no listing can make news any more; return their jobs.

        They ended more than a margin before every frontier, those of ``others`` that list the same jobs included.
        """
        before = min(self.least_frontier, others) - margin
        # A look at all of them is worth it only once some time has gone by.
        if before < self._forgotten_before + margin / 4:
            return []
        self._forgotten_before = before
        gone = [job_id for job_id, reported in self._reported.items() if reported.bound < before]
        for job_id in gone:
            if self.leave(job_id).timeless:
                self.baseline.add(job_id)
        return gone

    def _note_difference(self, row: Sighting, old: Reported) -> None:
        if not old.amended and (row.state, row.end_time) != (old.state, old.ended):
            old.amended = True
            self.amended += 1
