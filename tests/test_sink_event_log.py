"""From news to lines."""

from collections.abc import Sequence

import msgspec
import pytest

from poller import events
from poller.errors import SinkClosed
from poller.models import Completion, Job, News, State, Target, Task, Unresolved
from poller.sink import EventLog

TARGET = Target(city_id="cn-hangzhou")


class FakeSink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []

    async def write(self, lines: Sequence[bytes]) -> None:
        """Take lines."""
        self.batches.append(list(lines))


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
    await EventLog(sink, execute_messages=execute_messages).report(TARGET, news)
    expected = [events.encode(events.compose(TARGET, item, execute_messages=execute_messages)) for item in news]
    assert sink.batches == [expected]
    assert (b"output" in expected[0]) is execute_messages


@pytest.mark.anyio
async def test_much_news_goes_out_in_batches() -> None:
    """What is encoded and not yet written is bounded."""
    sink = FakeSink()
    await EventLog(sink, execute_messages=False).report(TARGET, [_completion(number) for number in range(1_200)])
    assert [len(batch) for batch in sink.batches] == [500, 500, 200]
    ids = [msgspec.json.decode(line)["job_id"] for batch in sink.batches for line in batch]
    assert ids == [f"uj-{number}" for number in range(1_200)]


@pytest.mark.anyio
async def test_no_news_is_no_batch() -> None:
    """The sink is not asked."""
    sink = FakeSink()
    await EventLog(sink, execute_messages=False).report(TARGET, [])
    assert sink.batches == []


class ClosedSink:
    """Refuses lines, and counts them."""

    def __init__(self) -> None:
        self.refused = 0

    async def write(self, lines: Sequence[bytes]) -> None:
        """Refuse."""
        self.refused += len(lines)
        raise SinkClosed("stdout: Broken pipe")


@pytest.mark.anyio
async def test_a_closed_sink_is_told_of_every_line() -> None:
    """What is left unwritten is counted, beyond the first batch too."""
    sink = ClosedSink()
    with pytest.raises(SinkClosed):
        await EventLog(sink, execute_messages=False).report(TARGET, [_completion(number) for number in range(1200)])
    assert sink.refused == 1200
