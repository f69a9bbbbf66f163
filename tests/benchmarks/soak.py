"""``make soak``: a thousand completions a second for ten minutes, each reported once, in memory that stays flat.

Prints a curve of samples as a table, and fails where an event is lost or told twice, or where memory still grows once
it should be at its bound.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.curves import spark
from tests.benchmarks.document import paste
from tests.benchmarks.groups.memory import MEBIBYTE
from tests.benchmarks.progress import clear, say
from tests.benchmarks.running import Daemon, Fixture, daemon, fixture, get

_ACTIVE: Final = 10_000
_INTERVAL: Final = 10.0
_RETENTION: Final = 300_000
_SAMPLES: Final = 20
_GROWTH: Final = 1.05
_SETTLED: Final = 360.0
"""Seconds after which memory is at its bound. A reported job is kept for some five minutes: a frontier moves up to the
first of two sweeps a minute apart, less a minute, once a reading has followed after another, and jobs are forgotten a
minute behind it."""

_AFTERWARDS: Final = 20
"""Intervals after the last completion in which it must have been reported: 200 seconds, as the README has it."""

_JOB: Final = re.compile(rb'"event_name":"job\.finished".*?"job_id":"uj-(\d+)"')

_OUTCOMES: Final = re.compile(r'^uphone_poll_cycles_total\{.*outcome="(\w+)".*\} (\d+)', re.MULTILINE)


class Sample(NamedTuple):
    """A stretch of the run, and its end: seconds, events a second, the share of a CPU, and resident bytes."""

    at: float
    events: float
    cpu: float
    resident: int


class Lines:
    """The event lines of a file that is being written to."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self.jobs: set[int] = set()
        self._file = path.open("rb")
        self._rest = b""

    def read(self) -> int:
        """Read what has come, and return how many lines there are by now."""
        while data := self._file.read(2**22):
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.count += len(lines)
            self.jobs.update(int(found[1]) for line in lines if (found := _JOB.search(line)))
        return self.count


def main() -> int:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=1000.0, help="completions a second")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md too")
    options = parser.parse_args()
    with (
        fixture(active=_ACTIVE, rate=options.rate, retention=_RETENTION) as api,
        daemon(api, interval=_INTERVAL, state=True) as running,
    ):
        # What ends before a first start is no news.
        api.marks(2)
        api.tell("/go")
        lines = Lines(running.events)
        samples = list(_samples(running, lines, 60 * options.minutes))
        ended = _wait_for_all(api, lines)
        cycles = _OUTCOMES.findall(get(running.address, "/metrics").decode())
    clear()
    outcomes = ", ".join(f"{count} cycles {outcome}" for outcome, count in cycles)
    text = f"{_table(samples)}\n\n{ended} completions, {lines.count} events of {len(lines.jobs)} jobs; {outcomes}"
    print(text)
    if options.write:
        paste("soak", f"```text\n{text}\n```")
    problems = list(_problems(samples, lines, ended))
    print("\n".join(f"make soak: {problem}" for problem in problems), file=sys.stderr)
    return 1 if problems else 0


def _samples(running: Daemon, lines: Lines, seconds: float) -> Iterator[Sample]:
    began = last = time.monotonic()
    cpu, events = running.cpu(), 0
    for nth in range(1, _SAMPLES + 1):
        while (now := time.monotonic()) < began + nth * seconds / _SAMPLES:
            say(f"soak: {now - began:.0f} of {seconds:.0f} s, {lines.read()} events")
            time.sleep(0.5)
        spent, count = running.cpu(), lines.read()
        yield Sample(now - began, (count - events) / (now - last), (spent - cpu) / (now - last), running.memory())
        last, cpu, events = now, spent, count


def _wait_for_all(api: Fixture, lines: Lines) -> int:
    """Let no more jobs end; return how many have, once that many are reported, or should be."""
    api.tell("/rest")
    time.sleep(1)
    ended: int = api.tell("/tape")["ended"]
    deadline = time.monotonic() + _AFTERWARDS * _INTERVAL
    while lines.read() < ended and time.monotonic() < deadline:
        say(f"soak: {lines.count} of {ended} events")
        time.sleep(0.5)
    return ended


def _problems(samples: list[Sample], lines: Lines, ended: int) -> Iterator[str]:
    if not lines.count == len(lines.jobs) == ended:
        yield f"{ended} completions gave {lines.count} events of {len(lines.jobs)} jobs"
    settled = [sample.resident for sample in samples if sample.at >= _SETTLED]
    if settled and max(settled) > _GROWTH * settled[0]:
        first, most = settled[0] / MEBIBYTE, max(settled) / MEBIBYTE
        yield f"memory grew from {first:.1f} to {most:.1f} MiB after {_SETTLED / 60:g} minutes"


def _table(samples: list[Sample]) -> str:
    rows = [("minute", "events/s", "CPU", "resident MiB")]
    rows += [
        (f"{sample.at / 60:.1f}", f"{sample.events:.0f}", f"{sample.cpu:.0%}", f"{sample.resident / MEBIBYTE:.1f}")
        for sample in samples
    ]
    curve = spark([float(sample.resident) for sample in samples])
    return "\n".join("".join(f"{cell:>14}" for cell in row) for row in rows) + f"\n\nmemory, from 0: {curve}"


if __name__ == "__main__":
    sys.exit(main())
