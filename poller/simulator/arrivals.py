"""Draws a world's jobs from its seed: those that are there at the start, those that arrive, and reruns."""

import math
from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from itertools import count
from random import Random

from poller.models import State
from poller.simulator.chances import duration, failed_tasks, outcome, pick
from poller.simulator.fates import Fates, Rerun
from poller.simulator.jobs import APP_JOB_TYPES, JOB_TYPES, UNLISTED_JOB_TYPES, SimulatedJob
from poller.simulator.options import Options

_FLEET_SIZE = 500
_APP_VERSIONS = 20
_OLDEST = 86400.0  # how long ago the finished jobs of a world without purges may have ended
_ALL_JOB_TYPES = JOB_TYPES + UNLISTED_JOB_TYPES


class Arrivals:
    """The jobs of one world in the order they are drawn, always the same for the same options and start.

    Each job takes the same number of draws, so that turning one knob leaves what the others decide as it was.
    """

    def __init__(self, options: Options, *, start: float) -> None:
        self._options = options
        self._start = start
        # Reproducible is what is wanted of it; secret is not.
        self._rng = Random(f"jobs of {options.seed}")  # noqa: S311
        self._fates = Fates(options, start=start)
        self._numbers = count(1)
        self._phones = [f"uphone-{self._rng.getrandbits(32):08x}" for _ in range(max(_FLEET_SIZE, options.max_phones))]
        self._versions = [f"appversion-{self._rng.getrandbits(32):08x}" for _ in range(_APP_VERSIONS)]
        self._workers_free = [start] * (options.workers or 0)  # a heap
        self._reruns: list[tuple[float, int, Rerun]] = []  # a heap: when which is queued

    def backlog(self) -> Iterator[SimulatedJob]:
        """Draw the jobs that have finished before the start, and those that are active at it."""
        for _ in range(self._options.finished_jobs):
            yield self._finished()
        for waiting in range(self._options.active_jobs, 0, -1):
            yield self._queued_before(waiting) if self._workers_free else self._active()

    def stream(self) -> Iterator[SimulatedJob]:
        """Draw the runs that are queued after the start, in that order: jobs that arrive, and reruns of all jobs.

        A rerun is the job as it was yielded before, with one more run.
        """
        created = self._next_after(self._start)
        while self._reruns or created < math.inf:
            if self._reruns and self._reruns[0][0] <= created:
                yield self._again(heappop(self._reruns)[-1])
            else:
                yield self._arriving(created)
                created = self._next_after(created)

    def _next_after(self, created: float) -> float:
        rate = self._options.arrival_rate
        return created + self._rng.expovariate(rate) if rate else math.inf

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
        begun = self._begun(created, queue, run)
        return self._job(created, begun, begun + run)

    def _again(self, rerun: Rerun) -> SimulatedJob:
        return rerun.begin(self._begun(rerun.queued, rerun.queue_time, rerun.run_time))

    def _begun(self, queued: float, queue: float, run: float) -> float:
        if not self._workers_free:
            return queued + queue
        begun = max(queued, self._workers_free[0])
        heapreplace(self._workers_free, begun + run)
        return begun

    def _durations(self) -> tuple[float, float]:
        queue, run = self._rng.random(), self._rng.random()
        return duration(self._options.queue_time, queue), duration(self._options.run_time, run)

    def _job(self, created: float, begun: float, ended: float) -> SimulatedJob:
        fate = self._fates.draw()
        job = self._fates.befall(self._untroubled(created, begun, ended), fate)
        rerun = self._fates.rerun(job, fate)
        if rerun is not None:
            heappush(self._reruns, (rerun.queued, job.number, rerun))
        return job

    def _untroubled(self, created: float, begun: float, ended: float) -> SimulatedJob:
        options, lot = self._options, self._rng.random
        ends_as = outcome(options, lot())
        phones = self._some_phones(2 if ends_as is State.PARTIAL_SUCCESS else 1, lot(), lot())
        job_type = pick(_ALL_JOB_TYPES, lot())
        version = pick(self._versions, lot())
        return SimulatedJob(
            job_id=f"uj-{self._rng.getrandbits(48):012x}",
            created=created,
            begun=begun,
            ended=ended,
            removed=ended + options.retention,
            outcome=ends_as,
            job_type=job_type,
            city_id=pick(options.city_ids, lot()),
            product_type=pick(options.product_types, lot()),
            uphone_ids=phones,
            failed_tasks=failed_tasks(ends_as, len(phones), lot()),
            app_version_id=version if job_type in APP_JOB_TYPES else None,
            number=next(self._numbers),
        )

    def _some_phones(self, least: int, how_many: float, which: float) -> tuple[str, ...]:
        """Choose phones that follow each other in the fleet, which takes one draw however many they are."""
        first, number = int(which * len(self._phones)), least + int(how_many * (self._options.max_phones - least + 1))
        return tuple(self._phones[(first + nth) % len(self._phones)] for nth in range(number))
