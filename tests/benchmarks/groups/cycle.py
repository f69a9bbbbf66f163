"""A cycle over 100 000 active jobs, ten of which end meanwhile, in CPU time, against the floor and the vendor's SDK."""

from collections.abc import Iterator
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.benchmarks.running import LEAN, Fixture, contend, daemon, fixture

ACTIVE: Final = 100_000
ROUNDS: Final = 5

_PAGES: Final = ACTIVE // 100
_VENDOR_PAGES: Final = 250
_CYCLES: Final = 3


def measure() -> Iterator[Figure]:
    """Measure in rounds, of which the least counts."""
    took: dict[str, list[float]] = {"first": [], "cycle": [], "fetch": [], "floor": [], "vendor": [], "quiet": []}
    requests = 0
    with fixture(active=ACTIVE, churn=10) as api:
        for nth in range(ROUNDS):
            say(f"cycle: round {nth + 1} of {ROUNDS}")
            requests = _round(api, took)
    least = {name: min(seconds) for name, seconds in took.items()}
    cycle, floor = least["cycle"], least["floor"]
    vendor, quiet = (least[name] * _PAGES / _VENDOR_PAGES for name in ("vendor", "quiet"))
    scaled = f"SDK: {_VENDOR_PAGES} pages, scaled"
    yield Figure("cycle", "floor, CPU for 1 000 pages", 1000 * floor, "ms")
    yield Figure("cycle", "steady cycle, CPU", 1000 * cycle, "ms", note=f"{requests} requests, ten completions")
    yield Figure("cycle", "first cycle, CPU", 1000 * least["first"], "ms")
    yield Figure("cycle", "CPU against the floor", cycle / floor, "times", 2.5, 1.6)
    yield Figure(
        "cycle", "CPU of the vendor's SDK against ours", vendor / cycle, "times", 12, 20, more=True, note=scaled
    )
    yield Figure("cycle", "the same, the SDK's logs turned off", quiet / cycle, "times", note=scaled)
    beyond = 100 * (cycle / least["fetch"] - 1)
    yield Figure("cycle", "CPU beyond fetch and decode alone", beyond, "%", 20, 10)


def _round(api: Fixture, took: dict[str, list[float]]) -> int:
    with daemon(api) as _running:
        first, *steady = api.cycles(_CYCLES)
    best = min(steady, key=lambda cycle: cycle.cpu)
    took["first"].append(first.cpu)
    took["cycle"].append(best.cpu)
    took["fetch"].append(contend("fetch", api.port, best.requests, python=LEAN)["cpu"])
    took["floor"].append(contend("floor", api.port, _PAGES)["cpu"])
    took["vendor"].append(contend("vendor", api.port, _VENDOR_PAGES)["cpu"])
    took["quiet"].append(contend("vendor", api.port, _VENDOR_PAGES, more=("quiet",))["cpu"])
    return best.requests
