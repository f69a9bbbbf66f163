"""Whole processes with one state file: one at a time, and killed at any moment."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poller.checkpoint import StateFile
from poller.errors import ConfigError

HOLDING = """
import sys
from pathlib import Path
from poller.checkpoint import StateFile
file = StateFile.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""

KILLED = """
import os, random, signal, sys
from itertools import count
from pathlib import Path
from poller.checkpoint import StateFile, Unsaved

path, kills = Path(sys.argv[1]), int(sys.argv[2])
KEYS = 50

def commit(number):
    unsaved = Unsaved()
    unsaved.change("a", [("last", b"%d" % number)])
    unsaved.change("b", [(str((number + each) % KEYS), b"%d" % number * 500) for each in range(number % 5 + 1)])
    if number % 7 == 0:
        unsaved.change("b", [(str((number + each) % KEYS), None) for each in range(8, 11)])
    unsaved.staged = {number: [b"%d\\n" % number] * 300}
    unsaved.written = {number - 3}
    return unsaved

def expected(last):
    entries, lines = {}, {}
    for number in range(1, last + 1):
        unsaved = commit(number)
        entries |= {(scope, key): value for scope, of in unsaved.changes.items() for key, value in of.items()}
        lines |= unsaved.staged
        for written in unsaved.written:
            lines.pop(written, None)
    return {key: value for key, value in entries.items() if value is not None}, sorted(lines.items())

def work(first, acknowledge):
    file = StateFile.open(path)
    for number in count(first):
        file.commit(commit(number), durable=number % 2 == 0)
        os.write(acknowledge, b".")

last, chance = 0, random.Random(3)
for _ in range(kills):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            work(last + 1, writer)
        finally:
            os._exit(1)
    os.close(writer)
    seen = len(os.read(reader, 1))
    for _ in range(chance.randrange(60)):
        seen += len(os.read(reader, 1))
    for _ in range(chance.randrange(5_000)):
        pass
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    while rest := os.read(reader, 65536):
        seen += len(rest)
    os.close(reader)
    file = StateFile.open(path)
    found = int(dict(file.entries("a")).get("last", b"0"))
    # The one that was under way may have been committed and not acknowledged.
    assert found - last in (seen, seen + 1), (found, last, seen)
    held = {(scope, key): value for scope in file.scopes() for key, value in file.entries(scope)}
    assert (held, file.outbox()) == expected(found), found
    file.close()
    last = found
print(last)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet."""
    return tmp_path / "state"


def test_a_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    """Two would undo each other's work; a lock that outlived a kill would need somebody to come."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        for _ in range(2):
            with pytest.raises(ConfigError) as caught:
                StateFile.open(path)
            assert str(caught.value) == (
                f"POLLER_STATE_FILE: {path} is in use by another process: end that one, or name another file"
            )
        first.send_signal(signal.SIGKILL)
    StateFile.open(path).close()


def test_a_kill_at_any_moment_leaves_what_was_committed(path: Path) -> None:
    """Every commit that was acknowledged, in order and whole, and at most the one after it."""
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), "20"], capture_output=True, text=True, timeout=120, check=False
    )
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) > 100
