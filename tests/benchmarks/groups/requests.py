"""What a quiet fleet costs the API: requests an hour, on a virtual clock, against sweeping in full every time.

Both find an end half an interval later on average, since both look for it once an interval: the poller in the listings
of finished jobs.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from tests.benchmarks.figures import Figure
from tests.benchmarks.progress import say
from tests.simulation.plan import INTERVAL
from tests.simulation.situations import calm
from tests.simulation.trial import Trial, run

_ACTIVE: Final = 10_000
_RATE: Final = 1 / 60
_SETTLED: Final = 60
_MEASURED: Final = 180
_CYCLES_AN_HOUR: Final = 3600 / INTERVAL
_FULL_SWEEP: Final = _ACTIVE // 100 + 1
"""Pages of running jobs, without overlap, and one of the jobs that wait."""


def measure() -> Iterator[Figure]:
    """Simulate a while, and count; the same every time."""
    say("requests: half an hour of a quiet fleet")
    counts = [0]

    def look(trial: Trial) -> None:
        counts.append(trial.api.counts.requests)

    options = {
        "arrival_rate": _RATE,
        "active_jobs": _ACTIVE,
        "queue_time": (0.05, 1.0),
        "run_time": (_ACTIVE / _RATE, _ACTIVE / _RATE),
        "latency": 0.02,
        "jitter": 0.03,
    }
    seconds = (_SETTLED + _MEASURED) * INTERVAL + 1
    run(calm(1, (0.0, seconds), options=options, sweep_interval=6 * INTERVAL), every=INTERVAL, look=look)
    cycles = [after - before for before, after in pairwise(counts)][_SETTLED:]
    hourly = sum(cycles) / len(cycles) * _CYCLES_AN_HOUR
    swept = _FULL_SWEEP * _CYCLES_AN_HOUR
    note = "10 000 active, one completion a minute, interval 10 s"
    yield Figure("requests", "requests an hour", hourly, "/h", note=note)
    yield Figure("requests", "against a full sweep each interval", hourly / swept, "times", 0.5, 0.1)
