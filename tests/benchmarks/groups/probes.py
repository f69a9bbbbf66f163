"""How long ``/metrics`` and ``/livez`` take while the poller sweeps, where the API takes 20 ms for an answer."""

import http.client
import time
from collections.abc import Iterator
from typing import Final

from tests.benchmarks.curves import percentile
from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import daemon, fixture, get

ROUNDS: Final = 5

_ACTIVE: Final = 100_000
_CITIES: Final = 20
_DELAY: Final = 0.02
_PROBES: Final = 120
_EVERY: Final = 0.02
_PATHS: Final = ("/metrics", "/livez")


def measure() -> Iterator[Figure]:
    """Measure in rounds, each on a fresh daemon; the least of their percentiles counts."""
    found: dict[str, list[float]] = {path: [] for path in _PATHS}
    series = 0
    with fixture(active=_ACTIVE, cities=_CITIES, delay=_DELAY) as api:
        for nth in range(ROUNDS):
            say(f"probes: round {nth + 1} of {ROUNDS}")
            with daemon(api, cities=_CITIES) as running:
                # Every target has shown its gauges by then.
                time.sleep(_ACTIVE / 80 * _DELAY / 8 + 1)
                series = _series(running.address)
                for path, seconds in _probe(running.address).items():
                    found[path].append(percentile(seconds, 0.99))
    for path, seconds in found.items():
        note = f"{series} series, {_CITIES} targets of 5 000 jobs"
        yield Figure("probes", f"{path}, p99 during sweeps", 1000 * min(seconds), "ms", 10, 4, note=note)


def _series(address: str) -> int:
    text = get(address, "/metrics").decode()
    return sum(not line.startswith("#") for line in text.splitlines())


def _probe(address: str) -> dict[str, list[float]]:
    """Ask by turns, and return how many seconds each took. A scraper keeps its connection, a kubelet does not."""
    seconds: dict[str, list[float]] = {path: [] for path in _PATHS}
    scraper = http.client.HTTPConnection(address)
    for _ in range(_PROBES):
        for path, connection in (("/metrics", scraper), ("/livez", http.client.HTTPConnection(address))):
            began = time.monotonic()
            connection.request("GET", path)
            assert connection.getresponse().read()
            seconds[path].append(time.monotonic() - began)
            time.sleep(_EVERY)
            if connection is not scraper:
                connection.close()
    return seconds
