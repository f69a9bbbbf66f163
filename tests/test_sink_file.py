"""Event files: locked, synced, without torn lines, and followed through rotation."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from poller.errors import ConfigError, SinkClosed
from poller.sink import Batch, EventFile, Output, Stream, open_output


class Disk:
    """Stands in for ``os.write``: takes ``room`` bytes and is then full."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, chunk: bytes) -> int:
        """Write what there is room for."""
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(fd, chunk[: self.room])
        self.room -= written
        return written


Opener = Callable[[str], Output]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of an event file that is not there yet."""
    return tmp_path / "events.jsonl"


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Give ``open_output``, closing in the end what it opened."""
    with ExitStack() as stack:

        def open_and_close(events: str) -> Output:
            output = open_output(events)
            stack.callback(output.close)
            return output

        yield open_and_close


def _deliver(output: Output, *lines: bytes) -> None:
    output.deliver(Batch(lines))


def test_lines_are_appended(path: Path, opened: Opener) -> None:
    """What was there stays; the file is for its owner and group."""
    _deliver(opened(str(path)), b"one\n")
    assert path.read_bytes() == b"one\n"
    assert path.stat().st_mode & 0o777 & ~0o640 == 0


def test_a_file_that_does_not_end_in_a_newline_gets_one_first(path: Path, opened: Opener) -> None:
    """A line never starts inside another, such as one that a kill had torn."""
    path.write_bytes(b'{"torn')
    _deliver(opened(str(path)), b"one\n")
    assert path.read_bytes() == b'{"torn\none\n'


def test_a_file_that_ends_in_a_newline_gets_no_other(path: Path, opened: Opener) -> None:
    """Empty lines are no events."""
    path.write_bytes(b"zero\n")
    _deliver(opened(str(path)), b"one\n")
    assert path.read_bytes() == b"zero\none\n"


def test_a_second_writer_is_refused(path: Path, opened: Opener) -> None:
    """Two daemons by mistake on one file would report everything twice."""
    opened(str(path))
    with pytest.raises(ConfigError, match=r"POLLER_EVENTS: .*events.jsonl is locked: another process writes to it"):
        open_output(str(path))


def test_closing_unlocks(path: Path, opened: Opener) -> None:
    """The next daemon may go on."""
    open_output(str(path)).close()
    _deliver(opened(str(path)), b"one\n")
    assert path.read_bytes() == b"one\n"


@pytest.mark.parametrize(
    ("events", "problem"),
    [(".", "Is a directory|No such device"), ("missing/events", "No such file"), ("file/events", "Not a directory")],
)
def test_a_path_that_cannot_be_written_is_a_configuration_error(tmp_path: Path, events: str, problem: str) -> None:
    """Said before anything starts."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=f"POLLER_EVENTS: .*({problem})"):
        open_output(str(tmp_path / events))


@pytest.mark.parametrize("recreated", [True, False])
def test_a_rotated_file_is_left_for_the_new_one(path: Path, opened: Opener, recreated: bool) -> None:  # noqa: FBT001 (drawn)
    """Whether the rotation creates it or leaves that to us; the new one is locked too."""
    output = opened(str(path))
    _deliver(output, b"one\n")
    rotated = path.rename(path.with_suffix(".1"))
    if recreated:
        path.touch()
    _deliver(output, b"two\n")
    assert (rotated.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")
    with pytest.raises(ConfigError, match="locked"):
        open_output(str(path))


def test_a_file_truncated_by_its_rotation_is_written_from_its_beginning(path: Path, opened: Opener) -> None:
    """As logrotate's copytruncate does it: no hole stays before the next line."""
    output = opened(str(path))
    _deliver(output, b"one\n")
    os.truncate(path, 0)
    _deliver(output, b"two\n")
    assert path.read_bytes() == b"two\n"


def test_a_full_disk_leaves_no_torn_line(path: Path) -> None:
    """Whole lines stay, and the next attempt goes on after them."""
    disk = Disk(room=9)
    output = EventFile(path, write=disk.write)
    batch = Batch([b"first\n", b"second\n", b"third\n"])
    with pytest.raises(OSError, match="No space left on device"):
        output.deliver(batch)
    assert path.read_bytes() == b"first\n"
    disk.room = 1_000
    output.deliver(batch)
    assert path.read_bytes() == b"first\nsecond\nthird\n"
    output.close()


def test_a_disk_that_is_made_room_on_by_rotation_goes_on_in_the_new_file(path: Path) -> None:
    """Nothing is lost, and no line is in both."""
    disk = Disk(room=9)
    output = EventFile(path, write=disk.write)
    batch = Batch([b"first\n", b"second\n"])
    with pytest.raises(OSError, match="No space left on device"):
        output.deliver(batch)
    rotated = path.rename(path.with_suffix(".1"))
    disk.room = 1_000
    output.deliver(batch)
    assert (rotated.read_bytes(), path.read_bytes()) == (b"first\n", b"second\n")
    output.close()


