"""Draws what goes wrong with jobs: a pure function of the options, the start and the order in which jobs come."""

import math
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from poller.models import State
from poller.simulator.chances import duration, failed_tasks, outcome
from poller.simulator.jobs import UNLISTED_STATE, SimulatedJob
from poller.simulator.options import Options

_NEVER = (math.inf, math.inf)


class Fate(NamedTuple):
    """One lot for each thing that may become of a job, drawn whether it is asked for or not.

    So turning one knob leaves what the others decide as it was.
    """

    vanishes: float
    vanish_when: float
    hides: float
    hide_when: float
    hide_time: float
    ends_late: float
    lacks_end: float
    lacks_times: float
    waits_unlisted: float
    is_purged: float
    purge_after: float
    runs_again: float
    rerun_after: float
    rerun_queue_time: float
    rerun_run_time: float
    rerun_outcome: float
    rerun_failed_tasks: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Rerun:
    """A job that will be queued again, how long that run will wait if it need not wait for a worker, and the rest."""

    job: SimulatedJob
    queued: float
    queue_time: float
    run_time: float
    kept: float
    outcome: State
    failed_tasks: int

    def begin(self, begun: float) -> SimulatedJob:
        """Run the job again, from when a worker takes it."""
        ended = begun + self.run_time
        return self.job.again(
            queued=self.queued,
            begun=begun,
            ended=ended,
            removed=ended + self.kept,
            outcome=self.outcome,
            failed_tasks=self.failed_tasks,
        )


class Fates:
    """The fates of one world's jobs, which strike from its start on."""

    def __init__(self, options: Options, *, start: float) -> None:
        self._options = options
        self._start = start
        # Reproducible is what is wanted of it; secret is not.
        self._rng = Random(f"fates of {options.seed}")  # noqa: S311

    def draw(self) -> Fate:
        """Draw the fate of the next job."""
        return Fate(*(self._rng.random() for _ in Fate._fields))

    def befall(self, job: SimulatedJob, fate: Fate) -> SimulatedJob:
        """Let a job's first run suffer its fate."""
        options = self._options
        return replace(
            job,
            removed=self._removed(job, fate),
            hidden=self._hidden(job, fate),
            end_delay=options.late_end if fate.ends_late < options.late_end_share else 0.0,
            shows_end=fate.lacks_end >= options.no_end_share,
            shows_times=fate.lacks_times >= options.no_times_share,
            waits_as=UNLISTED_STATE if fate.waits_unlisted < options.unlisted_state_share else None,
        )

    def rerun(self, job: SimulatedJob, fate: Fate) -> Rerun | None:
        """Tell how a job whose first run has suffered its fate is run again, None if it is not."""
        options = self._options
        queued = max(job.ended, self._start) + duration(options.rerun_after, fate.rerun_after)
        if fate.runs_again >= options.rerun_share or not job.ended < job.removed > queued:
            return None
        ends_as, tasks = outcome(options, fate.rerun_outcome), len(job.uphone_ids)
        if ends_as is State.PARTIAL_SUCCESS and tasks == 1:
            ends_as = State.FAILED  # its only task cannot fail in part
        return Rerun(
            job=job,
            queued=queued,
            queue_time=duration(options.queue_time, fate.rerun_queue_time),
            run_time=duration(options.run_time, fate.rerun_run_time),
            kept=self._kept(fate),
            outcome=ends_as,
            failed_tasks=failed_tasks(ends_as, tasks, fate.rerun_failed_tasks),
        )

    def _removed(self, job: SimulatedJob, fate: Fate) -> float:
        if fate.vanishes < self._options.vanish_share and job.ended > self._start:
            return self._within(job, fate.vanish_when)
        kept = self._kept(fate)
        return job.ended + kept if kept == self._options.retention else max(job.ended, self._start) + kept

    def _kept(self, fate: Fate) -> float:
        retention = self._options.retention
        if fate.is_purged >= self._options.purge_share:
            return retention
        return min(retention, duration(self._options.purge_after, fate.purge_after))

    def _hidden(self, job: SimulatedJob, fate: Fate) -> tuple[float, float]:
        if fate.hides >= self._options.hide_share or job.ended <= self._start:
            return _NEVER
        since = self._within(job, fate.hide_when)
        return since, since + duration(self._options.hide_time, fate.hide_time)

    def _within(self, job: SimulatedJob, lot: float) -> float:
        begins = max(job.created, self._start)
        return begins + (job.ended - begins) * lot
