"""When the state is saved, what is taken together, and what becomes of it when the disk is full."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from structlog.testing import CapturingLogger

from poller.checkpoint import Checkpoint, SaveLater, StateFile, Unsaved
from poller.stats import StateStats

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000.0


@dataclass
class Disk:
    """A store in memory that can be full; ``commits`` are those that succeeded, and whether each was durable."""

    name: str = "state"
    full: bool = False
    entries: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lines: dict[int, Sequence[bytes]] = field(default_factory=dict)
    commits: list[bool] = field(default_factory=list)
    closed: bool = False

    def outbox(self) -> list[tuple[int, list[bytes]]]:
        """Return the rows in order."""
        return [(number, list(lines)) for number, lines in sorted(self.lines.items())]

    def commit(self, unsaved: Unsaved, *, durable: bool) -> None:
        """Take all of it, if there is room."""
        if self.full:
            raise SaveLater("database or disk is full (SQLITE_FULL)")
        kept = {key: value for key, value in self.entries.items() if key[0] not in unsaved.forgotten}
        changed = {(scope, key): value for scope, of in unsaved.changes.items() for key, value in of.items()}
        self.entries = {key: value for key, value in {**kept, **changed}.items() if value is not None}
        self.lines |= unsaved.staged
        for number in unsaved.written:
            self.lines.pop(number, None)
        self.commits.append(durable)

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@dataclass
class Scope:
    """What a tracker is to a checkpoint: tells its changes once."""

    changes: dict[str, bytes | None] = field(default_factory=dict)

    def collect(self) -> Iterable[tuple[str, bytes | None]]:
        """Give what changed, and forget it."""
        changes, self.changes = self.changes, {}
        return changes.items()


@dataclass
class Gate:
    """A worker thread that begins only when it is let."""

    open: anyio.Event = field(default_factory=anyio.Event)
    begun: anyio.Event = field(default_factory=anyio.Event)

    async def run(self, work: Callable[[], None]) -> None:
        """Work once the gate is open."""
        self.begun.set()
        await self.open.wait()
        work()


async def inline(work: Callable[[], None]) -> None:
    """Work in the event loop."""
    work()


@dataclass
class Fixture:
    """A checkpoint, and all that it is made of."""

    disk: Disk = field(default_factory=Disk)
    stats: StateStats = field(default_factory=StateStats)
    log: CapturingLogger = field(default_factory=CapturingLogger)
    scope: Scope = field(default_factory=Scope)
    run_sync: Callable[[Callable[[], None]], Awaitable[None]] = inline

    def __post_init__(self) -> None:
        self.checkpoint = Checkpoint(
            self.disk,
            self.stats,
            log=cast("FilteringBoundLogger", self.log),
            wall=lambda: NOW,
            run_sync=self.run_sync,
        )
        self.checkpoint.attach("a", self.scope.collect)

    def said(self) -> list[tuple[str, str]]:
        """Return the level and text of what was logged."""
        return [(call.method_name, call.args[0]) for call in self.log.calls]


async def test_changes_lines_and_marks_are_saved_together() -> None:
    """A job that is called reported and the line that reports it are never parted."""
    made = Fixture(Disk(lines={7: [b"old\n"]}))
    (old,) = made.checkpoint.unsent()
    made.scope.changes = {"uj-1": b"reported"}
    made.checkpoint.stage([b"one\n", b"two\n"])
    made.checkpoint.written(old)
    assert await made.checkpoint.save()
    assert made.disk.entries == {("a", "uj-1"): b"reported"}
    assert made.disk.outbox() == [(8, [b"one\n", b"two\n"])]
    assert made.disk.commits == [True]


async def test_lines_leave_the_outbox_once_they_are_written() -> None:
    """The save after the writing takes them out, and need not outlive a loss of power: a repeat does no harm."""
    made = Fixture()
    staged = made.checkpoint.stage([b"one\n", b"two\n"])
    await made.checkpoint.save()
    made.checkpoint.written(staged)
    assert await made.checkpoint.save()
    assert made.disk.lines == {}
    assert made.disk.commits == [True, False]


async def test_nothing_to_save_costs_nothing() -> None:
    """The disk is left alone, and what it has is still all there is."""
    made = Fixture()
    assert await made.checkpoint.save()
    assert made.disk.commits == []
    assert made.stats.last_save == NOW


async def test_what_changes_during_a_commit_goes_with_the_next() -> None:
    """A commit takes one moment, and nothing of what follows."""
    gate = Gate()
    made = Fixture(run_sync=gate.run)
    made.scope.changes = {"k": b"1"}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.checkpoint.save)
        await gate.begun.wait()
        made.scope.changes = {"k": b"2"}
        made.checkpoint.stage([b"one\n"])
        gate.open.set()
    assert (made.disk.entries, made.disk.lines) == ({("a", "k"): b"1"}, {})
    await made.checkpoint.save()
    assert (made.disk.entries, made.disk.lines) == ({("a", "k"): b"2"}, {1: (b"one\n",)})


async def test_those_who_come_during_a_commit_share_the_next() -> None:
    """Two hundred targets that report at once wait for one sync, not for two hundred."""
    gate = Gate()
    made = Fixture(run_sync=gate.run)
    results: list[bool] = []

    async def save() -> None:
        made.checkpoint.stage([b"line\n"])
        results.append(await made.checkpoint.save())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        await gate.begun.wait()
        for _ in range(200):
            tasks.start_soon(save)
        await anyio.wait_all_tasks_blocked()
        gate.open.set()
    assert results == [True] * 201
    assert len(made.disk.lines) == 201
    assert made.disk.commits == [True, True]


async def test_those_who_share_a_save_share_its_failure() -> None:
    """A full disk is tried once for all of them."""
    gate = Gate()
    made = Fixture(Disk(full=True), run_sync=gate.run)
    made.scope.changes = {"k": b"1"}
    results: list[bool] = []

    async def save() -> None:
        results.append(await made.checkpoint.save())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        await gate.begun.wait()
        for _ in range(200):
            tasks.start_soon(save)
        await anyio.wait_all_tasks_blocked()
        gate.open.set()
    assert results == [False] * 201
    assert made.stats.failures == 2


async def test_a_commit_is_not_cancelled() -> None:
    """Nobody would know what is in the file."""
    gate = Gate()
    made = Fixture(run_sync=gate.run)
    made.scope.changes = {"k": b"1"}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(made.checkpoint.save)
        await gate.begun.wait()
        tasks.cancel_scope.cancel()
        gate.open.set()
    assert made.disk.entries == {("a", "k"): b"1"}
    assert made.stats.last_save == NOW


async def test_one_who_gives_up_waiting_holds_up_nobody() -> None:
    """The others of the same save still have it done."""
    gate = Gate()
    made = Fixture(run_sync=gate.run)
    made.scope.changes = {"k": b"1"}
    results: list[bool] = []

    async def save() -> None:
        results.append(await made.checkpoint.save())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        await gate.begun.wait()
        made.scope.changes = {"k": b"2"}
        async with anyio.create_task_group() as leaving:
            leaving.start_soon(save)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(save)
            await anyio.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        gate.open.set()
    assert results == [True, True]
    assert made.disk.entries == {("a", "k"): b"2"}


async def test_a_full_disk_loses_nothing() -> None:
    """What could not be saved goes with the next save, at its newest."""
    made = Fixture(Disk(full=True))
    made.scope.changes = {"k": b"1", "other": b"1"}
    written = made.checkpoint.stage([b"one\n"])
    assert not await made.checkpoint.save()
    made.scope.changes = {"k": b"2", "other": None}
    made.checkpoint.stage([b"two\n"])
    made.checkpoint.written(written)
    assert not await made.checkpoint.save()
    made.disk.full = False
    assert await made.checkpoint.save()
    assert made.disk.entries == {("a", "k"): b"2"}
    assert made.disk.lines == {2: (b"two\n",)}
    assert made.disk.commits == [True]


async def test_a_full_disk_is_said_once_and_counted_each_time() -> None:
    """An operator sees its beginning and its end, and a metric how long it lasts."""
    made = Fixture(Disk(full=True))
    # One that succeeds by chance ends nothing, and is no news.
    for full in (True, False, True, True, *[False] * 12):
        made.disk.full = full
        made.scope.changes = {"k": b"1"}
        await made.checkpoint.save()
    assert made.said() == [
        ("error", "the state cannot be saved, trying again"),
        ("info", "the state is saved again"),
    ]
    assert made.log.calls[0].kwargs == {"path": "state", "why": "database or disk is full (SQLITE_FULL)"}
    assert made.stats == StateStats(failures=3, last_save=NOW)


async def test_the_time_of_the_last_save_stands_while_none_succeeds() -> None:
    """Before the first there is none."""
    made = Fixture(Disk(full=True))
    made.scope.changes = {"k": b"1"}
    await made.checkpoint.save()
    assert made.stats.last_save is None


async def test_a_commit_that_crashes_takes_nothing_with_it() -> None:
    """The last save, on the way out, still has all of it."""
    made = Fixture()
    made.scope.changes = {"k": b"1"}

    async def crash(work: Callable[[], None]) -> None:
        raise ZeroDivisionError

    made.checkpoint._run_sync = crash
    with pytest.raises(ZeroDivisionError):
        await made.checkpoint.save()
    made.checkpoint._run_sync = inline
    await made.checkpoint.aclose()
    assert made.disk.entries == {("a", "k"): b"1"}


async def test_what_an_earlier_process_left_is_handed_over_once() -> None:
    """In the order it was staged and as it was, some hundred lines at a time."""
    lines = [b"%d\n" % number for number in range(1_001)]
    made = Fixture(Disk(lines={number: [line] for number, line in enumerate(lines, start=3)}))
    batches = made.checkpoint.unsent()
    assert [len(batch.lines) for batch in batches] == [500, 500, 1]
    assert [line for batch in batches for line in batch.lines] == lines
    assert made.checkpoint.unsent() == []
    for batch in batches:
        made.checkpoint.written(batch)
    await made.checkpoint.save()
    assert made.disk.lines == {}


async def test_what_was_staged_together_is_handed_over_together() -> None:
    """As many of such as make some hundred lines, and one that nothing fits to by itself."""
    staged = [[b"%d %d\n" % (count, number) for number in range(count)] for count in (100, 400, 1, 500, 3, 0)]
    made = Fixture(Disk(lines=dict(enumerate(staged, start=1))))
    batches = made.checkpoint.unsent()
    assert [list(batch.numbers) for batch in batches] == [[1, 2], [3], [4], [5, 6]]
    assert [line for batch in batches for line in batch.lines] == [line for lines in staged for line in lines]


async def test_many_lines_are_cut_into_rows() -> None:
    """None of which takes much memory, and they leave together."""
    made = Fixture()
    lines = [b"%d\n" % number for number in range(201)]
    staged = made.checkpoint.stage(lines)
    made.checkpoint.stage([b"next\n"])
    await made.checkpoint.save()
    assert [(number, len(row)) for number, row in made.disk.outbox()] == [(1, 100), (2, 100), (3, 1), (4, 1)]
    assert [line for _, row in made.disk.outbox()[:3] for line in row] == list(staged.lines) == lines
    made.checkpoint.written(staged)
    await made.checkpoint.save()
    assert made.disk.outbox() == [(4, [b"next\n"])]


async def test_nothing_staged_is_nothing_to_save() -> None:
    """It takes no row, and no number."""
    made = Fixture()
    made.checkpoint.written(made.checkpoint.stage([]))
    await made.checkpoint.save()
    assert made.disk.commits == []


async def test_a_scope_that_is_forgotten_loses_its_entries() -> None:
    """Attached or not, and with it what it had not saved yet."""
    made = Fixture(Disk(entries={("a", "old"): b"", ("b", "old"): b"", ("c", "old"): b""}))
    made.disk.full = True
    made.scope.changes = {"k": b"1"}
    await made.checkpoint.save()
    made.disk.full = False
    for scope in "ab":
        made.checkpoint.forget(scope)
    made.scope.changes = {"k": b"2"}
    await made.checkpoint.save()
    assert made.disk.entries == {("c", "old"): b""}


async def test_no_two_collect_for_one_scope() -> None:
    """They would overwrite each other."""
    made = Fixture()
    with pytest.raises(ValueError, match="'a' is attached already"):
        made.checkpoint.attach("a", made.scope.collect)


async def test_the_end_saves_what_is_left_and_closes() -> None:
    """Even when everything around it is cancelled."""
    made = Fixture()
    made.scope.changes = {"k": b"1"}
    with anyio.CancelScope() as scope:
        scope.cancel()
        await made.checkpoint.aclose()
    assert made.disk.entries == {("a", "k"): b"1"}
    assert made.disk.closed


async def test_an_end_that_cannot_save_says_so_and_closes() -> None:
    """The next process will know less, and an operator should know why."""
    made = Fixture(Disk(full=True))
    made.scope.changes = {"k": b"1"}
    await made.checkpoint.aclose()
    assert made.said()[-1] == ("error", "the last changes of the state are not saved")
    assert made.disk.closed


async def test_an_end_closes_although_a_scope_fails() -> None:
    """The log is brought into the file whatever happens."""
    made = Fixture()

    def fail() -> Iterable[tuple[str, bytes | None]]:
        raise ZeroDivisionError

    made.checkpoint.attach("b", fail)
    with pytest.raises(ZeroDivisionError):
        await made.checkpoint.aclose()
    assert made.disk.closed


async def test_a_real_file_and_a_real_thread(tmp_path: Path) -> None:
    """What one process saves, the next one finds and sends."""
    path = tmp_path / "state"
    log = cast("FilteringBoundLogger", CapturingLogger())
    scope = Scope({"k": b"1"})
    checkpoint = Checkpoint(StateFile.open(path), StateStats(), log=log, wall=lambda: NOW)
    checkpoint.attach("a", scope.collect)
    checkpoint.stage([b"one\n"])
    assert await checkpoint.save()
    await checkpoint.aclose()
    file = StateFile.open(path)
    assert dict(file.entries("a")) == {"k": b"1"}
    checkpoint = Checkpoint(file, StateStats(), log=log, wall=lambda: NOW)
    assert [list(batch.lines) for batch in checkpoint.unsent()] == [[b"one\n"]]
    await checkpoint.aclose()


def test_sqlite_is_imported_by_this_room_alone() -> None:
    """A poller without a state file does without it."""
    package = Path(__file__).parents[1] / "poller"
    importing = [each for each in package.rglob("*.py") if "import sqlite3" in each.read_text()]
    assert {each.parent.name for each in importing} == {"checkpoint"}
