"""Statements that take many rows at once.

A thread that runs SQLite lets go of the interpreter for each statement, and may wait for as long as five milliseconds
to have it back from a busy event loop. So a commit takes few statements, however many rows.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, TypeVar

Row = TypeVar("Row")

MOST_ROWS: Final = 128
"""How many rows a statement has at most, whose program then takes 40 KiB. SQLite before 3.32 has 999 variables."""


def parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Cut rows into parts of the most rows, and the rest into smaller powers of two: few statements are prepared."""
    start = 0
    while left := len(rows) - start:
        size = min(MOST_ROWS, 1 << (left.bit_length() - 1))
        yield rows[start : start + size]
        start += size


@cache
def replace_entries(rows: int) -> str:
    """Return what takes a scope, and then a key and a value for each row."""
    return f"REPLACE INTO entry (scope, key, value) SELECT ?, * FROM (VALUES {_listed('(?, ?)', rows)})"  # noqa: S608


@cache
def delete_entries(rows: int) -> str:
    """Return what takes a scope, and then its keys."""
    return f"DELETE FROM entry WHERE scope = ? AND key IN ({_listed('?', rows)})"  # noqa: S608


@cache
def leave_outbox(rows: int) -> str:
    """Return what takes numbers."""
    return f"DELETE FROM outbox WHERE number IN ({_listed('?', rows)})"  # noqa: S608


def _listed(row: str, rows: int) -> str:
    return ", ".join([row] * rows)
