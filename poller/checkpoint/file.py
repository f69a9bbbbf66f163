"""A state file: entries by scope and key, and an outbox of lines, in SQLite."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from poller.checkpoint.database import open_database, transaction
from poller.checkpoint.unsaved import SaveLater, Unsaved


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

    def outbox(self) -> list[tuple[int, bytes]]:
        """Return the lines that were staged and not marked written, by number, in the order of staging."""
        return self._db.execute("SELECT number, line FROM outbox ORDER BY number").fetchall()

    def commit(self, unsaved: Unsaved, *, durable: bool) -> None:
        """Save all of it or nothing. Costs what changed; a ``durable`` one outlives a loss of power too.

        Raises SaveLater.
        """
        if not self._in_place():
            raise SaveLater("somebody has removed or replaced it: restart the poller, which begins a new one")
        try:
            self._settle_failure()
            self._db.execute("PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL")
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

    def _apply(self, unsaved: Unsaved) -> None:
        many = self._db.executemany
        many("DELETE FROM entry WHERE scope = ?", ((_blob(scope),) for scope in unsaved.forgotten))
        changes = unsaved.changes.items()
        many(
            "REPLACE INTO entry (scope, key, value) VALUES (?, ?, ?)",
            ((_blob(scope), _blob(key), value) for (scope, key), value in changes if value is not None),
        )
        many(
            "DELETE FROM entry WHERE scope = ? AND key = ?",
            ((_blob(scope), _blob(key)) for (scope, key), value in changes if value is None),
        )
        many("REPLACE INTO outbox (number, line) VALUES (?, ?)", unsaved.staged.items())
        many("DELETE FROM outbox WHERE number = ?", ((number,) for number in unsaved.written))


def _blob(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _text(blob: bytes) -> str:
    return blob.decode(errors="surrogatepass")
