"""What cannot be opened as a state file: each is said in one line with a remedy, and stays as it is."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from poller.checkpoint import StateFile, Unsaved
from poller.errors import ConfigError


def refusal(path: Path) -> str:
    """Return the error that opening a file brings."""
    with pytest.raises(ConfigError) as caught:
        StateFile.open(path)
    assert caught.value.setting == "POLLER_STATE_FILE"
    return str(caught.value).replace(str(path), "PATH")


def write_state(path: Path) -> None:
    """Make a state file with a hundred entries."""
    file = StateFile.open(path)
    unsaved = Unsaved()
    unsaved.change("a", [(str(number), bytes(500)) for number in range(100)])
    file.commit(unsaved, durable=False)
    file.close()


def write_text(path: Path) -> None:
    """Make a file that is longer than SQLite's header."""
    path.write_text("not a database\n" * 100)


def write_little(path: Path) -> None:
    """Make a file that is shorter than SQLite's header."""
    path.write_text("POLLER_INTERVAL=5s\n")


def write_only_the_magic(path: Path) -> None:
    """Make a file that ends within SQLite's header."""
    path.write_bytes(b"SQLite format 3\0")


def write_foreign_database(path: Path) -> None:
    """Make a database of somebody else, with the log of a process that was killed."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode=WAL; CREATE TABLE theirs (a)")
        log = path.with_name(f"{path.name}-wal").read_bytes()
        copied = path.read_bytes()
    path.write_bytes(copied)
    path.with_name(f"{path.name}-wal").write_bytes(log)


def write_other_application(path: Path) -> None:
    """Make a database that tells its application."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA application_id=1; CREATE TABLE theirs (a)")


def tree(directory: Path) -> dict[str, bytes]:
    """Return all files with what they hold."""
    return {each.name: each.read_bytes() for each in directory.iterdir()}


@pytest.mark.parametrize(
    "write", [write_text, write_little, write_only_the_magic, write_foreign_database, write_other_application]
)
def test_a_foreign_file_is_left_alone(tmp_path: Path, write: Callable[[Path], None]) -> None:
    """A slip in a path must not cost anybody's data."""
    path = tmp_path / "state"
    write(path)
    before = tree(tmp_path)
    assert refusal(path) == (
        "POLLER_STATE_FILE: PATH is not a poller's state file: name another, or move it away to start afresh"
    )
    assert tree(tmp_path) == before


def test_the_state_of_a_newer_poller_is_left_alone(tmp_path: Path) -> None:
    """Whoever goes back a version keeps what the newer one knew."""
    path = tmp_path / "state"
    write_state(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=2")
    before = tree(tmp_path)
    assert refusal(path) == (
        "POLLER_STATE_FILE: PATH was written by a newer poller (schema 2, this one knows 1): "
        "run that one, or name another file"
    )
    assert tree(tmp_path) == before


@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_torn_page_is_found(tmp_path: Path, page: int) -> None:
    """Half of a page that is old or never came makes the whole doubtful."""
    path = tmp_path / "state"
    write_state(path)
    with path.open("r+b") as raw:
        raw.seek(4096 * page - 2048)
        raw.write(b"\xa5" * 2048)
    before = tree(tmp_path)
    message = refusal(path)
    assert message.startswith("POLLER_STATE_FILE: PATH is damaged (")
    assert message.endswith("): restore it, or move it away to start afresh")
    assert "\n" not in message
    assert tree(tmp_path) == before


def test_a_file_that_was_cut_short_is_found(tmp_path: Path) -> None:
    """A copy that broke off is no state."""
    path = tmp_path / "state"
    write_state(path)
    os.truncate(path, path.stat().st_size // 2)
    assert "is damaged" in refusal(path)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """A mount of what did not exist becomes a directory."""
    assert refusal(tmp_path) == "POLLER_STATE_FILE: PATH is not a regular file: name one"


def test_a_device_is_no_file() -> None:
    """It would take everything and keep nothing."""
    assert refusal(Path(os.devnull)) == "POLLER_STATE_FILE: PATH is not a regular file: name one"


def test_a_fifo_is_no_file(tmp_path: Path) -> None:
    """And nothing waits for its reader."""
    os.mkfifo(tmp_path / "fifo")
    assert "is not a regular file" in refusal(tmp_path / "fifo")


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """It is not made: a volume that was not mounted would be missed only after the restart."""
    assert refusal(tmp_path / "missing" / "state") == (
        f"POLLER_STATE_FILE: PATH: there is no directory {tmp_path / 'missing'}: create it"
    )


def test_a_directory_that_is_there_is_not_called_missing(tmp_path: Path) -> None:
    """A link may lead nowhere, and some file systems make no files."""
    (tmp_path / "state").symlink_to(tmp_path / "missing" / "state")
    assert refusal(tmp_path / "state") == (
        "POLLER_STATE_FILE: PATH: No such file or directory: name a file that can be written"
    )


def test_what_the_system_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """A path through a file, one that is too long, one on a read-only disk: the reason is the system's."""
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "state") == (
        "POLLER_STATE_FILE: PATH: Not a directory: name a file that can be written"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("existing", [True, False])
def test_no_permission_is_told(tmp_path: Path, *, existing: bool) -> None:
    """A volume that belongs to another user is the commonest mistake of all."""
    path = tmp_path / "state"
    if existing:
        write_state(path)
        path.chmod(0o400)
    tmp_path.chmod(0o500)
    message = refusal(path)
    tmp_path.chmod(0o700)
    assert message == "POLLER_STATE_FILE: PATH: Permission denied: name a file that can be written"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_room_for_the_log_is_told(tmp_path: Path) -> None:
    """The file alone is not enough, and this shows at the start rather than at the first save."""
    path = tmp_path / "state"
    write_state(path)
    tmp_path.chmod(0o500)
    message = refusal(path)
    tmp_path.chmod(0o700)
    assert message.startswith("POLLER_STATE_FILE: PATH cannot be opened (")
    assert message.endswith("): name a file on a disk with room, in a directory that can be written")


def test_a_name_that_means_something_to_sqlite_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's state is kept in memory because of its name."""
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:a?mode=memory"):
        write_state(Path(name))
        assert (tmp_path / name).stat().st_size > 50_000


def test_a_creation_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    """SQLite undoes it with the help of its journal, which the killed process left beside the file."""
    path, whole = tmp_path / "state", tmp_path / "whole"
    write_state(whole)
    subprocess.run([sys.executable, "-c", HALF_MADE, str(path)], check=False, timeout=30)
    with path.open("r+b") as raw:
        raw.write(whole.read_bytes()[:4096])  # the first page is the first that a commit writes
    assert path.with_name("state-journal").exists()
    file = StateFile.open(path)
    assert (file.scopes(), file.outbox()) == ([], [])
    file.close()


HALF_MADE = """
import os, sqlite3, sys
from poller.checkpoint import database
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size=1")
db.execute("BEGIN EXCLUSIVE")
for statement in database._SCHEMA:
    db.execute(statement)
db.executemany("INSERT INTO outbox (line) VALUES (?)", [(bytes(4000),)] * 100)
os._exit(1)
"""
