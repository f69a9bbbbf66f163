"""Opening a state file, or telling in one line why not. What is not ours is never changed."""

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from poller.errors import ConfigError

SETTING: Final = "POLLER_STATE_FILE"

APPLICATION: Final = 0x75506F6C  # "uPol"
VERSION: Final = 1

_MODE: Final = 0o600
_MAGIC: Final = b"SQLite format 3\0"
_VERSION_AND_APPLICATION: Final = struct.Struct(">60xI4xI")  # https://www.sqlite.org/fileformat.html, 1.3
_HEADER_BYTES: Final = 100
_LOG_BYTES: Final = 4 * 1024 * 1024

# Scopes and keys are blobs since text from outside may hold lone surrogates, which SQLite's text cannot. Entries are
# small and found by their key; lines are long and come in order, which is what a table with rowids is better at. Lines
# that were staged together are one row of the outbox, since they come and go together; a row for each reads the same.
_SCHEMA: Final = (
    "CREATE TABLE entry (scope BLOB, key BLOB, value BLOB NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID",
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY, line BLOB NOT NULL)",
    f"PRAGMA application_id={APPLICATION}",
    f"PRAGMA user_version={VERSION}",
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open a state file for this process alone, until it is closed; make one where there is none, or an empty file.

    Raises ConfigError.
    """
    _recognise(path, _read_header(path))
    try:
        db = sqlite3.connect(path.absolute(), timeout=0, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _refusal(path, error) from None
    try:
        _prepare(db)
    except sqlite3.Error as error:
        db.close()
        raise _refusal(path, error) from None
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do all of the block or nothing of it."""
    db.execute("BEGIN EXCLUSIVE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # after some errors SQLite has rolled back by itself
            db.execute("ROLLBACK")
        raise


def _read_header(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(SETTING, f"{path} is not a regular file: name one")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            return os.pread(fd, _HEADER_BYTES, 0)
        finally:
            os.close(fd)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.parent.exists():
            raise ConfigError(SETTING, f"{path}: there is no directory {path.parent}: create it") from None
        raise ConfigError(SETTING, f"{path}: {error.strerror}: name a file that can be written") from None


def _recognise(path: Path, header: bytes) -> None:
    # Not asked of SQLite, which would first bring in what a foreign file's own log holds. Version and application are
    # set before there is a log, so the file itself has them.
    if not header:
        return
    version, application = 0, None
    if len(header) == _HEADER_BYTES and header.startswith(_MAGIC):
        version, application = _VERSION_AND_APPLICATION.unpack_from(header)
    if application != APPLICATION:
        raise ConfigError(
            SETTING, f"{path} is not a poller's state file: name another, or move it away to start afresh"
        )
    if version > VERSION:
        raise ConfigError(
            SETTING,
            f"{path} was written by a newer poller (schema {version}, this one knows {VERSION}): "
            "run that one, or name another file",
        )


def _prepare(db: sqlite3.Connection) -> None:
    # Exclusive before the first access, so that the lock is held from then on and the log needs no shared memory.
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("PRAGMA cache_size=-512")
    db.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
    # A statement of many rows keeps what it would have to undo. In a container there may be nowhere to write that.
    db.execute("PRAGMA temp_store=MEMORY")
    # Debian's SQLite would write zeros over every page that lines have left, which is twice as much for the disk; the
    # log keeps them for a while anyway.
    db.execute("PRAGMA secure_delete=FAST")
    with transaction(db):
        ((problem,),) = db.execute("PRAGMA quick_check(1)")
        if problem != "ok":
            raise sqlite3.DatabaseError(problem.replace("\n", " "))
        ((version,),) = db.execute("PRAGMA user_version")
        for statement in _SCHEMA if version == 0 else ():
            db.execute(statement)
    db.execute("PRAGMA journal_mode=WAL")


def _refusal(path: Path, error: sqlite3.Error) -> ConfigError:
    # An extended code has the primary one in its lowest byte. What the check finds has none.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        problem = "is in use by another process: end that one, or name another file"
    elif code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        problem = f"is damaged ({error}): restore it, or move it away to start afresh"
    else:
        problem = f"cannot be opened ({error}): name a file on a disk with room, in a directory that can be written"
    return ConfigError(SETTING, f"{path} {problem}")
