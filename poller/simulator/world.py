"""The API's jobs as a pure function of options and time: no clock, and no randomness but the seed's."""

from dataclasses import replace

from poller.simulator.arrivals import Arrivals
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Options
from poller.simulator.replica import Replica


class World:
    """All jobs from ``start`` (Unix seconds) on, followed by one replica, and by a lagging one if the options want it.

    A job is forgotten once every replica has seen it removed, so that memory is bounded by the options' retention.
    """

    def __init__(self, options: Options, *, start: float) -> None:
        self.start = start
        self._jobs: dict[str, SimulatedJob] = {}
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
        """Tell the truth: every job that the API knows at a time, unless it has been forgotten since."""
        self._draw_until(time)
        return [job for job in self._jobs.values() if job.state_at(time) is not None]

    def job(self, job_id: str) -> SimulatedJob:
        """Tell one job's whole story; ``KeyError`` if it has not arrived or is forgotten."""
        return self._jobs[job_id]

    def add(self, job: SimulatedJob) -> None:
        """Add a scripted job; ``ValueError`` if its id is taken."""
        if job.job_id in self._jobs:
            raise ValueError(f"job {job.job_id} exists")
        self._tell(job, since=job.created)

    def purge(self, job_id: str, *, at: float) -> None:
        """Let the API know a job no more from a time on; ``KeyError`` if it is unknown already."""
        self._tell(replace(self._jobs[job_id], removed=at), since=at)

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
        for replica in self._replicas:
            replica.watch(job.job_id, since)

    def _draw_until(self, time: float) -> None:
        while self._next is not None and self._next.created <= time:
            self._tell(self._next, since=self._next.created)
            self._next = next(self._stream, None)
