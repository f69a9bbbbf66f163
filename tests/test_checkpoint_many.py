"""Many rows in one commit, and many lines in one row."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from poller.checkpoint import StateFile, Unsaved, statements

OLDEST_LIMIT = 999
"""How many variables a statement can have where SQLite is older than 3.32."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def file(path: Path) -> Iterator[StateFile]:
    """Give a new state file, by way of an old SQLite."""
    with closing(StateFile.open(path)) as file:
        file._db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, OLDEST_LIMIT)
        yield file


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 127, 128, 129, 1_000])
def test_rows_are_cut_into_few_parts_of_few_sizes(count: int) -> None:
    """All of them in their order, the largest parts first, and no two of one size but the largest."""
    rows = list(range(count))
    parts = list(statements.parts(rows))
    assert [row for part in parts for row in part] == rows
    sizes = [len(part) for part in parts]
    assert all(size.bit_count() == 1 and size <= statements.MOST_ROWS for size in sizes)
    assert all(larger > smaller or larger == statements.MOST_ROWS for larger, smaller in pairwise(sizes))


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 300])
def test_many_entries_change_at_once(file: StateFile, count: int) -> None:
    """Each gets its own value or goes, in its own scope, whatever statements it takes."""
    before = {f"{number}": b"%d" % number for number in range(2 * count)}
    unsaved = Unsaved()
    for scope in "ab":
        unsaved.change(scope, before.items())
    file.commit(unsaved, durable=False)
    unsaved = Unsaved()
    unsaved.change("a", [(key, b"new " + value if int(key) % 2 else None) for key, value in before.items()])
    file.commit(unsaved, durable=False)
    assert dict(file.entries("a")) == {key: b"new " + value for key, value in before.items() if int(key) % 2}
    assert dict(file.entries("b")) == before


def test_many_rows_leave_the_outbox_at_once(file: StateFile) -> None:
    """Those that are marked, and no other."""
    unsaved = Unsaved()
    unsaved.staged = {number: [b"%d\n" % number] for number in range(600)}
    file.commit(unsaved, durable=True)
    unsaved = Unsaved()
    unsaved.written = set(range(0, 600, 2))
    file.commit(unsaved, durable=False)
    assert [number for number, _ in file.outbox()] == list(range(1, 600, 2))


def test_a_commit_of_many_rows_takes_few_statements(file: StateFile) -> None:
    """The thread waits for the interpreter after each: 800 completions in 8 pages, and as many jobs to forget."""
    said: list[str] = []
    unsaved = Unsaved()
    unsaved.change("a", [(f"uj-{number}", b"v") for number in range(800)])
    unsaved.change("a", [(f"old-{number}", None) for number in range(800)])
    unsaved.staged = {number: [b"line\n"] * 100 for number in range(8)}
    unsaved.written = set(range(8, 16))
    file._db.set_trace_callback(said.append)
    file.commit(unsaved, durable=True)
    assert len(said) < 30


def test_a_large_value_has_a_statement_of_its_own(file: StateFile) -> None:
    """A hundred of them in one would stay in memory."""
    said: list[str] = []
    values = {"1": b"1", "2": bytes(5_000), "3": b"3", "4": bytes(6_000), "5": bytes(4_096), "6": b""}
    unsaved = Unsaved()
    unsaved.change("a", values.items())
    file._db.set_trace_callback(said.append)
    file.commit(unsaved, durable=False)
    assert sorted(each.count("(x'") for each in said if each.startswith("REPLACE")) == [1, 1, 4]
    assert dict(file.entries("a")) == values


@pytest.mark.parametrize(
    ("statement", "plan"),
    [
        (statements.delete_entries, "SEARCH entry USING PRIMARY KEY (scope=? AND key=?)"),
        (statements.leave_outbox, "SEARCH outbox USING INTEGER PRIMARY KEY (rowid=?)"),
    ],
)
def test_rows_to_delete_are_found_by_their_key(file: StateFile, statement: Callable[[int], str], plan: str) -> None:
    """However many there are, and how many are known."""
    sql = statement(statements.MOST_ROWS)
    found = file._db.execute(f"EXPLAIN QUERY PLAN {sql}", [b""] * sql.count("?")).fetchall()
    assert [detail for *_, detail in found] == [plan]


def test_lines_of_a_row_are_told_apart(file: StateFile, path: Path) -> None:
    """By their newlines, byte for byte: nothing else ends a line."""
    lines = [b"one\n", b"t\rw\x0bo\x85\n", b"\n", "城\u2028市\n".encode()]
    unsaved = Unsaved()
    unsaved.staged = {5: lines, 6: [b"next\n"]}
    file.commit(unsaved, durable=True)
    file.close()
    with closing(StateFile.open(path)) as reopened:
        assert reopened.outbox() == [(5, lines), (6, [b"next\n"])]


def test_an_outbox_with_a_row_for_each_line_is_read(file: StateFile, path: Path) -> None:
    """An earlier version has left it so, and may find a row of several lines: it would write them as they are."""
    file.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany("INSERT INTO outbox (number, line) VALUES (?, ?)", [(3, b"one\n"), (4, b"two\n")])
    with closing(StateFile.open(path)) as reopened:
        assert reopened.outbox() == [(3, [b"one\n"]), (4, [b"two\n"])]
        unsaved = Unsaved()
        unsaved.staged = {5: [b"three\n", b"four\n"]}
        unsaved.written = {3}
        reopened.commit(unsaved, durable=True)
        rows = list(reopened._db.execute("SELECT number, line FROM outbox"))
    assert rows == [(4, b"two\n"), (5, b"three\nfour\n")]


def test_pages_that_are_free_are_not_written_over(file: StateFile) -> None:
    """Whatever the SQLite at hand was built to do."""
    assert list(file._db.execute("PRAGMA secure_delete")) == [(2,)]


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="the system does not show which files a process has open"
)
def test_a_statement_of_many_rows_needs_no_file_beside_the_state(file: StateFile, path: Path) -> None:
    """In a container with a read-only root there is nowhere to put one."""
    unsaved = Unsaved()
    unsaved.change("a", [(f"{number:06}", bytes(200)) for number in range(20_000)])
    file.commit(unsaved, durable=False)
    file._db.execute("BEGIN")
    rows = [value for number in range(0, 20_000, 200) for value in (b"%06d" % number, bytes(300))]
    file._db.execute(statements.replace_entries(len(rows) // 2), (b"a", *rows))
    opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    file._db.execute("ROLLBACK")
    assert str(path) in opened
    assert not [name for name in opened if "etilqs" in name]
