"""The sink: nothing dropped, nothing torn, and nobody blocked but its own thread."""

import errno
import fcntl
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
import pytest
from structlog.testing import CapturingLogger

from poller.errors import SinkClosed
from poller.sink import Batch, Output, Sink, Stream
from poller.stats import EventStats

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LINES = [b'{"job_id":"uj-%d"}\n' % number for number in range(2_000)]


class Pipe:
    """A pipe whose reader does what the test says."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.filling = 0

    def fill(self) -> None:
        """Leave no room in it, as a reader does that has stalled."""
        os.set_blocking(self.writer, False)
        try:
            while True:
                self.filling += os.write(self.writer, b"\0" * 4096)
        except BlockingIOError:
            os.set_blocking(self.writer, True)

    def read(self, count: int) -> bytes:
        """Return the next bytes written after the filling, waiting for them."""
        chunks = []
        wanted = self.filling + count
        while wanted and (chunk := os.read(self.reader, wanted)):
            chunks.append(chunk)
            wanted -= len(chunk)
        return b"".join(chunks)[self.filling :]

    def hang_up(self) -> None:
        """Close the reader's end."""
        if self.reader >= 0:
            os.close(self.reader)
        self.reader = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """Give a pipe. Its writer's end stays open, since the sink's thread may still be blocked on it."""
    pipe = Pipe()
    yield pipe
    pipe.hang_up()


@pytest.fixture
def stats() -> EventStats:
    """Give counters that start at nothing."""
    return EventStats()


class FakeOutput:
    """An output that raises what it is told to, once each, and then takes everything."""

    name = "fake"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.taken: list[bytes] = []
        self.closed = 0

    def deliver(self, batch: Batch) -> None:
        """Take a batch, or raise."""
        if self.errors:
            raise self.errors.pop(0)
        while chunk := batch.chunk(100):
            self.taken.append(chunk)
            batch.offset += len(chunk)

    def check(self) -> None:
        """Find nothing wrong."""

    def close(self) -> None:
        """Count how often it was let go of."""
        self.closed += 1


def _sink(output: Output, stats: EventStats, **options: Any) -> Sink:  # noqa: ANN401 (passed on)
    return Sink(output, stats, log=cast("FilteringBoundLogger", CapturingLogger()), **options)


@pytest.mark.anyio
async def test_lines_are_written_when_write_returns(pipe: Pipe, stats: EventStats) -> None:
    """A caller may then mark them as reported."""
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    await sink.write([b"one\n", b"two\n"])
    assert pipe.read(8) == b"one\ntwo\n"
    assert (stats.written, stats.pending) == (2, 0)
    assert await sink.aclose(1) == 0


@pytest.mark.anyio
async def test_no_lines_need_no_writing(stats: EventStats) -> None:
    """The output is not asked."""
    output = FakeOutput(RuntimeError("asked"))
    sink = _sink(output, stats)
    await sink.write([])
    assert await sink.aclose(1) == 0
    assert output.closed == 1


@pytest.mark.anyio
async def test_a_stalled_reader_makes_writers_wait_and_nobody_else(pipe: Pipe, stats: EventStats) -> None:
    """The event loop turns meanwhile; once the reader goes on, every line arrives, in order."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    returned: list[int] = []

    async def write(start: int) -> None:
        await sink.write(LINES[start : start + 1_000])
        returned.append(start)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, 0)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(write, 1_000)
        await anyio.wait_all_tasks_blocked()
        assert returned == []
        assert (stats.written, stats.pending) == (0, 2_000)
        received = await anyio.to_thread.run_sync(pipe.read, len(b"".join(LINES)))
    assert received == b"".join(LINES)
    assert returned == [0, 1_000]
    assert (stats.written, stats.pending) == (2_000, 0)
    await sink.aclose(1)


@pytest.mark.anyio
async def test_a_cancelled_write_is_written_all_the_same(pipe: Pipe, stats: EventStats) -> None:
    """Write-and-mark is one: a caller that was cancelled in between would report twice."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    marked = False

    async def write_and_mark() -> None:
        nonlocal marked
        await sink.write(LINES)
        marked = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write_and_mark)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            received = await anyio.to_thread.run_sync(pipe.read, len(b"".join(LINES)))
            assert await sink.aclose(10) == 0
    assert received == b"".join(LINES)
    assert marked


@pytest.mark.anyio
async def test_a_reader_that_closes_is_told_to_whoever_waits(pipe: Pipe, stats: EventStats) -> None:
    """And to whoever writes or asks later."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    problems: list[str] = []

    async def write() -> None:
        with pytest.raises(SinkClosed) as caught:
            await sink.write(LINES)
        problems.append(str(caught.value))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        pipe.hang_up()
    assert problems == ["pipe: Broken pipe"] * 2
    with pytest.raises(SinkClosed, match="pipe: Broken pipe"):
        await sink.write(LINES)
    with pytest.raises(SinkClosed, match="pipe: Broken pipe"):
        sink.check()
    assert await sink.aclose(1) == 6_000


@pytest.mark.anyio
async def test_an_idle_sink_notices_that_its_reader_has_gone(pipe: Pipe, stats: EventStats) -> None:
    """There may be no event for hours, and nobody to read the next."""
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    sink.check()
    pipe.hang_up()
    with pytest.raises(SinkClosed, match="pipe: its reader has closed it"):
        sink.check()
    await sink.aclose(1)


@pytest.mark.anyio
async def test_closing_stops_waiting_after_its_grace(pipe: Pipe, stats: EventStats) -> None:
    """It tells how many lines are left; what arrived before is whole."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)

    async def write() -> None:
        with pytest.raises(SinkClosed, match="the reader of pipe has stalled"):
            await sink.write(LINES)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        await anyio.wait_all_tasks_blocked()
        assert await sink.aclose(0.01) == 2_000
        assert await sink.aclose(0.01) == 2_000
    with pytest.raises(SinkClosed):
        await sink.write(LINES)
    assert stats.pending == 4_000, "what comes too late is unwritten as well"


