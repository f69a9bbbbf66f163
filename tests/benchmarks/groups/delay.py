"""The same against a server that takes 20 ms for an answer, in wall time."""

from collections.abc import Iterator
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import contend, daemon, fixture

ROUNDS: Final = 5

_ACTIVE: Final = 100_000
_DELAY: Final = 0.02
_CONCURRENCY: Final = 8
_INTERVAL: Final = 3.5
_VENDOR_PAGES: Final = 50


def measure() -> Iterator[Figure]:
    """Measure in rounds, of which the least counts."""
    ours, bounds, vendor = [], [], []
    with fixture(active=_ACTIVE, delay=_DELAY) as api:
        for nth in range(ROUNDS):
            say(f"delay: round {nth + 1} of {ROUNDS}")
            with daemon(api, interval=_INTERVAL) as _running:
                cycle = api.cycles(2)[1]
            ours.append(cycle.seconds)
            bounds.append(cycle.seconds / (cycle.requests * _DELAY / _CONCURRENCY))
            vendor.append(contend("vendor", api.port, _VENDOR_PAGES)["wall"] * _ACTIVE / 100 / _VENDOR_PAGES)
    scaled = f"SDK: {_VENDOR_PAGES} pages, scaled"
    yield Figure("delay", "full cycle, wall, 20 ms an answer", min(ours), "s")
    yield Figure("delay", "wall of the SDK against ours", min(vendor) / min(ours), "times", 10, more=True, note=scaled)
    yield Figure(
        "delay", "wall against the concurrency's bound", min(bounds), "times", 1.5, 1.1, note="requests by 20 ms / 8"
    )
