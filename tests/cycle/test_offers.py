"""How far a frontier moves is settled when the reading that moves it begins."""

import pytest

from poller.models import Query, State
from poller.tracker import decode_target
from tests.cycle.bench import EPOCH, R, S
from tests.cycle.test_frontiers import steady
from tests.cycle.test_memory import Remembering

pytestmark = pytest.mark.anyio

MARGIN = 60


async def test_a_reading_moves_a_frontier_no_further_than_was_offered_when_it_began() -> None:
    """Sweeps that are proof only by its end prove nothing of what it has shown before."""
    bench = await steady()

    def crawl(query: Query) -> None:
        bench.time += 5 * MARGIN if query.state is S else 0

    bench.api.fault = crawl
    began = bench.time + 10
    await bench.cycle()
    assert bench.frontier() <= began - 3 * MARGIN


async def test_jobs_are_never_kept_without_the_frontiers_of_that_moment() -> None:
    """An older one would make news of what is forgotten by a newer one."""
    bench = Remembering()
    await steady(bench)
    before = bench.frontier()
    for number in range(12):
        bench.api.put(f"j{number}", R)
        await bench.cycle()
        kept = decode_target(bench.store.entries[""])
        assert kept.frontiers[State.SUCCESS] - EPOCH == bench.frontier()
    assert bench.frontier() > before