@pytest.mark.anyio
async def test_a_write_given_up_at_exit_ends_as_its_cancellation(pipe: Pipe, stats: EventStats) -> None:
    """A daemon that cancels its tasks sees no error of theirs on top."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, LINES)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        assert await sink.aclose(0) == 2_000


@pytest.mark.anyio
async def test_closing_lets_a_running_write_end(pipe: Pipe, stats: EventStats) -> None:
    """A reader that is slow within the grace gets everything."""
    pipe.fill()
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    left: list[int] = []

    async def close() -> None:
        left.append(await sink.aclose(10))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, LINES)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        await anyio.to_thread.run_sync(pipe.read, len(b"".join(LINES)))
    assert left == [0]


@pytest.mark.anyio
async def test_an_output_that_fails_for_a_while_is_tried_again(stats: EventStats) -> None:
    """Ever more slowly; it is said once that it failed and once that it works again, and nothing is dropped."""
    output = FakeOutput(*[OSError(errno.ENOSPC, "No space left on device")] * 8)
    log = CapturingLogger()
    delays: list[float] = []
    sink = Sink(output, stats, log=cast("FilteringBoundLogger", log), pause=delays.append)
    await sink.write(LINES)
    assert b"".join(output.taken) == b"".join(LINES)
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [(call.method_name, call.args[0]) for call in log.calls] == [
        ("error", "events cannot be written, trying again"),
        ("info", "events are written again"),
    ]
    assert await sink.aclose(1) == 0


@pytest.mark.anyio
async def test_closing_ends_the_trying(stats: EventStats) -> None:
    """A full disk does not keep the process."""
    output = FakeOutput(*[OSError(errno.ENOSPC, "No space left on device")] * 1_000)
    sink = _sink(output, stats)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, LINES)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        assert await sink.aclose(0) == 2_000
    assert output.taken == []


@pytest.mark.anyio
async def test_a_bug_in_the_thread_is_raised_where_it_is_waited_for(stats: EventStats) -> None:
    """Kept in the thread, it would be waited for in vain."""
    sink = _sink(FakeOutput(ZeroDivisionError("a bug")), stats)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await sink.write(LINES)
    assert await sink.aclose(1) == 2_000


def test_a_short_write_continues_at_its_byte(pipe: Pipe) -> None:
    """Whatever the output takes at a time."""
    stream = Stream(pipe.writer, "pipe", write=lambda fd, chunk: os.write(fd, chunk[:3]))
    stream.deliver(Batch([b"12345\n", b"67\n"]))
    assert pipe.read(9) == b"12345\n67\n"


def test_a_pipe_is_given_no_more_than_it_takes_whole(pipe: Pipe) -> None:
    """Whole lines up to PIPE_BUF, so that leaving a stalled reader tears none of them; a longer line goes alone."""
    chunks: list[bytes] = []

    def write(_fd: int, chunk: bytes) -> int:
        chunks.append(chunk)
        return len(chunk)

    lines = [b"a" * 3_000 + b"\n", b"b" * 1_000 + b"\n", b"c" * 200 + b"\n", b"d" * 9_000 + b"\n", b"e\n"]
    Stream(pipe.writer, "pipe", write=write).deliver(Batch(lines))
    assert chunks == [lines[0] + lines[1], lines[2], lines[3], lines[4]]


@pytest.mark.anyio
async def test_a_descriptor_that_somebody_made_non_blocking_is_waited_for(pipe: Pipe, stats: EventStats) -> None:
    """And left as it is, since it is shared."""
    pipe.fill()
    os.set_blocking(pipe.writer, False)
    sink = _sink(Stream(pipe.writer, "pipe"), stats)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, LINES)
        await anyio.wait_all_tasks_blocked()
        assert await anyio.to_thread.run_sync(pipe.read, len(b"".join(LINES))) == b"".join(LINES)
    assert fcntl.fcntl(pipe.writer, fcntl.F_GETFL) & os.O_NONBLOCK
    await sink.aclose(1)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.EPIPE, SinkClosed), (errno.EBADF, SinkClosed), (errno.ENOSPC, OSError), (errno.EIO, SinkClosed)],
)
def test_errors_of_a_stream_say_whether_trying_again_helps(pipe: Pipe, number: int, expected: type[Exception]) -> None:
    """A full disk may be mended; a reader that has gone does not come back."""

    def write(_fd: int, _chunk: bytes) -> int:
        raise OSError(number, os.strerror(number))

    with pytest.raises(expected, match=os.strerror(number)):
        Stream(pipe.writer, "pipe", write=write).deliver(Batch([b"a\n"]))


def test_a_batch_knows_how_far_it_has_come() -> None:
    """In whole lines, and in bytes of one that is torn."""
    batch = Batch([b"abc\n", b"defg\n"])
    assert [(batch.unwritten, batch.torn)] == [(2, 0)]
    batch.offset = 6
    assert [(batch.unwritten, batch.torn)] == [(1, 2)]
    assert batch.chunk(1) == b"fg\n"
    batch.offset = 9
    assert (batch.unwritten, batch.torn, batch.chunk(1)) == (0, 0, b"")
