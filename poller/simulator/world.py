"""The API's jobs as a pure function of options and time: no clock, and no randomness but the seed's."""

import math
from dataclasses import replace

from poller.models import State
from poller.simulator.arrivals import Arrivals
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Options
from poller.simulator.replica import Replica
from poller.simulator.truth import Run, runs_of


class World:
    """All jobs from ``start`` (Unix seconds) on, followed by one replica, and by a lagging one if the options want it.

    A job is forgotten once every replica has seen it removed, so that memory is bounded by the options' retention;
    ``keep_history`` has `runs` remember all of them for ever.
    """

    def __init__(self, options: Options, *, start: float, keep_history: bool = False) -> None:
        self.start = start
        self._jobs: dict[str, SimulatedJob] = {}
        self._history: dict[str, SimulatedJob] | None = {} if keep_history else None
        # Ordered by lag, since a job may be forgotten when the last has dropped it.
        self._lags = (0.0, options.lag) if options.lag_share else (0.0,)
        self._replicas = [Replica(self._jobs, order=options.order) for _ in self._lags]
        arrivals = Arrivals(options, start=start)
        for job in arrivals.backlog():
            self.add(job)
        self._stream = arrivals.stream()
        self._next = next(self._stream, None)
        self.replica(start)  # sorts the backlog now rather than under the first request

    def jobs_at(self, time: float) -> list[SimulatedJob]:
        """Tell the truth: every job that the API knows at a time, in its run of that time, unless forgotten since."""
        self._draw_until(time)
        return [job.run_at(time) for job in self._jobs.values() if job.state_at(time) is not None]

    def job(self, job_id: str) -> SimulatedJob:
        """Tell one job's whole story; ``KeyError`` if it has not arrived or is forgotten."""
        return self._jobs[job_id]

    def runs(self, until: float) -> list[Run]:
        """Tell every run that was queued until a time, those of forgotten jobs too; needs ``keep_history``."""
        if self._history is None:
            raise RuntimeError("this world keeps no history")
        self._draw_until(until)
        return [run for job in self._history.values() for run in runs_of(job) if run.queued <= until]

    def add(self, job: SimulatedJob) -> None:
        """Add a scripted job; ``ValueError`` if its id is taken."""
        if job.job_id in self._jobs or job.job_id in (self._history or ()):
            raise ValueError(f"job {job.job_id} exists")
        self._tell(job, since=job.created)

    def purge(self, job_id: str, *, at: float) -> None:
        """Let the API know a job no more from a time on; ``KeyError`` if it is unknown already."""
        self._tell(replace(self._jobs[job_id].run_at(at), removed=at), since=at)

    def rerun(
        self,
        job_id: str,
        *,
        queued: float,
        begun: float,
        ended: float = math.inf,
        removed: float = math.inf,
        outcome: State = State.SUCCESS,
        failed_tasks: int = 0,
    ) -> None:
        """Run a job again under its id, as `SimulatedJob.again` has it; ``KeyError`` if it is unknown."""
        job = self._jobs[job_id].again(
            queued=queued, begun=begun, ended=ended, removed=removed, outcome=outcome, failed_tasks=failed_tasks
        )
        self._tell(job, since=queued)

    def replica(self, time: float, *, lagging: bool = False) -> Replica:
        """Bring the replicas up to a time and return one of them."""
        self._draw_until(time)
        gone: set[str] = set()
        for lag, replica in zip(self._lags, self._replicas, strict=True):
            gone = replica.advance(time - lag)
        for job_id in gone:
            del self._jobs[job_id]
        return self._replicas[-1 if lagging else 0]

    def _tell(self, job: SimulatedJob, *, since: float) -> None:
        self._jobs[job.job_id] = job
        if self._history is not None:
            self._history[job.job_id] = job
        for replica in self._replicas:
            replica.watch(job.job_id, since)

    def _draw_until(self, time: float) -> None:
        while self._next is not None and self._next.since <= time:
            # What a script has done to a job goes before a rerun that was drawn for it.
            if self._next.previous is self._jobs.get(self._next.job_id):
                self._tell(self._next, since=self._next.since)
            self._next = next(self._stream, None)
