"""The state file as a command opens it, and how it begins to be saved."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from poller.checkpoint import StateFile, Unsaved
from poller.cli.state import open_state
from poller.config import Settings, from_environment, parse
from poller.errors import ConfigError
from poller.models import State
from poller.stats import StateStats
from poller.tracker import TargetRecord, encode
from poller.tracker.record import BaselineRecord

SCOPE = json.dumps([None, None, "cn-hangzhou", "uphone-server"])
TARGET = encode(TargetRecord(started=100.0, frontiers={State.SUCCESS: 100.0}))
JOB = encode(BaselineRecord())

IMPORTED = """
import sys
from poller.cli import state
from poller.config import from_environment, parse
assert state.open_state(parse(from_environment({}))) is None
print("sqlite3" in sys.modules)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet."""
    return tmp_path / "state"


def settings(path: Path, **variables: str) -> Settings:
    """Return settings that name a state file."""
    return parse(from_environment({"POLLER_STATE_FILE": str(path), **variables}))


def write(path: Path, entries: dict[str, bytes], lines: tuple[bytes, ...] = ()) -> None:
    """Make a state file with the entries of one scope, and with lines that were not written."""
    unsaved = Unsaved()
    unsaved.change(SCOPE, entries.items())
    unsaved.staged = {number: [line] for number, line in enumerate(lines, start=1)}
    with closing(StateFile.open(path)) as file:
        file.commit(unsaved, durable=False)


def refusal(settings: Settings) -> str:
    """Return the error that opening brings."""
    with pytest.raises(ConfigError) as caught:
        open_state(settings)
    assert caught.value.setting == "POLLER_STATE_FILE"
    return str(caught.value)


def test_without_the_setting_there_is_no_state() -> None:
    """And no database that has to be imported."""
    ran = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_new_file_has_no_entries(path: Path) -> None:
    """It is there from then on."""
    state = open_state(settings(path))
    assert state is not None
    with closing(state.file):
        assert state.entries == {}
    assert path.exists()


def test_entries_are_read_by_scope(path: Path) -> None:
    """A target's own record and its jobs."""
    write(path, {"": TARGET, "uj-1": JOB})
    state = open_state(settings(path))
    assert state is not None
    with closing(state.file):
        assert {scope: dict(entries) for scope, entries in state.entries.items()} == {SCOPE: {"": TARGET, "uj-1": JOB}}


@pytest.mark.parametrize("entries", [{"": JOB}, {"": TARGET, "uj-1": b"\xc1"}, {"uj-1": TARGET}, {"uj-1": b""}])
def test_an_entry_that_cannot_be_read_makes_the_file_damaged(path: Path, entries: dict[str, bytes]) -> None:
    """What it says of the others cannot be trusted; it is let go of as it was."""
    write(path, entries)
    before = path.read_bytes()
    problem = f"POLLER_STATE_FILE: {path} is damaged: restore it, or move it away to start afresh"
    assert [refusal(settings(path)) for _ in range(2)] == [problem, problem]
    assert path.read_bytes() == before


@pytest.mark.parametrize("link", [Path.hardlink_to, Path.symlink_to])
def test_the_file_of_events_is_refused_under_any_name(path: Path, link: Callable[[Path, Path], None]) -> None:
    """Lines in a database would be the end of both."""
    path.touch()
    other = path.with_name("events.jsonl")
    link(other, path)
    assert refusal(settings(path, POLLER_EVENTS=str(other))) == (
        f"POLLER_STATE_FILE: {path} is the file of POLLER_EVENTS: name another"
    )
    assert path.read_bytes() == b""


@pytest.mark.anyio
async def test_a_checkpoint_saves_to_the_file_and_has_its_unwritten_lines(path: Path) -> None:
    """What a process stages and does not mark is there for the next."""
    write(path, {}, lines=(b"one\n",))
    state = open_state(settings(path))
    assert state is not None
    stats = StateStats()
    checkpoint = state.checkpoint(stats)
    assert [list(staged.lines) for staged in checkpoint.unsent()] == [[b"one\n"]]
    checkpoint.stage([b"two\n"])
    await checkpoint.aclose()
    assert (stats.failures, stats.last_save is None) == (0, False)
    with closing(StateFile.open(path)) as file:
        assert file.outbox() == [(1, [b"one\n"]), (2, [b"two\n"])]