def test_what_could_not_be_synced_is_written_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel tells of a lost page once, so that a second sync proves nothing."""
    output = EventFile(path)
    _deliver(output, b"zero\n")
    batch = Batch([b"one\n", b"two\n"])

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            output.deliver(batch)
    assert (path.read_bytes(), batch.unwritten) == (b"zero\n", 2)
    output.deliver(batch)
    assert path.read_bytes() == b"zero\none\ntwo\n"
    output.close()


def test_what_could_not_be_synced_before_a_rotation_is_written_to_the_new_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is lost takes no event with it: twice under one id is better than never."""
    disk = Disk(room=9)
    output = EventFile(path, write=disk.write)
    batch = Batch([b"first\n", b"second\n"])
    with pytest.raises(OSError, match="No space left on device"):
        output.deliver(batch)
    path.rename(path.with_suffix(".1"))
    disk.room = 1_000
    failures = [errno.EIO]
    sync = os.fsync

    def fail_once(fd: int) -> None:
        if failures and stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(failures.pop(), "Input/output error")
        sync(fd)

    monkeypatch.setattr(os, "fsync", fail_once)
    output.deliver(batch)
    assert path.read_bytes() == b"first\nsecond\n"
    output.close()


def test_lines_are_on_the_disk_when_they_are_delivered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync comes after the last byte."""
    output = EventFile(path)
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: sizes.append(os.fstat(fd).st_size))
    _deliver(output, b"one\n", b"two\n")
    assert sizes == [8]
    output.close()


def test_a_new_file_that_cannot_be_opened_is_tried_again(path: Path, opened: Opener) -> None:
    """The directory may come back; the old file takes nothing meanwhile."""
    folder = path.parent / "logs"
    folder.mkdir()
    output = opened(str(folder / "events"))
    moved = folder.rename(path.parent / "moved")
    batch = Batch([b"one\n"])
    with pytest.raises(FileNotFoundError):
        output.deliver(batch)
    folder.mkdir()
    output.deliver(batch)
    assert ((moved / "events").read_bytes(), (folder / "events").read_bytes()) == (b"", b"one\n")


def test_a_file_whose_descriptor_is_gone_is_closed(path: Path) -> None:
    """Trying again would not help."""

    def write(_fd: int, _chunk: bytes) -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")

    output = EventFile(path, write=write)
    output.check()
    with pytest.raises(SinkClosed, match="Bad file descriptor"):
        _deliver(output, b"one\n")
    output.close()


def test_a_fifo_is_a_stream(tmp_path: Path, opened: Opener) -> None:
    """Its reader gets the lines, and its end is noticed."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    output = opened(str(fifo))
    _deliver(output, b"one\n")
    assert os.read(reader, 100) == b"one\n"
    output.check()
    os.close(reader)
    with pytest.raises(SinkClosed):
        output.check()


def test_a_fifo_without_a_reader_is_a_configuration_error(tmp_path: Path) -> None:
    """Opening it would wait for one, and the daemon with it."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(ConfigError, match=r"POLLER_EVENTS: .*fifo: nothing reads from it"):
        open_output(str(fifo))


def test_a_device_is_a_stream(opened: Opener) -> None:
    """Neither locked nor synced."""
    output = opened("/dev/null")
    _deliver(output, b"one\n")
    output.check()
    assert isinstance(output, Stream)


def _refuse_to_truncate(_fd: int, _size: int) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize(("rotated", "there"), [(False, b"first\nsecond\n"), (True, b"second\n")])
def test_a_torn_line_that_cannot_be_cut_away_is_completed(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rotated: bool,  # noqa: FBT001 (drawn)
    there: bytes,
) -> None:
    """In place at its byte, or whole in the next file: an append-only file, for one, refuses to be cut."""
    disk = Disk(room=9)
    output = EventFile(path, write=disk.write)
    monkeypatch.setattr(os, "ftruncate", _refuse_to_truncate)
    batch = Batch([b"first\n", b"second\n"])
    with pytest.raises(OSError, match="No space left on device"):
        output.deliver(batch)
    assert (path.read_bytes(), batch.torn) == (b"first\nsec", 3)
    if rotated:
        path.rename(path.with_suffix(".1"))
    disk.room = 1_000
    output.deliver(batch)
    assert path.read_bytes() == there
    output.close()


def test_a_file_that_the_shell_opened_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``poller run > events`` keeps its promise too, and a full disk is not the end of it."""
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: sizes.append(os.fstat(fd).st_size))
    with path.open("ab") as file:
        disk = Disk(room=4)
        stream = Stream(file.fileno(), "stdout", write=disk.write)
        batch = Batch([b"one\n", b"two\n"])
        with pytest.raises(OSError, match="No space left on device"):
            stream.deliver(batch)
        disk.room = 100
        stream.deliver(batch)
    assert path.read_bytes() == b"one\ntwo\n"
    assert sizes == [8]
