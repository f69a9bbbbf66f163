"""The one thread that writes to stderr, and a bounded queue before it."""

import os
import select
from collections.abc import Callable
from queue import Full, Queue
from threading import Lock, Thread
from typing import Final

QUEUED_LINES: Final = 1_000


class Outlet:
    """Takes lines without ever waiting. Where the reader has stalled, lines past the queue are dropped and counted.

    ``notice`` makes the line that says how many were dropped, written when it flows again; ``write`` is ``os.write``.
    """

    def __init__(
        self,
        fd: int,
        *,
        notice: Callable[[int], bytes],
        capacity: int = QUEUED_LINES,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self._fd = fd
        self._notice = notice
        self._write = write
        self._queue: Queue[bytes | None] = Queue(capacity)
        self._dropped = 0
        self._lock = Lock()
        self._thread = Thread(target=self._serve, name="diagnostics", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Queue a line, or drop it. Never waits."""
        try:
            self._queue.put_nowait(line)
        except Full:
            with self._lock:
                self._dropped += 1

    def flush(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until all is written; tell whether it is."""
        with self._queue.all_tasks_done:
            return self._queue.all_tasks_done.wait_for(lambda: not self._queue.unfinished_tasks, timeout)

    def close(self, timeout: float) -> None:
        """Flush, and end the thread if it is not blocked."""
        if self.flush(timeout):
            self._queue.put_nowait(None)
            self._thread.join(timeout)

    def _serve(self) -> None:
        while (line := self._queue.get()) is not None:
            self._write_out(line)
            if dropped := self._take_dropped():
                self._write_out(self._notice(dropped))
            self._queue.task_done()
        self._queue.task_done()

    def _take_dropped(self) -> int:
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def _write_out(self, line: bytes) -> None:
        while line:
            try:
                line = line[self._write(self._fd, line) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll()
            except OSError:
                return  # stderr is closed or full, and there is no other place to say so
