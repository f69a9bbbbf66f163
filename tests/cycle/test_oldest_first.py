"""Listings of thousands of finished jobs whose newest are at the far end: what they cost, and what they show."""

import pytest

from poller.models import State
from poller.reading.stretch import OVERLAP
from tests.cycle.bench import Bench, F, P, S, oldest_first

pytestmark = pytest.mark.anyio

DAY = 86_400
BACKLOG = 3000


async def learnt(bench: Bench | None = None, *, state: State = S) -> Bench:
    """Let a bench learn of thousands of finished jobs that the oldest are listed first.

    The last cycle has just read down to the frontier.
    """
    bench = bench or Bench()
    for number in range(BACKLOG):
        bench.api.finish(f"old{number}", -1000 - 10 * number, state=state)
    bench.api.listed = oldest_first
    bench.api.put("waits", P)
    await bench.cycles(31)
    assert bench.reported.news == []
    assert not bench.own.full_scan
    return bench


@pytest.mark.parametrize("state", [S, F])
async def test_a_quiet_cycle_costs_a_request_a_listing_and_one_more_once_per_margin(state: State) -> None:
    """At the end alone, which is proven for the frontier's sake."""
    bench = await learnt(state=state)
    costs = []
    for _ in range(18):
        offsets = await bench.quiet_requests(state)
        assert min(offsets) >= BACKLOG - 100
        costs.append(len(offsets))
    assert sorted(costs) == [1] * 15 + [2] * 3


async def test_growth_is_found_at_the_end_in_the_same_cycle() -> None:
    """With the request that is made anyway."""
    bench = await learnt()
    for number in range(50):
        bench.api.finish(f"new{number}", int(bench.time) + 1)
    offsets = await bench.quiet_requests()
    assert len(bench.reported.ids) == 50
    assert min(offsets) >= BACKLOG - 200
    assert await bench.quiet_requests() == [BACKLOG + 50 - OVERLAP]


async def test_a_burst_of_several_pages_is_found_in_the_same_cycle() -> None:
    """At the cost of the pages that it fills, not of those before."""
    bench = await learnt()
    for number in range(450):
        bench.api.finish(f"new{number}", int(bench.time) + 1)
    offsets = await bench.quiet_requests()
    assert len(bench.reported.ids) == 450
    assert min(offsets) >= BACKLOG - 200
    assert len(offsets) <= 8


async def test_what_grows_in_every_cycle_is_reported_once_each() -> None:
    """The end that was found is where the next reading looks."""
    bench = await learnt()
    for number in range(20):
        for each in range(30):
            bench.api.finish(f"new{number}-{each}", int(bench.time) + 1)
        assert min(await bench.quiet_requests()) >= BACKLOG - 200
    assert len(bench.reported.ids) == len(set(bench.reported.ids)) == 600


async def test_jobs_that_are_purged_at_the_front_hide_none_at_the_end() -> None:
    """All others have moved towards the front."""
    bench = await learnt()
    for number in range(BACKLOG - 700, BACKLOG):
        del bench.api.jobs[f"old{number}"]
    bench.api.finish("new", int(bench.time) + 1)
    await bench.cycle()
    assert bench.reported.ids == ["new"]
    assert min(await bench.quiet_requests()) >= BACKLOG - 700 - 100


async def test_a_page_that_lies_at_the_end_hides_no_job() -> None:
    """It is asked for again."""
    bench = await learnt()
    bench.api.finish("new", int(bench.time) + 1)
    lies = iter([True])
    bench.api.lies = lambda query: query.state is S and next(lies, False)
    await bench.cycle()
    assert bench.reported.ids == ["new"]


@pytest.mark.parametrize("count", [None, 0, 10 * BACKLOG])
async def test_a_count_that_does_not_hold_hides_no_job(count: int | None) -> None:
    """The end is where rows end."""
    bench = Bench()
    bench.api.count = lambda query, rows: count
    await learnt(bench)
    bench.api.finish("new", int(bench.time) + 1)
    offsets = await bench.quiet_requests()
    assert bench.reported.ids == ["new"]
    assert len(offsets) <= 2


async def test_a_cap_that_is_lowered_hides_no_job() -> None:
    """Pages end before the news then, as if there were none; no frontier rests on such an end."""
    bench = Bench()
    bench.api.count = lambda query, rows: None
    await learnt(bench)
    bench.api.cap = 20
    for number in range(30):
        bench.api.finish(f"new{number}", int(bench.time) + 1)
    await bench.cycles(7)
    assert len(bench.reported.ids) == 30


async def test_the_frontier_follows() -> None:
    """Its readings come down to it from the end."""
    bench = await learnt()
    await bench.cycles(30)
    assert bench.frontier() >= bench.time - 6 * 60


async def test_it_is_read_whole_once_a_day() -> None:
    """An order is a hypothesis."""
    bench = await learnt()
    bench.api.asked.clear()
    await bench.cycles(60)
    assert min(bench.api.offsets(S)) >= BACKLOG - 100
    bench.time += DAY
    await bench.cycles(1)
    assert bench.api.offsets(S).count(0) == 1
    bench.api.asked.clear()
    await bench.cycles(60)
    assert min(bench.api.offsets(S)) >= BACKLOG - 100


async def test_a_listing_that_stays_empty_for_an_hour_is_believed_to_be() -> None:
    """Until then no frontier rests on it."""
    bench = await learnt()
    for number in range(BACKLOG):
        del bench.api.jobs[f"old{number}"]
    before = bench.frontier()
    await bench.cycles(350)
    assert bench.frontier() == before
    await bench.cycles(20)
    assert bench.frontier() >= bench.time - 6 * 60
    assert await bench.quiet_requests() == [0]
