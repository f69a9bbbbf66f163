"""What a sink writes to, and how ``POLLER_EVENTS`` names it."""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Final, Protocol

from poller.errors import ConfigError
from poller.sink.batch import Batch
from poller.sink.file import EventFile
from poller.sink.stream import Stream

SETTING: Final = "POLLER_EVENTS"
_STDOUT = 1


class Output(Protocol):
    """Takes batches, one at a time, from the one thread that may block on it."""

    @property
    def name(self) -> str:
        """What a person knows it by."""

    def deliver(self, batch: Batch) -> None:
        """Write the rest of a batch: OSError says that trying again may help, SinkClosed that it will not."""

    def check(self) -> None:
        """Raise SinkClosed if nobody reads any more. Never blocks."""

    def close(self) -> None:
        """Let go of it, once no batch is on its way."""


def open_output(events: str) -> Output:
    """Open where event lines go: ``-`` is stdout, else the path of a file, a FIFO or a device.

    Raises ConfigError where it cannot be written. To be called before other descriptors are opened.
    """
    try:
        return _stdout() if events == "-" else _open_path(Path(events))
    except BlockingIOError:
        raise ConfigError(SETTING, f"{events} is locked: another process writes to it") from None
    except OSError as error:
        raise ConfigError(SETTING, f"{events}: {error.strerror}: name a file that can be written") from None


def _stdout() -> Stream:
    # A process started without a stdout gives its number to the next thing opened, a socket perhaps.
    if sys.__stdout__ is None:
        raise ConfigError(SETTING, "stdout is closed")
    return Stream(_STDOUT, "stdout")


def _open_path(path: Path) -> Output:
    if not path.exists() or stat.S_ISREG(path.stat().st_mode):
        return EventFile(path)
    # O_NONBLOCK is for the opening alone, which would otherwise wait for a FIFO's reader; the description is ours.
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ConfigError(SETTING, f"{path}: nothing reads from it") from None
        raise
    os.set_blocking(fd, True)
    return Stream(fd, str(path), owned=True)
