"""From news to lines, by way of the outbox."""

from collections.abc import Sequence

import anyio
import msgspec
import pytest

from poller import events
from poller.errors import SinkClosed
from poller.models import Completion, Job, News, State, Target, Task, Unresolved
from poller.sink import EventLog, NoOutbox

TARGET = Target(city_id="cn-hangzhou")

Step = tuple[str, int]


class FakeSink:
    """Keeps what it is given; tells the diary how many lines."""

    def __init__(self, diary: list[Step] | None = None) -> None:
        self.batches: list[list[bytes]] = []
        self._diary = [] if diary is None else diary

    async def write(self, lines: Sequence[bytes]) -> None:
        """Take lines."""
        self.batches.append(list(lines))
        self._diary.append(("write", len(lines)))


class SlowSink(FakeSink):
    """Keeps those who write waiting until it may go on."""

    def __init__(self, diary: list[Step]) -> None:
        super().__init__(diary)
        self.go_on = anyio.Event()

    async def write(self, lines: Sequence[bytes]) -> None:
        """Wait, then take lines."""
        await self.go_on.wait()
        await super().write(lines)


class FakeOutbox:
    """Writes down what it is asked, in order; its disk may be full."""

    def __init__(self, diary: list[Step], *, full: bool = False) -> None:
        self.staged: list[list[bytes]] = []
        self._diary = diary
        self._full = full

    def stage(self, lines: Sequence[bytes]) -> int:
        """Take lines, and number the entry."""
        self.staged.append(list(lines))
        self._diary.append(("stage", len(lines)))
        return len(self.staged)

    async def save(self) -> bool:
        """Save, unless the disk is full."""
        self._diary.append(("save", len(self.staged)))
        return not self._full

    def written(self, entry: int) -> None:
        """Let go of an entry."""
        self._diary.append(("written", entry))


class ClosedSink:
    """Refuses lines while it is closed, and counts them."""

    def __init__(self) -> None:
        self.refused = 0
        self.closed = True

    async def write(self, lines: Sequence[bytes]) -> None:
        """Refuse, or take and forget."""
        if self.closed:
            self.refused += len(lines)
            raise SinkClosed("stdout: Broken pipe")


def _log(sink: FakeSink, *, execute_messages: bool = False) -> EventLog[None]:
    return EventLog(sink, NoOutbox(), execute_messages=execute_messages)


def _completion(number: int, state: State = State.SUCCESS) -> Completion:
    tasks = [Task("t", State.SUCCESS, execute_message="output")]
    return Completion(Job(f"uj-{number}", state, tasks=tasks), State.RUNNING, 1795482123.456)


@pytest.mark.anyio
@pytest.mark.parametrize("execute_messages", [True, False])
async def test_news_become_their_lines_in_one_batch(execute_messages: bool) -> None:  # noqa: FBT001 (drawn)
    """In their order, information and warnings alike."""
    sink = FakeSink()
    gone = Unresolved("uj-3", "", State.RUNNING, None, None, 1795482123.456)
    news: list[News] = [_completion(1), _completion(2, State.FAILED), gone]
    await _log(sink, execute_messages=execute_messages).report(TARGET, news)
    expected = [events.encode(events.compose(TARGET, item, execute_messages=execute_messages)) for item in news]
    assert sink.batches == [expected]
    assert (b"output" in expected[0]) is execute_messages


@pytest.mark.anyio
async def test_much_news_goes_out_in_batches() -> None:
    """What is on its way is bounded."""
    sink = FakeSink()
    await _log(sink).report(TARGET, [_completion(number) for number in range(1_200)])
    assert [len(batch) for batch in sink.batches] == [500, 500, 200]
    ids = [msgspec.json.decode(line)["job_id"] for batch in sink.batches for line in batch]
    assert ids == [f"uj-{number}" for number in range(1_200)]


@pytest.mark.anyio
async def test_no_news_is_no_batch() -> None:
    """The sink is not asked."""
    sink = FakeSink()
    await _log(sink).report(TARGET, [])
    assert sink.batches == []


