"""What an earlier process has left, handed to those whom it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from poller.daemon import Memory
from poller.daemon.memory import Collect
from poller.errors import SinkClosed

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Entry:
    """Lines of an outbox."""

    lines: Sequence[bytes]


@dataclass
class Checkpoint:
    """Writes down what it is asked."""

    left: list[Entry] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def attach(self, scope: str, collect: Collect) -> None:
        """Take the name, and what has changed by now."""
        self.asked.append(f"attach {scope} {list(collect())}")

    def forget(self, scope: str) -> None:
        """Take the name."""
        self.asked.append(f"forget {scope}")

    def unsent(self) -> list[Entry]:
        """Hand over what is left, once."""
        left, self.left = self.left, []
        return left

    async def save(self) -> bool:
        """Fail."""
        self.asked.append("save")
        return False

    async def aclose(self) -> None:
        """Take note."""
        self.asked.append("aclose")


@dataclass
class Writes:
    """Keeps what it is to write, and for which entry; nobody may be reading any more."""

    closed: bool = False
    written: list[tuple[Sequence[bytes], Entry]] = field(default_factory=list)

    async def write(self, lines: Sequence[bytes], entry: Entry) -> None:
        """Take lines."""
        if self.closed:
            raise SinkClosed("stdout: Broken pipe")
        self.written.append((lines, entry))


async def test_a_scope_is_handed_over_once() -> None:
    """A target that comes back later has made new entries since."""
    memory = Memory(Checkpoint(), Writes(), {"a": [("k", b"v")], "b": []})
    assert [memory.take("a"), memory.take("a"), memory.take("c")] == [[("k", b"v")], [], []]


async def test_lines_are_written_as_they_are_and_in_their_order() -> None:
    """Each for the entry that it leaves the outbox by, and no second time."""
    entries = [Entry([b"one\n", b"two\n"]), Entry([b"three\n"])]
    writes = Writes()
    memory = Memory(Checkpoint(left=list(entries)), writes, {})
    with capture_logs() as logs:
        await memory.resend()
        await memory.resend()
    assert writes.written == [(entry.lines, entry) for entry in entries]
    assert [log["events"] for log in logs] == [2, 1]


async def test_nothing_left_is_nothing_written_and_nothing_said() -> None:
    """Most starts are such."""
    writes = Writes()
    with capture_logs() as logs:
        await Memory(Checkpoint(), writes, {}).resend()
    assert (writes.written, logs) == ([], [])


async def test_a_reader_that_has_gone_is_told() -> None:
    """What is owed to it stays in the outbox."""
    with pytest.raises(SinkClosed):
        await Memory(Checkpoint(left=[Entry([b"one\n"])]), Writes(closed=True), {}).resend()


async def test_the_rest_is_the_checkpoints() -> None:
    """What changes, what is gone, and when to save."""
    checkpoint = Checkpoint()
    memory = Memory(checkpoint, Writes(), {})
    memory.attach("a", lambda: [("k", None)])
    memory.forget("b")
    assert await memory.save() is False
    await memory.aclose()
    assert checkpoint.asked == ["attach a [('k', None)]", "forget b", "save", "aclose"]
