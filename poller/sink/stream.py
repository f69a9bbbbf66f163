"""A descriptor that somebody reads: a pipe, a terminal, a socket, or a file that the shell has opened for us."""

import errno
import os
import select
import stat
from collections.abc import Callable

from poller.errors import SinkClosed
from poller.sink.batch import Batch

Write = Callable[[int, bytes], int]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Stream:
    """Writes to an open descriptor. ``name`` is for people; an ``owned`` one is closed in the end.

    Its flags stay as they are, since other processes may share it: whether it blocks is theirs to choose.
    """

    def __init__(self, fd: int, name: str, *, owned: bool = False, write: Write = os.write) -> None:
        self.name = name
        self._fd = fd
        self._owned = owned
        self._write = write
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)

    def deliver(self, batch: Batch) -> None:
        """Write the rest of a batch, however long the reader takes.

        Raises SinkClosed where nobody reads any more, and OSError where trying again may help.
        """
        try:
            # A pipe takes up to PIPE_BUF bytes whole or not at all: a reader that stalls until we have to leave then
            # finds no torn line, unless it is a longer one.
            while chunk := batch.chunk(select.PIPE_BUF):
                batch.offset += self._write_some(chunk)
            if self._regular:
                os.fsync(self._fd)
        except OSError as error:
            if error.errno in _FULL or (self._regular and error.errno == errno.EIO):
                raise
            raise SinkClosed(f"{self.name}: {error.strerror}") from error

    def check(self) -> None:
        """Raise SinkClosed if the reader has gone, which an idle writer is not told. Never blocks."""
        poll = select.poll()
        poll.register(self._fd, 0)
        if poll.poll(0):
            raise SinkClosed(f"{self.name}: its reader has closed it")

    def close(self) -> None:
        """Close the descriptor if it is ours."""
        if self._owned:
            os.close(self._fd)

    def _write_some(self, chunk: bytes) -> int:
        # EINTR needs no care: os.write goes on by itself (PEP 475), and signals are handled in the main thread.
        try:
            return self._write(self._fd, chunk)
        except BlockingIOError:  # somebody else has made the shared descriptor non-blocking
            poll = select.poll()
            poll.register(self._fd, select.POLLOUT)
            poll.poll()
            return 0
