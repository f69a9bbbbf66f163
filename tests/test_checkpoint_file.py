"""The state file itself: what goes in comes out, after any failure."""

import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from poller.checkpoint import SaveLater, StateFile, Unsaved


def unsaved(
    changes: Mapping[tuple[str, str], bytes | None] | None = None,
    *,
    staged: Mapping[int, Sequence[bytes]] | None = None,
    written: set[int] | None = None,
    forgotten: set[str] | None = None,
) -> Unsaved:
    """Make what a commit takes."""
    made = Unsaved()
    for (scope, key), value in (changes or {}).items():
        made.change(scope, [(key, value)])
    made.staged = dict(staged or {})
    made.written = written or set()
    made.forgotten = forgotten or set()
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def file(path: Path) -> Iterator[StateFile]:
    """Give a new state file."""
    file = StateFile.open(path)
    yield file
    file.close()


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """Let no file of this process grow beyond what this one has."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def reopened(file: StateFile, path: Path) -> StateFile:
    """Close a file and open it as the next process would."""
    file.close()
    return StateFile.open(path)


def test_a_new_file_is_empty_and_private(file: StateFile, path: Path) -> None:
    """Event lines in it may hold secrets."""
    assert (file.scopes(), list(file.entries("a")), file.outbox()) == ([], [], [])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_a_new_state(path: Path) -> None:
    """Some mount an empty file into a container to have it written to."""
    path.touch()
    file = StateFile.open(path)
    file.commit(unsaved({("a", "k"): b"v"}), durable=False)
    file.close()
    assert path.stat().st_size > 0


def test_entries_and_lines_are_there_after_a_restart(file: StateFile, path: Path) -> None:
    """Which is what it is for."""
    file.commit(unsaved({("a", "k"): b"v", ("b", "k"): b"\0"}, staged={1: [b"one\n"], 2: [b"two\n"]}), durable=True)
    file = reopened(file, path)
    assert {scope: dict(file.entries(scope)) for scope in file.scopes()} == {"a": {"k": b"v"}, "b": {"k": b"\0"}}
    assert file.outbox() == [(1, [b"one\n"]), (2, [b"two\n"])]
    file.close()


def test_a_commit_changes_and_deletes(file: StateFile) -> None:
    """A newer value takes the place of the older, None deletes, and what is written leaves the outbox."""
    file.commit(unsaved({("a", "k"): b"1", ("a", "gone"): b"1"}, staged={1: [b"one\n"], 2: [b"two\n"]}), durable=True)
    file.commit(unsaved({("a", "k"): b"2", ("a", "gone"): None}, written={1}), durable=False)
    assert dict(file.entries("a")) == {"k": b"2"}
    assert file.outbox() == [(2, [b"two\n"])]


def test_a_scope_is_forgotten_before_it_is_changed(file: StateFile) -> None:
    """One that comes back begins anew, and no other loses anything."""
    file.commit(unsaved({("a", "old"): b"", ("b", "old"): b""}), durable=False)
    file.commit(unsaved({("a", "new"): b""}, forgotten={"a"}), durable=False)
    assert {scope: dict(file.entries(scope)) for scope in file.scopes()} == {"a": {"new": b""}, "b": {"old": b""}}


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "城市", "\ud800"])
def test_any_text_can_be_a_scope_and_a_key(file: StateFile, text: str) -> None:
    """A lone surrogate too: it comes from an environment or an answer that is not quite UTF-8."""
    file.commit(unsaved({(text, text): b"v"}), durable=False)
    assert file.scopes() == [text]
    assert list(file.entries(text)) == [(text, b"v")]


def test_what_is_staged_outlives_a_loss_of_power(file: StateFile) -> None:
    """SQLite syncs such a commit before it returns, and no other."""
    statements: list[str] = []
    file._db.set_trace_callback(statements.append)
    for _ in range(2):  # it stands until it has to be another
        file.commit(unsaved(staged={1: [b"one\n"]}), durable=True)
    for _ in range(2):
        file.commit(unsaved({("a", "k"): b""}), durable=False)
    assert [each for each in statements if "synchronous" in each] == [
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
    ]
    assert list(file._db.execute("PRAGMA journal_mode")) == [("wal",)]


def test_a_commit_that_fails_leaves_nothing_behind(file: StateFile, path: Path) -> None:
    """A disk that is full in the middle of it is as if it had not begun."""
    file.commit(unsaved({("a", "k"): b"1"}, staged={1: [b"one\n"]}), durable=True)
    big = unsaved({("a", "k"): b"2", ("a", "big"): bytes(100_000)}, written={1})
    with no_room(path), pytest.raises(SaveLater, match="SQLITE_"):
        file.commit(big, durable=False)
    assert (dict(file.entries("a")), file.outbox()) == ({"k": b"1"}, [(1, [b"one\n"])])


def test_a_commit_that_failed_can_be_tried_again(file: StateFile, path: Path) -> None:
    """The same file heals once there is room."""
    big = unsaved({("a", "big"): bytes(100_000)}, staged={1: [b"one\n"]})
    with no_room(path):
        for _ in range(3):
            with pytest.raises(SaveLater):
                file.commit(big, durable=True)
    file.commit(big, durable=True)
    file = reopened(file, path)
    assert (dict(file.entries("a")), file.outbox()) == ({"big": bytes(100_000)}, [(1, [b"one\n"])])
    file.close()


def test_a_log_whose_sync_may_have_failed_is_not_relied_on(file: StateFile, path: Path) -> None:
    """The kernel reports a lost page once, so after a failure the log is brought into the file."""
    file.commit(unsaved({("a", "k"): b"1"}), durable=False)
    with no_room(path), pytest.raises(SaveLater):
        file.commit(unsaved({("a", "big"): bytes(100_000)}), durable=False)
    statements: list[str] = []
    file._db.set_trace_callback(statements.append)
    file.commit(unsaved({("a", "k"): b"2"}), durable=False)
    file.commit(unsaved({("a", "k"): b"3"}), durable=False)
    assert [index for index, each in enumerate(statements) if "wal_checkpoint" in each] == [0]


def test_damage_that_is_found_later_is_a_failure_too(file: StateFile, path: Path) -> None:
    """It is told like a full disk; the poller goes on."""
    file.commit(unsaved({("a", str(number)): bytes(1000) for number in range(100)}), durable=False)
    file = reopened(file, path)
    with path.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xff" * (path.stat().st_size - 4096))
    file._db.execute("PRAGMA shrink_memory")  # what is cached is not read again
    for _ in range(2):  # after the second as after the first no transaction is left open
        with pytest.raises(SaveLater, match=r"malformed \(SQLITE_CORRUPT"):
            file.commit(unsaved({("a", "50"): b"new"}), durable=False)
    file.close()


def test_the_log_stays_bounded_and_is_gone_in_the_end(file: StateFile, path: Path) -> None:
    """A thousand commits take no more room than one large one, and a clean end leaves one file."""
    log = path.with_name("state-wal")
    for number in range(1_000):
        file.commit(unsaved({("a", "k"): bytes(5_000)}, staged={number: [b"x" * 2_000]}), durable=False)
        file.commit(unsaved(written={number}), durable=False)
    assert 0 < log.stat().st_size < 6_000_000
    file.close()
    assert list(path.parent.iterdir()) == [path]


def test_the_log_shrinks_after_a_large_commit(file: StateFile, path: Path) -> None:
    """A first commit may hold all that the API has ever listed."""
    log = path.with_name("state-wal")
    file.commit(unsaved({("a", str(number)): bytes(1_000) for number in range(10_000)}), durable=False)
    large = log.stat().st_size
    file.commit(unsaved({("a", "0"): b""}), durable=False)
    assert log.stat().st_size < large / 2


@pytest.mark.parametrize("known", [100, 10_000])
def test_a_commit_costs_what_changed(file: StateFile, known: int) -> None:
    """SQLite's own count of its steps hardly depends on what is known."""
    file.commit(unsaved({("a", f"{number:06}"): b"v" * 100 for number in range(known)}), durable=False)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    file._db.set_progress_handler(count, 1)
    file.commit(
        unsaved({("a", "000050"): b"new", ("a", "000051"): None}, staged={1: [b"one\n"]}, written={0}), durable=False
    )
    assert 0 < steps < 150


@pytest.mark.parametrize("durable", [True, False])
def test_values_may_be_large_and_empty(file: StateFile, *, durable: bool) -> None:
    """Values are bytes like any other."""
    values = {"empty": b"", "large": os.urandom(1_000_000)}
    file.commit(unsaved({("a", key): value for key, value in values.items()}), durable=durable)
    assert dict(file.entries("a")) == values


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_gone_is_told_of(tmp_path: Path, *, replaced: bool) -> None:
    """What would go on to be written to it is lost with the process."""
    path = tmp_path / "state"
    file = StateFile.open(path)
    path.unlink()
    if replaced:
        path.write_bytes(b"")
    unsaved = Unsaved()
    unsaved.change("a", [("k", b"1")])
    with pytest.raises(SaveLater, match="removed or replaced"):
        file.commit(unsaved, durable=False)
    file.close()
