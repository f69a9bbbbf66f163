"""From the start of the process to its first request."""

import subprocess
import time
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import LEAN, Fixture, daemon, fixture

ROUNDS: Final = 7


def measure() -> Iterator[Figure]:
    """Measure in rounds, of which the least counts."""
    python, poller = [], []
    with fixture() as api:
        for nth in range(ROUNDS):
            say(f"start: round {nth + 1} of {ROUNDS}")
            python.append(_python())
            poller.append(_poller(api))
    more = 1000 * (min(poller) - min(python))
    yield Figure("start", "python -c pass, wall", 1000 * min(python), "ms")
    yield Figure("start", "exec to the first request, beyond that", more, "ms", 400, 200)


def _python() -> float:
    began = time.monotonic()
    subprocess.run([LEAN, "-c", "pass"], check=True)
    return time.monotonic() - began


def _poller(api: Fixture) -> float:
    with daemon(api) as running:
        api.marks(1)
    first: float = api.tell("/tape")["first_request"]
    return first - running.started
