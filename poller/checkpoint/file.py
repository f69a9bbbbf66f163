"""A state file: entries by scope and key, and an outbox of lines, in SQLite."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Final, Self

from poller.checkpoint import statements
from poller.checkpoint.database import open_database, transaction
from poller.checkpoint.unsaved import SaveLater, Unsaved

_MOST_SHARED: Final = 4096
"""How many bytes a value may have to share a statement, which keeps what it is given until it is given the next."""


class StateFile:
    """The poller's memory on disk; what it means is for others to know. One thread at a time may use it.

    To be opened once in a process: the system drops its lock as soon as any other descriptor of the file is closed.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.name = str(path)
        self._path = path
        self._identity = path.stat()
        self._db = db
        self._failed = False
        self._durable: bool | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make it. Raises ConfigError, with a remedy, for what is not ours, in use, damaged or unwritable."""
        return cls(path, open_database(path))

    def scopes(self) -> list[str]:
        """Return the scopes that have entries."""
        return [_text(scope) for (scope,) in self._db.execute("SELECT DISTINCT scope FROM entry")]

    def entries(self, scope: str) -> Iterator[tuple[str, bytes]]:
        """Give a scope's keys and values. To be read to its end before the next commit."""
        for key, value in self._db.execute("SELECT key, value FROM entry WHERE scope = ?", (_blob(scope),)):
            yield _text(key), value

    def outbox(self) -> list[tuple[int, list[bytes]]]:
        """Return the rows that were staged and not marked written, each with its lines, in the order of staging."""
        rows = self._db.execute("SELECT number, line FROM outbox ORDER BY number")
        return [(number, BytesIO(lines).readlines()) for number, lines in rows]

    def commit(self, unsaved: Unsaved, *, durable: bool) -> None:
        """Save all of it or nothing. Costs what changed; a ``durable`` one outlives a loss of power too.

        Raises SaveLater.
        """
        if not self._in_place():
            raise SaveLater("somebody has removed or replaced it: restart the poller, which begins a new one")
        try:
            self._settle_failure()
            self._sync(durable=durable)
            with transaction(self._db):
                self._apply(unsaved)
        except sqlite3.Error as error:
            self._failed = True
            raise SaveLater(f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})") from error

    def close(self) -> None:
        """Bring the log into the file, which is then alone, and unlock it."""
        self._db.close()

    def _in_place(self) -> bool:
        # What is written to a file without a name is gone with the process.
        try:
            return os.path.samestat(self._path.stat(), self._identity)
        except OSError:
            return False

    def _settle_failure(self) -> None:
        # The kernel tells of a lost page once: a later sync of the log would succeed without it, so what the log holds
        # is written anew, into the file itself.
        if self._failed:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._failed = False

    def _sync(self, *, durable: bool) -> None:
        if durable is not self._durable:
            self._db.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
            self._durable = durable

    def _apply(self, unsaved: Unsaved) -> None:
        execute = self._db.execute
        for scope in unsaved.forgotten:
            execute("DELETE FROM entry WHERE scope = ?", (_blob(scope),))
        for scope, changes in unsaved.changes.items():
            self._change(_blob(scope), changes)
        for number, lines in unsaved.staged.items():
            execute("REPLACE INTO outbox (number, line) VALUES (?, ?)", (number, b"".join(lines)))
        for numbers in statements.parts(sorted(unsaved.written)):
            execute(statements.leave_outbox(len(numbers)), numbers)

    def _change(self, scope: bytes, changes: Mapping[str, bytes | None]) -> None:
        kept: list[tuple[bytes, bytes]] = []
        large: list[tuple[bytes, bytes]] = []
        gone: list[bytes] = []
        # In the order of the file: neighbours lie on one page, of which few are kept in memory.
        for key in sorted(changes):
            value = changes[key]
            if value is None:
                gone.append(_blob(key))
            elif len(value) > _MOST_SHARED:
                large.append((_blob(key), value))
            else:
                kept.append((_blob(key), value))
        for entries in chain(statements.parts(kept), ([entry] for entry in large)):
            self._db.execute(statements.replace_entries(len(entries)), (scope, *chain.from_iterable(entries)))
        for keys in statements.parts(gone):
            self._db.execute(statements.delete_entries(len(keys)), (scope, *keys))


def _blob(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(blob: bytes) -> str:
    return blob.decode(errors="surrogatepass")
