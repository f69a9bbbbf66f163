"""Where event lines go, and where state is kept, with all that can befall them."""

import errno
import os
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

import anyio

from poller.checkpoint import SaveLater
from poller.sink.batch import Batch
from poller.sink.stream import Stream
from poller.stats import EventStats
from tests.simulation.fuse import Fuse

Result = TypeVar("Result")

_NOWHERE: Final = os.open(os.devnull, os.O_WRONLY)


class Stdout:
    """What a reader has received, over all lives. Writes are short, slow or refused as the seed will have it."""

    def __init__(self, rng: Random, *, trouble: float, happened: Counter[str]) -> None:
        self.data = bytearray()
        self._rng = rng
        self._trouble = trouble
        self._happened = happened

    def reopen(self) -> int:
        """Begin a life: what the last one tore is a line of its own. Return where the new life's lines begin."""
        if self.data and not self.data.endswith(b"\n"):
            self._happened["a line was torn by a kill"] += 1
            self.data += b"\n"
        return len(self.data)

    def write(self, chunk: bytes, fuse: Fuse) -> int:
        """Take a part of a chunk, or none of it."""
        fuse.step("before a write")
        if self._rng.random() >= self._trouble:
            self.data += chunk
            fuse.step("after a write")
            return len(chunk)
        if self._rng.random() < 0.3:
            self._happened["a write was refused"] += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = self._rng.randrange(1, len(chunk) + 1)
        self._happened["a write was short"] += count < len(chunk)
        self.data += chunk[:count]
        fuse.step("within a write")
        return count


class Outlet:
    """One life's sink, without the thread: the same batches and the same stream, on the virtual clock."""

    def __init__(self, stdout: Stdout, fuse: Fuse, stats: EventStats, *, delay: Callable[[], float]) -> None:
        self._stream = Stream(_NOWHERE, "stdout", write=lambda _fd, chunk: stdout.write(chunk, fuse))
        self._stats = stats
        self._delay = delay
        self._lock = anyio.Lock()

    async def write(self, lines: Sequence[bytes]) -> None:
        """Return when all lines are written, however often that is refused. Not cancelled, as the sink is not."""
        self._stats.pending += len(lines)
        with anyio.CancelScope(shield=True):
            await self._write(lines)
        self._stats.pending -= len(lines)
        self._stats.written += len(lines)

    async def _write(self, lines: Sequence[bytes]) -> None:
        async with self._lock:
            await anyio.sleep(self._delay())
            batch = Batch(lines)
            while batch.unwritten:
                try:
                    self._stream.deliver(batch)
                except OSError:
                    await anyio.sleep(1)


class Disk:
    """Runs what a state file does, in place of a thread. It is full while the seed says so."""

    def __init__(
        self, fuse: Fuse, *, full: Callable[[], bool], delay: Callable[[], float], happened: Counter[str]
    ) -> None:
        self._fuse = fuse
        self._full = full
        self._delay = delay
        self._happened = happened

    async def run(self, commit: Callable[..., Result], *args: object) -> Result:
        """Commit, or fail for want of room."""
        self._fuse.step("before a commit")
        await anyio.sleep(self._delay())
        if self._full():
            self._happened["a commit failed"] += 1
            raise SaveLater("database or disk is full")
        result = commit(*args)
        self._fuse.step("after a commit")
        return result
