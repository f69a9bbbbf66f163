"""Draws a world's jobs from its seed: those that are there at the start, and those that arrive."""

import math
from collections.abc import Iterator
from heapq import heapreplace
from itertools import count
from random import Random

from poller.models import State
from poller.simulator.jobs import APP_JOB_TYPES, JOB_TYPES, UNLISTED_JOB_TYPES, SimulatedJob
from poller.simulator.options import Options, Range

_FLEET_SIZE = 500
_APP_VERSIONS = 20
_OLDEST = 86400.0  # how long ago the finished jobs of a world without purges may have ended
_SHORTEST = 0.001  # a duration drawn by its logarithm cannot be 0


class Arrivals:
    """The jobs of one world in the order they are drawn, always the same for the same options and start."""

    def __init__(self, options: Options, *, start: float) -> None:
        self._options = options
        self._start = start
        # Reproducible is what is wanted of it; secret is not.
        self._rng = Random(f"jobs of {options.seed}")  # noqa: S311
        self._numbers = count(1)
        self._phones = [f"uphone-{self._rng.getrandbits(32):08x}" for _ in range(max(_FLEET_SIZE, options.max_phones))]
        self._versions = [f"appversion-{self._rng.getrandbits(32):08x}" for _ in range(_APP_VERSIONS)]
        self._workers_free = [start] * (options.workers or 0)  # a heap

    def backlog(self) -> Iterator[SimulatedJob]:
        """Draw the jobs that have finished before the start, and those that are active at it."""
        for _ in range(self._options.finished_jobs):
            yield self._finished()
        for waiting in range(self._options.active_jobs, 0, -1):
            yield self._queued_before(waiting) if self._workers_free else self._active()

    def stream(self) -> Iterator[SimulatedJob]:
        """Draw the jobs that arrive after the start, in order of creation, without end."""
        created = self._start
        while self._options.arrival_rate:
            created += self._rng.expovariate(self._options.arrival_rate)
            yield self._arriving(created)

    def _finished(self) -> SimulatedJob:
        queue, run = self._durations()
        ended = self._start - self._rng.random() * min(self._options.retention, _OLDEST)
        return self._job(ended - run - queue, ended - run, ended)

    def _active(self) -> SimulatedJob:
        queue, run = self._durations()
        created = self._start - self._rng.random() * (queue + run)
        return self._job(created, created + queue, created + queue + run)

    def _queued_before(self, waiting: int) -> SimulatedJob:
        return self._arriving(self._start - waiting / (self._options.arrival_rate or 1.0))

    def _arriving(self, created: float) -> SimulatedJob:
        queue, run = self._durations()
        begun = created + queue
        if self._workers_free:
            begun = max(created, self._workers_free[0])
            heapreplace(self._workers_free, begun + run)
        return self._job(created, begun, begun + run)

    def _durations(self) -> tuple[float, float]:
        return self._duration(self._options.queue_time), self._duration(self._options.run_time)

    def _duration(self, between: Range) -> float:
        low, high = (math.log(max(seconds, _SHORTEST)) for seconds in between)
        return math.exp(self._rng.uniform(low, high))

    def _job(self, created: float, begun: float, ended: float) -> SimulatedJob:
        rng, options = self._rng, self._options
        outcome = self._outcome()
        phones = rng.randint(2 if outcome is State.PARTIAL_SUCCESS else 1, options.max_phones)
        job_type = rng.choice(JOB_TYPES + UNLISTED_JOB_TYPES)
        return SimulatedJob(
            job_id=f"uj-{rng.getrandbits(48):012x}",
            created=created,
            begun=begun,
            ended=ended,
            removed=ended + options.retention,
            outcome=outcome,
            job_type=job_type,
            city_id=rng.choice(options.city_ids),
            product_type=rng.choice(options.product_types),
            uphone_ids=tuple(rng.sample(self._phones, phones)),
            failed_tasks=self._failed_tasks(outcome, phones),
            app_version_id=rng.choice(self._versions) if job_type in APP_JOB_TYPES else None,
            number=next(self._numbers),
        )

    def _outcome(self) -> State:
        lot = self._rng.random()
        if lot < self._options.failed_share:
            return State.FAILED
        partly = lot < self._options.failed_share + self._options.partial_share
        return State.PARTIAL_SUCCESS if partly else State.SUCCESS

    def _failed_tasks(self, outcome: State, phones: int) -> int:
        if outcome is State.PARTIAL_SUCCESS:
            return self._rng.randint(1, phones - 1)
        return phones if outcome is State.FAILED else 0