@pytest.mark.anyio
async def test_news_that_cannot_be_composed_leaves_nothing_to_be_told_with_other_news() -> None:
    """A job that has not ended has no event: that is a bug, and what was composed before it is not its neighbour's."""
    sink = FakeSink()
    log = _log(sink)
    with pytest.raises(KeyError):
        await log.report(TARGET, [_completion(1), _completion(2, State.RUNNING)])
    await log.report(TARGET, [_completion(3)])
    [[line]] = sink.batches
    assert msgspec.json.decode(line)["job_id"] == "uj-3"


@pytest.mark.anyio
async def test_lines_are_saved_before_they_are_written_and_let_go_after() -> None:
    """A kill at any point between leaves them in the file, or has them written."""
    diary: list[Step] = []
    sink, outbox = FakeSink(diary), FakeOutbox(diary)
    await EventLog(sink, outbox, execute_messages=False).report(TARGET, [_completion(number) for number in range(700)])
    assert diary == [("stage", 700), ("save", 1), ("write", 500), ("write", 200), ("written", 1), ("save", 1)]
    assert outbox.staged == [[line for batch in sink.batches for line in batch]]


def test_lines_are_staged_before_anything_else_can_run() -> None:
    """Another task that saves what is known of the jobs, as it may at the first await, must save their lines."""
    diary: list[Step] = []
    reporting = EventLog(FakeSink(), FakeOutbox(diary), execute_messages=False).report(TARGET, [_completion(1)])
    with pytest.raises(StopIteration):
        reporting.send(None)  # nothing of the fakes waits, so that what is awaited first would show here
    assert diary[0] == ("stage", 1)


@pytest.mark.anyio
async def test_events_do_not_wait_for_a_disk_to_have_room() -> None:
    """A save that fails for now keeps no line from being written."""
    diary: list[Step] = []
    sink = FakeSink(diary)
    await EventLog(sink, FakeOutbox(diary, full=True), execute_messages=False).report(TARGET, [_completion(1)])
    assert diary == [("stage", 1), ("save", 1), ("write", 1), ("written", 1), ("save", 1)]


@pytest.mark.anyio
async def test_lines_of_an_earlier_process_are_written_as_they_are() -> None:
    """They are in the outbox already, and leave it then."""
    diary: list[Step] = []
    sink, outbox = FakeSink(diary), FakeOutbox(diary)
    lines = [b"%d\n" % number for number in range(501)]
    await EventLog(sink, outbox, execute_messages=False).write(lines, 7)
    assert sink.batches == [lines[:500], lines[500:]]
    assert diary == [("write", 500), ("write", 1), ("written", 7), ("save", 0)]


@pytest.mark.anyio
async def test_the_last_of_several_reports_lets_go_for_all() -> None:
    """A save for each would only have the others wait."""
    diary: list[Step] = []
    sink, outbox = SlowSink(diary), FakeOutbox(diary)
    log = EventLog(sink, outbox, execute_messages=False)
    async with anyio.create_task_group() as group:
        group.start_soon(log.report, TARGET, [_completion(1)])
        group.start_soon(log.report, TARGET, [_completion(number) for number in (2, 3)])
        await anyio.wait_all_tasks_blocked()
        assert [step for step, _ in diary] == ["stage", "save", "stage", "save"]
        sink.go_on.set()
    assert [step for step, _ in diary[4:]] == ["write", "written", "write", "written", "save"]


@pytest.mark.anyio
async def test_a_report_that_failed_is_not_waited_for() -> None:
    """The next one lets go for itself."""
    diary: list[Step] = []
    sink, outbox = ClosedSink(), FakeOutbox(diary)
    log = EventLog(sink, outbox, execute_messages=False)
    with pytest.raises(SinkClosed):
        await log.report(TARGET, [_completion(1)])
    sink.closed = False
    await log.report(TARGET, [_completion(2)])
    assert [step for step, _ in diary] == ["stage", "save", "stage", "save", "written", "save"]


@pytest.mark.anyio
async def test_a_closed_sink_is_told_of_every_line() -> None:
    """What is left unwritten is counted, beyond the first batch too, and stays in the outbox."""
    diary: list[Step] = []
    sink = ClosedSink()
    with pytest.raises(SinkClosed):
        await EventLog(sink, FakeOutbox(diary), execute_messages=False).report(
            TARGET, [_completion(number) for number in range(1200)]
        )
    assert sink.refused == 1200
    assert diary == [("stage", 1200), ("save", 1)]
