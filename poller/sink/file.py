"""An event file: appended to, locked, synced, and followed through rotation."""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from poller.errors import SinkClosed
from poller.sink.batch import Batch
from poller.sink.stream import Write

_CHUNK_BYTES = 65_536
_MODE = 0o640


class EventFile:
    """A regular file that this process alone writes to. Opening it raises OSError, BlockingIOError if it is locked.

    What was delivered is on the disk, and between attempts to deliver no torn line stands in the file.
    """

    def __init__(self, path: Path, *, write: Write = os.write) -> None:
        self.name = str(path)
        self._path = path
        self._write = write
        self._fd = _open(path)
        self._unsynced = 0

    def deliver(self, batch: Batch) -> None:
        """Write the rest of a batch and sync it.

        Raises OSError where trying again may help, and SinkClosed where the descriptor is gone.
        """
        try:
            self._follow_rotation(batch)
            self._append(batch)
            self._sync(batch)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise SinkClosed(f"{self.name}: {error.strerror}") from error
            raise

    def check(self) -> None:
        """Do nothing: a file has no reader that could close it."""

    def close(self) -> None:
        """Close the file, and so unlock it."""
        os.close(self._fd)

    def _append(self, batch: Batch) -> None:
        try:
            while chunk := batch.chunk(_CHUNK_BYTES):
                written = self._write(self._fd, chunk)
                batch.offset += written
                self._unsynced += written
        except OSError:
            self._cut_back(batch, batch.torn)
            raise

    def _sync(self, batch: Batch) -> None:
        try:
            os.fsync(self._fd)
        except OSError:
            # The kernel tells of a lost page once: a second sync would succeed without it, so it is all written again.
            self._cut_back(batch, self._unsynced)
            raise
        self._unsynced = 0

    def _cut_back(self, batch: Batch, count: int) -> None:
        # Where this fails too, the next attempt goes on at the byte where this one ended.
        with suppress(OSError):
            os.ftruncate(self._fd, max(0, os.fstat(self._fd).st_size - count))
            batch.offset -= count
            self._unsynced -= count

    def _follow_rotation(self, batch: Batch) -> None:
        if self._in_place():
            return
        fd = _open(self._path)
        try:
            os.fsync(self._fd)
            batch.offset -= batch.torn
        except OSError:
            batch.offset -= self._unsynced
        os.close(self._fd)
        self._fd, self._unsynced = fd, 0

    def _in_place(self) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._fd))
        except FileNotFoundError:
            return False


def _open(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            os.write(fd, b"\n")
        _sync_directory(path.parent)
    except OSError:
        os.close(fd)
        raise
    return fd


def _sync_directory(path: Path) -> None:
    """Make a new file's name last too, where the file system can be asked to."""
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
