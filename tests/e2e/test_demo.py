"""``poller demo``: what a newcomer sees first."""

import os
import pty
import signal
import subprocess
import sys

from tests.e2e.live import PATIENCE
from tests.schema import read_event

DEMO = [sys.executable, "-m", "poller", "demo", "--seed", "3"]


def test_a_piped_demo_writes_event_lines_and_ends_on_ctrl_c() -> None:
    """The plain lines that `poller run` writes, the address of the metrics on stderr, and exit code 0."""
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        read_event(demo.stdout.readline())
        demo.send_signal(signal.SIGINT)
        _, stderr = demo.communicate(timeout=PATIENCE)
        assert demo.returncode == 0
        assert "/metrics" in stderr


def test_a_demo_on_a_terminal_shows_jobs_as_they_start_and_end() -> None:
    """Readable coloured lines, not JSON."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(DEMO, stdout=theirs, stderr=subprocess.PIPE) as demo:
        os.close(theirs)
        shown = b""
        while not (b"RUNNING" in shown and b"SUCCESS" in shown):
            shown += os.read(ours, 4096)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(PATIENCE) == 0
    os.close(ours)
    assert b"\x1b[" in shown
    assert b"{" not in shown


def test_a_demo_ends_by_itself_when_told_how_long_to_last() -> None:
    """For scripts, and for those who only want to look."""
    done = subprocess.run([*DEMO, "--for", "2s"], capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0
