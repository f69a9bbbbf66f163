"""Measures the resident memory of ``poller run``, idle and with many active jobs: ``make memory``.

The daemon is a process of its own against the simulated API in another. Resident memory is VmRSS and its peak VmHWM
(proc(5)), in MiB; each figure is of a fresh process, after a number of complete cycles.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ACTIVE_JOBS = (0, 10_000)
CYCLES = 5
PATIENCE = 300.0

_MOST = 0.97  # the simulated backlog is caught in the middle of its life, so that a few of its jobs end meanwhile


@contextmanager
def started(*arguments: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command of the poller until the block ends."""
    command = [sys.executable, "-m", "poller", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        try:
            yield it
        finally:
            it.kill()


def measure(active_jobs: int, *, state_file: str = "") -> tuple[float, float]:
    """Return the resident memory and its peak, in MiB, of a daemon that tracks so many jobs."""
    simulate = ["simulate", "--listen", "127.0.0.1:0", "--arrival-rate", "0", "--finished-jobs", "0"]
    simulate += ["--active-jobs", str(active_jobs), "--queue-time", "1h", "2h", "--run-time", "1h", "2h"]
    with started(*simulate, environment=dict(os.environ)) as api:
        exports = dict(line.removeprefix("export ").strip().split("=", 1) for line in _lines(api, 4) if "=" in line)
        settings = {"POLLER_INTERVAL": "1s", "POLLER_LISTEN": "127.0.0.1:0", "POLLER_LOG_FORMAT": "json"}
        environment = {"PATH": os.environ["PATH"], "POLLER_MAX_RPS": "1000", **settings, **exports}
        environment["POLLER_STATE_FILE"] = state_file
        with started("run", environment=environment) as daemon:
            _wait_for_cycles(_address(daemon), active_jobs)
            status = Path(f"/proc/{daemon.pid}/status").read_text()
    return _mebibytes(status, "VmRSS"), _mebibytes(status, "VmHWM")


def _lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


def _address(daemon: subprocess.Popen[str]) -> str:
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if found := re.search(r'"listen":\["([^"]+)"', line):
            return found[1]
    raise SystemExit("the daemon did not start")


def _wait_for_cycles(address: str, active_jobs: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        complete = _sum(text, r"uphone_poll_cycles_total\{[^}]*complete[^}]*\}")
        if complete >= CYCLES and _sum(text, r"uphone_jobs\{[^}]*\}") >= _MOST * active_jobs:
            return
        time.sleep(0.2)
    raise SystemExit(f"no {CYCLES} complete cycles with {active_jobs} jobs in {PATIENCE:g} s")


def _sum(text: str, series: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{series} (\S+)$", text, re.MULTILINE))


def _mebibytes(status: str, field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Print a table."""
    print("active jobs   state file   resident MiB   peak MiB")
    with tempfile.TemporaryDirectory() as directory:
        for active_jobs in ACTIVE_JOBS:
            for state_file in ("", str(Path(directory, f"{active_jobs}.db"))):
                resident, peak = measure(active_jobs, state_file=state_file)
                print(f"{active_jobs:>11}   {'yes' if state_file else 'no':>10}   {resident:>12.1f}   {peak:>8.1f}")


if __name__ == "__main__":
    main()
