"""Starts what is measured: the fixture, the daemon, and those it is held against, each a fresh process."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from poller.simulator.options import DEMO_CREDENTIALS
from tests.benchmarks.fixture.tape import Mark, cpu_seconds, status_bytes

ROOT: Final = Path(__file__).parents[2]
LEAN: Final = str(ROOT / ".venv-lean/bin/python")
"""The interpreter of an environment that has what the poller needs, and nothing else."""

PATIENCE: Final = 180.0

_LOOK_EVERY: Final = 0.05
_MOST_SAID: Final = 2000
_RATE: Final = "1000000"


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle as it is seen from outside: CPU seconds, requests, and seconds to its last answer.

    ``written`` and ``stored`` are bytes, as in `tests.benchmarks.fixture.tape.Mark`.
    """

    cpu: float
    requests: int
    seconds: float
    written: int
    stored: int


@dataclass(frozen=True, slots=True)
class Fixture:
    """A fixture that is running."""

    port: int

    def tell(self, target: str) -> dict[str, Any]:
        """Give it a command, and return what it has written down."""
        told: dict[str, Any] = json.loads(get(f"127.0.0.1:{self.port}", target))
        return told

    def marks(self, least: int, *, patience: float = PATIENCE) -> list[Mark]:
        """Wait until so many cycles have begun. Raises TimeoutError."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            marks: list[Mark] = self.tell("/tape")["marks"]
            if len(marks) >= least:
                return marks
            time.sleep(_LOOK_EVERY)
        raise TimeoutError(f"no {least} cycles in {patience:g} s")

    def cycles(self, count: int) -> list[Cycle]:
        """Wait for so many whole cycles."""
        marks = self.marks(count + 1)
        return [_between(before, after) for before, after in pairwise(marks)]


def _between(before: Mark, after: Mark) -> Cycle:
    return Cycle(
        cpu=after["cpu"] - before["cpu"],
        requests=after["requests"] - before["requests"],
        seconds=after["answered"] - before["at"],
        written=after["written"] - before["written"],
        stored=after["stored"] - before["stored"],
    )


@contextmanager
def fixture(**options: float) -> Iterator[Fixture]:
    """Run a fixture until the block ends."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "tests.benchmarks.fixture.server", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Fixture(int(process.stdout.readline()))
        finally:
            process.kill()


def contend(
    name: str, first: int, pages: int, *, python: str = sys.executable, more: Sequence[str] = ()
) -> dict[str, float]:
    """Have a contender read so many pages from a port, or whatever its two numbers mean; return what it took."""
    command = [python, "-m", f"tests.benchmarks.contenders.{name}", str(first), str(pages), *more]
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, check=True, timeout=PATIENCE)
    took: dict[str, float] = json.loads(done.stdout)
    return took


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is running, and where it writes."""

    process: subprocess.Popen[bytes]
    directory: Path
    started: float

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def events(self) -> Path:
        """The file that it appends event lines to."""
        return self.directory / "events.jsonl"

    @property
    def address(self) -> str:
        """Where it serves metrics, as host and port."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := re.search(r'"listen":\["([^"]+)"', (self.directory / "stderr").read_text()):
                return found[1]
            time.sleep(_LOOK_EVERY)
        raise TimeoutError("the daemon does not say where it listens")

    def cpu(self) -> float:
        """Return the CPU seconds that all of its threads have taken."""
        return cpu_seconds(self.pid)

    def memory(self, field: str = "VmRSS") -> int:
        """Return its resident memory, or with ``VmHWM`` the peak, in bytes."""
        return status_bytes(self.pid, field)


@contextmanager
def daemon(
    api: Fixture,
    *,
    interval: float = 1.0,
    cities: int = 1,
    state: bool = False,
    command: Sequence[str] = ("-m", "poller", "run"),
) -> Iterator[Daemon]:
    """Run ``poller run`` against a fixture until the block ends; every cycle sweeps."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        told = {"UCLOUD_PUBLIC_KEY": DEMO_CREDENTIALS.public_key, "UCLOUD_PRIVATE_KEY": DEMO_CREDENTIALS.private_key}
        milliseconds = f"{interval * 1000:.0f}ms"
        settings = {
            "UCLOUD_API_BASE_URL": f"http://127.0.0.1:{api.port}",
            "POLLER_CITY_IDS": ",".join(f"city-{index}" for index in range(cities)),
            "POLLER_INTERVAL": milliseconds,
            "POLLER_SWEEP_INTERVAL": milliseconds,
            "POLLER_MAX_RPS": _RATE,
            "POLLER_EVENTS": str(directory / "events.jsonl"),
            "POLLER_LISTEN": "127.0.0.1:0",
            "POLLER_LOG_FORMAT": "json",
        }
        if state:
            settings["POLLER_STATE_FILE"] = str(directory / "state.db")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **told, **settings}
        with _process([LEAN, *command], environment, directory) as running:
            api.tell(f"/watch?pid={running.pid}")
            yield running


@contextmanager
def _process(command: Sequence[str], environment: Mapping[str, str], directory: Path) -> Iterator[Daemon]:
    with (directory / "stderr").open("wb") as stderr:
        started = time.monotonic()
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr) as process:
            try:
                yield Daemon(process, directory, started)
            except TimeoutError as error:
                error.add_note((directory / "stderr").read_text()[-_MOST_SAID:])
                raise
            finally:
                process.kill()


def get(address: str, target: str) -> bytes:
    """Fetch what a server of ours answers."""
    with urllib.request.urlopen(f"http://{address}{target}", timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body
