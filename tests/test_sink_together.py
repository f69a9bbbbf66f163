"""Lines that wait while others are written: they go out together."""

from threading import Event
from typing import TYPE_CHECKING, cast

import anyio
import anyio.to_thread
import pytest
from anyio.abc import TaskGroup
from structlog.testing import CapturingLogger

from poller.errors import SinkClosed
from poller.sink import Batch, Sink
from poller.stats import EventStats

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

pytestmark = pytest.mark.anyio


class BusyOutput:
    """Is busy with its first batch until it may go on; of the second it takes so many bytes and is closed then."""

    name = "fake"

    def __init__(self, *, takes: int | None = None) -> None:
        self.began = Event()
        self.go_on = Event()
        self.batches: list[bytes] = []
        self._takes = takes

    def deliver(self, batch: Batch) -> None:
        """Take a batch, once that is possible."""
        self.began.set()
        self.go_on.wait()
        data = batch.chunk(100_000)
        self.batches.append(data)
        if self._takes is not None and len(self.batches) > 1:
            batch.offset += self._takes
            raise SinkClosed("fake: closed")
        batch.offset += len(data)

    def check(self) -> None:
        """Find nothing wrong."""

    def close(self) -> None:
        """Do nothing."""


class Writers:
    """Those who write to one sink, and what became of their lines."""

    def __init__(self, output: BusyOutput) -> None:
        self.output = output
        self.stats = EventStats()
        self.sink = Sink(output, self.stats, log=cast("FilteringBoundLogger", CapturingLogger()))
        self.closed: list[bytes] = []

    async def _write(self, *lines: bytes) -> None:
        try:
            await self.sink.write(lines)
        except SinkClosed:
            self.closed += lines

    async def wait(self, tasks: TaskGroup, *pages: tuple[bytes, ...]) -> None:
        """Write each, and return when the output is busy with the first, and the others wait."""
        for lines in pages:
            tasks.start_soon(self._write, *lines)
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(self.output.began.wait)

    async def write(self, *pages: tuple[bytes, ...]) -> None:
        """Write each, all at a time."""
        async with anyio.create_task_group() as tasks:
            await self.wait(tasks, *pages)
            self.output.go_on.set()


async def test_lines_that_wait_go_out_as_one_batch() -> None:
    """A disk is then waited for once; each writer is told when its own are written."""
    writers = Writers(BusyOutput())
    await writers.write((b"a\n",), (b"b\n", b"c\n"), (b"d\n",))
    assert writers.output.batches == [b"a\n", b"b\nc\nd\n"]
    assert (writers.stats.written, writers.stats.pending, writers.closed) == (4, 0, [])
    assert await writers.sink.aclose(1) == 0


async def test_no_more_lines_are_put_together_than_a_batch_has() -> None:
    """The rest goes out next."""
    writers = Writers(BusyOutput())
    many = tuple(b"%d\n" % number for number in range(300))
    await writers.write((b"a\n",), many, many, (b"b\n",))
    assert writers.output.batches == [b"a\n", b"".join(many) * 2, b"b\n"]
    assert await writers.sink.aclose(1) == 0


@pytest.mark.parametrize(("takes", "written"), [(0, 1), (1, 1), (2, 2), (5, 3), (6, 4), (8, 5)])
async def test_lines_are_counted_each_where_a_batch_of_several_is_broken_off(takes: int, written: int) -> None:
    """Whoever has lines in it is told that the output is closed."""
    writers = Writers(BusyOutput(takes=takes))
    await writers.write((b"a\n",), (b"b\n", b"c\n"), (b"d\n", b"e\n"))
    assert (writers.stats.written, writers.stats.pending) == (written, 5 - written)
    assert sorted(writers.closed) == [b"b\n", b"c\n", b"d\n", b"e\n"]
    assert await writers.sink.aclose(1) == 5 - written


async def test_lines_that_wait_behind_a_blocked_output_are_given_up_with_it() -> None:
    """None of them has been written."""
    writers = Writers(BusyOutput())
    async with anyio.create_task_group() as tasks:
        await writers.wait(tasks, (b"a\n",), (b"b\n", b"c\n"))
        assert await writers.sink.aclose(0) == 3
    assert sorted(writers.closed) == [b"a\n", b"b\n", b"c\n"]
    writers.output.go_on.set()
