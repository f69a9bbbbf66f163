"""Where ``poller wait`` and ``poller jobs`` write: terminals, and streams that are full, closed or left."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress

import pytest

from poller.models import State
from tests.e2e.live import LiveApi
from tests.test_wait_process import ACTIVE, environment, ids, rows


@pytest.fixture(scope="module")
def api() -> Iterator[LiveApi]:
    """Serve an API whose jobs stay as they are."""
    with LiveApi(ACTIVE) as served:
        yield served


@pytest.mark.parametrize("command", ["wait", "jobs"])
def test_nobody_who_listens_changes_no_exit_code(api: LiveApi, command: str) -> None:
    """``poller wait … 2>&1 | head -1``: it is not 1, which would tell of a job that failed."""
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [sys.executable, "-m", "poller", command, *(ids(api, State.SUCCESS) if command == "wait" else [])]
    with os.fdopen(writing) as gone:
        # Without a city there is a warning, too.
        where = environment(api.url, POLLER_CITY_IDS="")
        done = subprocess.run(arguments, env=where, stdout=gone, stderr=gone, check=False, timeout=60)
    assert done.returncode == 0


def test_what_the_caller_has_closed_is_no_internal_error(api: LiveApi) -> None:
    """As some schedulers do with all three."""
    some = " ".join(ids(api, State.SUCCESS))
    for script, code in (
        (f'exec "$0" -m poller wait {some} <&- >&- 2>&-', 0),
        ('exec "$0" -m poller jobs >&- 2>&-', 0),
        ('exec "$0" -m poller wait - <&-', 2),
    ):
        command = ["/bin/sh", "-c", script, sys.executable]
        assert subprocess.run(command, env=environment(api.url), check=False, timeout=60).returncode == code


def test_a_narrow_terminal_hides_no_reason(api: LiveApi) -> None:
    """A line that does not fit goes on in the next."""
    [row] = rows(api.url, "--state", "FAILED", "--limit", "1")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 40, 0, 0))
    command = [sys.executable, "-m", "poller", "jobs", "--job-id", str(row["job_id"])]
    with subprocess.Popen(command, env=environment(api.url), stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the other end is closed
            while True:
                shown += os.read(ours, 4096)
    os.close(ours)
    assert process.returncode == 0
    assert str(row["error_message"]) in shown.decode()


def test_a_reader_that_goes_away_does_not_change_the_exit_code(api: LiveApi) -> None:
    """``poller wait … | head -1`` in a pipeline that looks at every part."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "poller", "wait", *ids(api, State.SUCCESS)]
    with os.fdopen(writing) as stdout:
        done = subprocess.run(
            command, env=environment(api.url), stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 0
    assert "rror" not in done.stderr


def test_a_full_disk_is_told(api: LiveApi) -> None:
    """Records that are not written must not look written."""
    command = [sys.executable, "-m", "poller", "wait", *ids(api, State.SUCCESS)]
    with open("/dev/full", "wb") as stdout:  # noqa: PTH123 (a device)
        done = subprocess.run(
            command, env=environment(api.url), stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 70
    assert done.stderr.splitlines()[-1] == "poller: error: stdout: No space left on device"


def test_a_terminal_gets_a_bar(api: LiveApi) -> None:
    """Drawn on stderr, while stdout is a file."""
    [active, *_] = ids(api, State.PENDING, State.RUNNING)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "poller", "wait", active, "--timeout", "1s"]
    shown = b""
    with subprocess.Popen(command, env=environment(api.url), stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert process.returncode == 3
    assert b"\r\x1b[K[-----" in shown
