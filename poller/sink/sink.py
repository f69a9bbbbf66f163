"""The one thread that may block on a stalled reader, and those who wait for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

import anyio
from anyio import CancelScope, from_thread
from anyio.lowlevel import checkpoint_if_cancelled, current_token
from structlog.typing import FilteringBoundLogger

from poller.errors import SinkClosed
from poller.sink.batch import Batch
from poller.sink.output import Output
from poller.stats import EventStats

_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 5.0
_BATCH_LINES: Final = 500
"""A batch that has so many takes no more, even if others wait."""


class _Job:
    """Lines, and who waits for them in which event loop. They go out in a ``batch``, with others' ``behind`` them."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self.batch: Batch | None = None
        self.behind = 0
        self.error: Exception | None = None
        self.done = anyio.Event()
        self.token = current_token()

    @property
    def unwritten(self) -> int:
        """How many of the lines have not been written to their end."""
        unwritten = len(self.lines) if self.batch is None else self.batch.unwritten - self.behind
        return max(0, min(unwritten, len(self.lines)))


def _put_together(jobs: Sequence[_Job]) -> Batch:
    """Make one batch of all, so that a disk is waited for once."""
    batch = Batch(chain.from_iterable(job.lines for job in jobs))
    behind = 0
    for job in reversed(jobs):
        job.behind, job.batch = behind, batch
        behind += len(job.lines)
    return batch


class Sink:
    """Writes lines, none dropped and none torn, at whatever pace the output takes them.

    ``log`` is told of an output that fails for a while, from the sink's thread; ``pause`` waits between attempts, for
    some seconds. Everything else is to be called in the event loop.
    """

    def __init__(
        self,
        output: Output,
        stats: EventStats,
        *,
        log: FilteringBoundLogger,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._output = output
        self._stats = stats
        self._log = log
        self._left = Event()
        self._pause = pause or self._left.wait
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: dict[_Job, None] = {}
        self._failure: Exception | None = None
        self._trouble: OSError | None = None
        # A daemon, so that a process whose reader has stalled can still end.
        Thread(target=self._serve, name="event-sink", daemon=True).start()

    async def write(self, lines: Sequence[bytes]) -> None:
        """Return when all lines are written, and synced where they go to a file.

        Each line ends in its only newline. Not cancelled by anything but ``aclose``: a caller has then to wait,
        which is what bounds the lines in memory. Raises SinkClosed.
        """
        if self._failure is not None:
            self._stats.pending += len(lines)
            raise SinkClosed(str(self._failure)) from self._failure
        if not lines:
            return
        job = _Job(lines)
        self._waiting[job] = None
        self._stats.pending += len(lines)
        self._queue.put(job)
        with CancelScope(shield=True):
            await job.done.wait()
        if job.error is not None:
            await checkpoint_if_cancelled()
            raise job.error

    def check(self) -> None:
        """Raise SinkClosed if an earlier write found so, or if the reader has gone meanwhile. Never blocks."""
        if self._failure is not None:
            raise SinkClosed(str(self._failure)) from self._failure
        self._output.check()

    def obstacle(self) -> str:
        """Tell in words what keeps lines from being written, when something does."""
        if self._failure is not None:
            return str(self._failure)
        if self._trouble is not None:
            return f"{self._output.name}: {self._trouble.strerror}"
        return f"the reader of {self._output.name} has stalled"

    async def aclose(self, grace: float) -> int:
        """Wait up to ``grace`` seconds for what is being written, then let go. Returns the number of lines unwritten.

        Writes may still come in while it waits. Afterwards they, and those it stopped waiting for, raise SinkClosed, or
        their own cancellation; their lines stay pending. The thread may stay blocked: it does not keep the process from
        ending.
        """
        with anyio.move_on_after(grace, shield=True):
            while self._waiting:
                await next(iter(self._waiting)).done.wait()
        if not self._left.is_set():
            self._leave()
        return self._stats.pending

    def _leave(self) -> None:
        blocked = bool(self._waiting)
        self._failure = self._failure or SinkClosed(self.obstacle())
        for job in list(self._waiting):
            self._settle(job, self._failure)
        self._left.set()
        self._queue.put(None)
        if not blocked:
            self._output.close()

    def _settle(self, job: _Job, error: Exception | None) -> None:
        if job not in self._waiting:
            return  # given up meanwhile
        del self._waiting[job]
        written = len(job.lines) - job.unwritten
        self._stats.written += written
        self._stats.pending -= written
        self._failure = self._failure or error
        job.error = error
        job.done.set()

    def _serve(self) -> None:
        while jobs := self._next_jobs():
            error: Exception | None = None
            try:
                self._deliver(_put_together(jobs))
            except Exception as problem:  # noqa: BLE001 (raised in the waiting tasks: here it would leave them waiting)
                error = problem
            if self._left.is_set():
                return  # nobody waits any more, and the event loop may have ended
            with suppress(RuntimeError):  # the event loop has just ended, and whoever waited with it
                from_thread.run_sync(self._settle_all, jobs, error, token=jobs[0].token)

    def _next_jobs(self) -> list[_Job]:
        """Wait for a job, and take those that are there behind it; none once it is time to leave.

        A None behind jobs is not missed: whoever put it there has said so before.
        """
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if self._queue.empty() or sum(len(taken.lines) for taken in jobs) >= _BATCH_LINES:
                return jobs
            job = self._queue.get()
        return jobs

    def _settle_all(self, jobs: Sequence[_Job], error: Exception | None) -> None:
        for job in jobs:
            self._settle(job, error)

    def _deliver(self, batch: Batch) -> None:
        for delay in _delays():
            try:
                self._output.deliver(batch)
            except OSError as error:
                if self._trouble is None:
                    self._log.error("events cannot be written, trying again", output=self._output.name, why=str(error))
                self._trouble = error
                self._pause(delay)
                if self._left.is_set():
                    raise SinkClosed(f"{self._output.name}: {error.strerror}") from error
            else:
                break
        if self._trouble is not None:
            self._log.info("events are written again", output=self._output.name)
            self._trouble = None


def _delays() -> Iterator[float]:
    delay = _FIRST_DELAY
    while True:
        yield delay
        delay = min(2 * delay, _LONGEST_DELAY)
