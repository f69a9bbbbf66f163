"""``poller run`` with a state file, killed at any moment, again and again."""

import os
import select
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom

import pytest

from poller.simulator.options import Options, Order
from tests.e2e.live import LiveApi, Poller, wait_until
from tests.e2e.verdict import assert_repeats_are_verbatim, assert_true, unwritten
from tests.schema import read_event

KILLS = 40
"""A half of them all: one half with events on a pipe, the other with events in a file."""

INTERVAL = 0.2

BUSY = Options(
    arrival_rate=40,
    active_jobs=20,
    finished_jobs=150,
    queue_time=(0.01, 0.15),
    run_time=(0.01, 0.3),
    latency=0.001,
    jitter=0.003,
)
"""Jobs come all the time, and most of them live shorter than the interval."""

_STARTING_SECONDS = 0.6
_STALLED_SECONDS = 0.3
_MOST_REQUESTS = 24
_MOST_NEWS = 4
_AFTER = 0.004
"""Seconds in which an answer's news are saved, written and marked, on average."""

_SEED = "KILLS_SEED"


@pytest.fixture
def chance() -> Random:
    """Draw the moments of the kills; what is printed, given as a variable, brings the same ones."""
    seed = os.environ.get(_SEED) or str(SystemRandom().getrandbits(32))
    sys.stdout.write(f"the moments are those of {_SEED}={seed}\n")
    return Random(seed)


class Pipe:
    """Events on stdout."""

    setting = "-"

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.torn: list[bytes] = []

    def collect(self, poller: Poller) -> None:
        """Take what a process that has ended has written: at most its last line may be torn."""
        for line in poller.lines:
            (self.whole if line.endswith(b"\n") else self.torn).append(line)


class File:
    """Events in a file that one process after the other appends to."""

    def __init__(self, path: Path) -> None:
        self.setting = str(path)
        self.torn: list[bytes] = []
        self._path = path

    def collect(self, _poller: Poller) -> None:
        """Take note of a line that a kill has torn."""
        tail = self._path.read_bytes().rpartition(b"\n")[2] if self._path.exists() else b""
        if tail:
            self.torn.append(tail)

    @property
    def whole(self) -> list[bytes]:
        """Every line but those that were torn, each of which the next process has ended."""
        lines = self._path.read_bytes().split(b"\n")
        lines.pop()
        for tail in self.torn:
            lines.remove(tail)
        return [line + b"\n" for line in lines]


def live_and_die(api: LiveApi, settings: dict[str, str], chance: Random) -> Poller:
    """Start a process and kill it: while it starts, or in its first cycles, most often while it takes news."""
    moment = chance.choices(["starting", "polling", "taking news", "stalled"], [1, 2, 5, 2])[0]
    # With a reader that has stalled, lines are saved and not written for as long as one likes.
    with Poller(api.url, settings, reads=moment != "stalled", room=select.PIPE_BUF) as poller:
        match moment:
            case "starting":
                time.sleep(chance.uniform(0, _STARTING_SECONDS))
            case "polling":
                api.await_requests(chance.randint(1, _MOST_REQUESTS))
                time.sleep(chance.expovariate(1 / _AFTER))
            case "taking news":
                api.await_news(chance.randint(1, _MOST_NEWS))
                time.sleep(chance.expovariate(1 / _AFTER))
            case "stalled":
                poller.await_start()
                time.sleep(chance.uniform(0, _STALLED_SECONDS))
        poller.kill()
    return poller


def _told(lines: list[bytes], poller: Poller) -> set[str]:
    return {read_event(line)["job_id"] for line in [*lines, *poller.lines]}


@pytest.mark.parametrize(
    ("to_file", "order"), [(False, Order.NEWEST_FIRST), (True, Order.LAST_ENDED_FIRST)], ids=["pipe", "file"]
)
def test_no_kill_loses_a_completion(to_file: bool, order: Order, chance: Random, tmp_path: Path) -> None:  # noqa: FBT001 (drawn)
    """Every run that ended since the first start is told, as it truly was, and always in the same bytes."""
    output = File(tmp_path / "events.jsonl") if to_file else Pipe()
    state = tmp_path / "state"
    settings = {"POLLER_STATE_FILE": str(state), "POLLER_EVENTS": output.setting, "POLLER_LISTEN": "off"}
    with LiveApi(replace(BUSY, order=order)) as api:
        for _ in range(KILLS):
            output.collect(live_and_die(api, settings, chance))
        with Poller(api.url, settings) as poller:
            api.await_requests(_MOST_REQUESTS)
            due = api.ended()
            wait_until(lambda: due.keys() <= _told(output.whole, poller), "all that has ended")
            assert poller.stop() == 0
            output.collect(poller)
        whole = output.whole
        assert due.keys() <= {read_event(line)["job_id"] for line in whole}
        assert_true(api, [read_event(line) for line in whole])
        assert sum(run.ended - run.created < INTERVAL for run in due.values()) > len(due) / 2
    assert_repeats_are_verbatim(whole)
    # What was torn was not lost with it.
    assert all(any(line.startswith(tail) for line in whole) for tail in output.torn)
    assert unwritten(state) == []
