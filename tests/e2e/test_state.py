"""``poller run`` with a state file: what a restart takes up, and what a file that cannot be used brings."""

import resource
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from poller.checkpoint import StateFile, Unsaved
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Options
from tests.e2e.live import LiveApi, Poller, wait_until
from tests.e2e.verdict import EDGE, assert_exact, assert_once, assert_repeats_are_verbatim, assert_true, unwritten

STREAM = Options(
    arrival_rate=40,
    active_jobs=20,
    finished_jobs=30,
    queue_time=(0.01, 0.15),
    run_time=(0.01, 0.3),
    latency=0.001,
    jitter=0.003,
)
"""Jobs come all the time, and most live shorter than the interval."""

ROUND = replace(STREAM, arrival_rate=0, active_jobs=60, queue_time=(1.5, 2.5), run_time=(1.5, 2.5))
"""Jobs that a first cycle finds active, and that end when it is long over."""

CROWD = replace(ROUND, active_jobs=400, max_phones=8, partial_share=0.5, queue_time=(0.2, 1), run_time=(0.3, 1.5))
"""More events than a pipe holds, each of a size that a pipe takes whole."""

BACKLOG = replace(STREAM, arrival_rate=0, active_jobs=0, finished_jobs=200)
"""Jobs that ended in the last hour."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Give the path of a state file that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def settings(state: Path) -> dict[str, str]:
    """Give settings that name it."""
    return {"POLLER_STATE_FILE": str(state)}


def tree(directory: Path) -> dict[str, bytes]:
    """Return all files with what they hold."""
    return {each.name: each.read_bytes() for each in directory.iterdir()}


def has_completed_a_cycle(poller: Poller) -> bool:
    """Tell whether the target was read whole."""
    return poller.metric("uphone_target_up") == 1


def refusal(poller: Poller, state: Path) -> str:
    """Return what is wrong with a state file, of which one line tells at the end with exit code 2."""
    assert poller.ended() == 2
    [line] = poller.stderr
    start = f"poller: error: POLLER_STATE_FILE: {state} "
    assert line.startswith(start)
    assert poller.lines == []
    return line.removeprefix(start).rstrip("\n")


def test_a_second_process_on_the_file_is_refused(state: Path, settings: dict[str, str]) -> None:
    """Before any request, and the first goes on."""
    with LiveApi(STREAM) as api, Poller(api.url, settings) as first:
        wait_until(lambda: has_completed_a_cycle(first), "a complete cycle")
        with LiveApi(STREAM) as other, Poller(other.url, settings) as second:
            assert refusal(second, state) == "is in use by another process: end that one, or name another file"
            assert other.requests == 0
        due = api.ended()
        wait_until(lambda: due.keys() <= first.reported, "every event")
        assert first.stop() == 0


def write_state(path: Path, value: bytes = b"") -> None:
    """Make a state file with an entry of some kind."""
    with closing(StateFile.open(path)) as file:
        unsaved = Unsaved()
        unsaved.change("scope", [(str(number), value) for number in range(500)])
        file.commit(unsaved, durable=False)


def write_torn_page(path: Path) -> None:
    """Make a state file half of a page of which never came."""
    write_state(path)
    with path.open("r+b") as raw:
        raw.seek(2048)
        raw.write(b"\xa5" * 2048)


def write_unreadable_entry(path: Path) -> None:
    """Make a state file that is sound, and whose entries are no records."""
    write_state(path, b"\xc1")


def write_newer(path: Path) -> None:
    """Make a state file of a later version."""
    write_state(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=2")


def write_text(path: Path) -> None:
    """Make a file that somebody has written by hand."""
    path.write_text("POLLER_INTERVAL=5s\n")


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (write_torn_page, "is damaged"),
        (write_unreadable_entry, "is damaged: restore it, or move it away to start afresh"),
        (write_newer, "was written by a newer poller (schema 2, this one knows 1): run that one, or name another file"),
        (write_text, "is not a poller's state file: name another, or move it away to start afresh"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    state: Path, settings: dict[str, str], write: Callable[[Path], None], problem: str
) -> None:
    """With a remedy, and it stays as it is, byte for byte."""
    write(state)
    before = tree(state.parent)
    with Poller("http://127.0.0.1:1", settings) as poller:
        assert refusal(poller, state).startswith(problem)
    assert tree(state.parent) == before


def test_a_restart_tells_what_lived_and_died_meanwhile(settings: dict[str, str]) -> None:
    """And nothing again that was told before."""
    with LiveApi(STREAM) as api:
        with Poller(api.url, settings) as first:
            wait_until(lambda: has_completed_a_cycle(first) and bool(first.lines), "a complete cycle and an event")
            assert first.stop() == 0
        unseen = len(api.ended().keys() - api.shown.keys())
        wait_until(lambda: len(api.ended().keys() - api.shown.keys()) > unseen + 20, "jobs that nobody has seen")
        due = api.ended()
        with Poller(api.url, settings) as second:
            wait_until(lambda: due.keys() <= first.reported | second.reported, "every event")
            assert second.stop() == 0
        assert_once(api, [*first.events, *second.events], due=due)


def test_a_restart_still_knows_what_was_active(settings: dict[str, str]) -> None:
    """A job that ended meanwhile is told with the state that it was in before."""
    with LiveApi(ROUND) as api:
        with Poller(api.url, settings) as first:
            wait_until(lambda: has_completed_a_cycle(first), "a complete cycle")
            assert first.stop() == 0
        wait_until(lambda: api.all_ended, "the end of every job")
        with Poller(api.url, settings) as second:
            wait_until(lambda: api.ended().keys() <= first.reported | second.reported, "every event")
            assert second.stop() == 0
        assert_exact(api, [*first.events, *second.events])
        assert {event["previous_state"] for event in second.events} <= {"PENDING", "RUNNING"}


def test_what_a_stalled_reader_left_comes_first_after_a_restart(state: Path, settings: dict[str, str]) -> None:
    """In the very bytes that were encoded before, and then the rest."""
    with LiveApi(CROWD) as api:
        with Poller(api.url, settings, reads=False) as first:
            wait_until(lambda: api.all_ended and first.metric("uphone_poller_events_pending") > 0, "a full pipe")
            first.process.send_signal(signal.SIGTERM)
            assert first.process.wait(5) == 1
            first.read()
            assert first.ended() == 1
        owed = unwritten(state)
        left = [line for line in owed if line not in first.lines]
        assert first.logs[-1]["events"] == len(left) > 0
        with Poller(api.url, settings) as second:
            wait_until(lambda: api.ended().keys() <= first.reported | second.reported, "every event")
            assert second.stop() == 0
        assert second.lines[: len(owed)] == owed
        assert_repeats_are_verbatim([*first.lines, *second.lines])
        assert set(first.lines) & set(second.lines) <= set(owed)
        assert_true(api, [*first.events, *second.events])
    assert unwritten(state) == []


def test_a_full_disk_stops_neither_events_nor_polling(settings: dict[str, str]) -> None:
    """It is told once and counted, and once there is room again nothing is missing from the file."""
    with LiveApi(STREAM) as api:
        with Poller(api.url, settings) as poller:
            wait_until(lambda: has_completed_a_cycle(poller) and bool(poller.lines), "a complete cycle and an event")
            assert poller.metric("uphone_poller_state_save_failures_total") == 0
            room = resource.prlimit(poller.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(poller.process.pid, resource.RLIMIT_FSIZE, (0, room[1]))
            wait_until(lambda: poller.metric("uphone_poller_state_save_failures_total") > 3, "failures to save")
            full, cycles = time.time(), poller.metric("uphone_poll_cycles_total")
            wait_until(
                lambda: any(api.runs[job_id].created > full for job_id in poller.reported), "events all the same"
            )
            wait_until(lambda: poller.metric("uphone_poll_cycles_total") > cycles + 1, "cycles all the same")
            assert poller.metric("uphone_poller_state_last_save_timestamp_seconds") < full
            resource.prlimit(poller.process.pid, resource.RLIMIT_FSIZE, room)
            wait_until(
                lambda: poller.metric("uphone_poller_state_last_save_timestamp_seconds") > full, "a save that succeeds"
            )
            wait_until(lambda: "the state is saved again" in told_of_state(poller), "word of it")
            assert poller.stop() == 0
        assert told_of_state(poller) == ["the state cannot be saved, trying again", "the state is saved again"]
        due = api.ended()
        with Poller(api.url, settings) as second:
            wait_until(lambda: due.keys() <= poller.reported | second.reported, "every event")
            assert second.stop() == 0
        assert_once(api, [*poller.events, *second.events], due=due)


def created_after(api: LiveApi, moment: float) -> set[str]:
    """Return the jobs that came later."""
    return {job_id for job_id, run in api.runs.items() if run.created > moment}


def told_of_state(poller: Poller) -> list[str]:
    """Return what was said of the saving of the state."""
    return [log["message"] for log in poller.logs if log["logger"] == "poller.checkpoint"]


def test_a_first_start_looks_back_and_a_second_does_not(settings: dict[str, str]) -> None:
    """Jobs that ended in the half hour before are told by the first alone; nobody saw them active."""
    half_an_hour = 1800.0
    settings["POLLER_LOOKBACK"] = "30m"
    with LiveApi(BACKLOG) as api:
        with Poller(api.url, settings) as first:
            wait_until(lambda: has_completed_a_cycle(first), "a complete cycle")
            due = api.ended(slack=half_an_hour)
            wait_until(lambda: due.keys() <= first.reported, "every event")
            assert first.stop() == 0
        assert len(due) > 50
        assert_true(api, first.events, slack=half_an_hour + EDGE)
        assert {event["previous_state"] for event in first.events} == {None}
        with Poller(api.url, settings) as second:
            wait_until(lambda: second.metric("uphone_poll_cycles_total") > 5, "some cycles")
            assert second.stop() == 0
        assert second.lines == []


def test_keys_are_not_in_the_file(state: Path, settings: dict[str, str]) -> None:
    """Whoever may read what became of jobs may not act for the account."""
    with LiveApi(STREAM) as api, Poller(api.url, settings) as poller:
        wait_until(lambda: has_completed_a_cycle(poller) and bool(poller.lines), "a complete cycle and an event")
        held = tree(state.parent)
        assert poller.stop() == 0
    kept = b"".join([*held.values(), *tree(state.parent).values()])
    assert b"cn-hangzhou" in kept
    assert not any(key.encode() in kept for key in (DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY))
