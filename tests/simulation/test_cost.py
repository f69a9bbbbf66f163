"""What a poller asks of the API while nothing is wrong stays within what is published."""

from itertools import pairwise
from typing import Any, Final

import pytest

from poller.simulator.options import Order
from tests.simulation.cost import COSTS, Load
from tests.simulation.plan import INTERVAL, Plan
from tests.simulation.situations import calm
from tests.simulation.trial import run

_SWEEP_INTERVAL: Final = 60.0
_BACKLOG: Final = 100_000
_DAY: Final = 86_400.0
_FOR_EVER: Final = 1e9


def _plan(load: Load, seconds: float, **options: Any) -> Plan:  # noqa: ANN401 (options of the simulator)
    """Keep so many jobs active while so many finish a second."""
    runs = load.active / load.rate if load.active and load.rate else _FOR_EVER if load.active else 1.0
    steady = {
        "arrival_rate": load.rate,
        "active_jobs": load.active,
        "queue_time": (0.05, 1.0),
        "run_time": (runs, runs),
        "cities": load.targets,
        "latency": 0.02,
        "jitter": 0.03,
    }
    return calm(1, (0.0, seconds), options=steady | options, sweep_interval=_SWEEP_INTERVAL)


def _requests(plan: Plan) -> list[int]:
    """Run a plan, and return how many requests each of its intervals took."""
    counts = [0]
    run(plan, every=INTERVAL, look=lambda trial: counts.append(trial.api.counts.requests))
    return [after - before for before, after in pairwise(counts)]


def _average(requests: list[int]) -> float:
    return sum(requests) / len(requests)


@pytest.mark.parametrize(("load", "most"), COSTS.items())
def test_a_cycle_costs_what_the_table_states(load: Load, most: int) -> None:
    """No more than that, and not much less, so that the table tells something."""
    warm, measured = (30, 30) if load.active < 10_000 else (12, 4) if load.rate else (18, 12)
    average = _average(_requests(_plan(load, (warm + measured) * INTERVAL + 1))[warm:])
    assert average <= most <= 1.5 * average + 1


def test_a_long_backlog_costs_a_steady_cycle_nothing() -> None:
    """It is read whole twice: at first, and when all is known that was active before it was."""
    plan = _plan(Load(0, 0.1), 720, finished_jobs=_BACKLOG, retention=_DAY)
    requests = _requests(plan)
    assert _average(requests[-24:]) <= COSTS[Load(0, 0.1)]
    pages = _BACKLOG / 80
    assert 2 * pages <= sum(requests) <= 2.2 * pages + len(requests) * COSTS[Load(0, 0.1)]


def test_a_backlog_that_is_sorted_oldest_first_costs_a_steady_cycle_little_more() -> None:
    """Its end is found where it was."""
    plan = _plan(Load(0, 0.1), 500, finished_jobs=_BACKLOG // 10, retention=_DAY, order=Order.OLDEST_FIRST)
    assert _average(_requests(plan)[-12:]) <= 1.5 * COSTS[Load(0, 0.1)]


def test_a_backlog_without_order_is_read_at_no_more_than_half_the_rate() -> None:
    """There is no other way to read it than whole, but there is no hurry."""
    plan = _plan(Load(0, 0.1), 110, finished_jobs=_BACKLOG // 2, retention=_DAY, order=Order.NONE)
    most = plan.max_rps / 2 * INTERVAL + COSTS[Load(0, 0.1)]
    requests = _requests(plan)[2:]
    assert max(requests) <= most
    assert _average(requests) >= most / 2
