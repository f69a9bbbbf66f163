"""How the frontiers of a target move with its cycles, and what they never move past."""

import random
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from poller.errors import RetryLater
from poller.models import Job, Query, State
from tests.cycle.bench import (
    EPOCH,
    PS,
    Bench,
    F,
    P,
    R,
    S,
    newest_created_first,
    newest_first,
    oldest_first,
)

pytestmark = pytest.mark.anyio

DAY = 86_400


async def steady(
    bench: Bench | None = None, *, backlog: int = 300, listed: Callable[[list[Job]], list[Job]] = newest_first
) -> Bench:
    """Let a bench learn how finished jobs are listed, and poll for five minutes."""
    bench = bench or Bench()
    bench.api.backlog(backlog)
    bench.api.listed = listed
    bench.api.put("waits", P)  # so that waiting jobs are known to be listed
    await bench.cycles(30)
    assert bench.reported.news == []
    return bench


def failing(*states: State) -> Callable[[Query], None]:
    """Fail the listings of some states."""

    def fail(query: Query) -> None:
        if query.state in states:
            raise RetryLater("http_503", "HTTP 503")

    return fail


def shuffled(rows: list[Job]) -> list[Job]:
    """List jobs in no order, but the same one each time."""
    return sorted(rows, key=lambda job: random.Random(job.job_id).random())


async def test_a_frontier_follows_the_server_s_clock_some_margins_behind() -> None:
    """Two of them between sweeps and reading, one for what the API shows late, and what is due once per margin."""
    bench = await steady()
    for state in (S, F, PS):
        assert bench.time - 6 * 60 <= bench.frontier(state) <= bench.time - 3 * 60
    await bench.cycles(30)
    assert bench.frontier() >= bench.time - 6 * 60


async def test_a_frontier_stands_still_while_no_sweep_is_complete() -> None:
    """What a sweep did not show may be active since long ago."""
    bench = await steady()
    before = bench.frontier()
    bench.api.fault = failing(R)
    await bench.cycles(60)
    # What had been swept by then still counts, for readings that have come since.
    assert bench.frontier() <= 300
    stood = bench.frontier()
    await bench.cycles(30)
    assert bench.frontier() == stood >= before
    bench.api.fault = failing()
    await bench.cycles(30)
    assert bench.frontier() > bench.time - 6 * 60


async def test_a_frontier_stands_still_while_its_listing_cannot_be_read() -> None:
    """The others move on."""
    bench = await steady()
    bench.api.fault = failing(S)
    before = bench.frontier(S), bench.frontier(F)
    await bench.cycles(60)
    assert bench.frontier(S) == before[0]
    assert bench.frontier(F) >= before[1] + 500


async def test_what_ended_during_an_outage_is_reported_after_it_however_long_that_was() -> None:
    """The frontier has waited for it."""
    bench = await steady()
    bench.api.fault = failing(P, R, S, F, PS)
    for number in range(150):
        bench.api.finish(f"j{number}", int(bench.time) + 10 * number, created=int(bench.time) - 50)
        await bench.cycles(1)
    assert bench.reported.news == []
    bench.api.fault = failing()
    await bench.cycles(1)
    assert len(bench.reported.ids) == 150


async def test_a_lying_empty_page_costs_a_request_and_no_job() -> None:
    """It is asked for again at once, since rows were known."""
    bench = await steady()
    bench.api.finish("hidden", int(bench.time) + 1)
    lies = iter([True])
    bench.api.lies = lambda query: query.state is S and next(lies, False)
    await bench.cycle()
    assert bench.reported.ids == ["hidden"]


async def test_a_head_whose_pages_are_all_empty_moves_no_frontier_where_rows_were_known() -> None:
    """Nobody has seen what was in it: an empty answer alone proves nothing."""
    bench = await steady()
    before = bench.frontier()
    bench.api.lies = lambda query: query.state is S
    bench.api.finish("hidden", int(bench.time) + 1)
    await bench.cycles(60)
    bench.api.lies = lambda query: False
    await bench.cycles(6)
    assert bench.reported.ids == ["hidden"]
    assert bench.frontier() >= before


async def test_a_whole_reading_that_finds_nothing_where_rows_were_known_moves_no_frontier() -> None:
    """Nothing is believed until the next one has shown the same."""
    bench = await steady(listed=shuffled)
    bench.api.finish("hidden", int(bench.time) + 1)
    before = bench.frontier()
    await bench.cycles(5)
    bench.api.lies = lambda query: query.state is S
    bench.time += 60
    await bench.poller.scan()
    assert bench.frontier() <= before + 60
    bench.api.lies = lambda query: False
    await bench.cycles(2)
    assert bench.reported.ids == ["hidden"]


@pytest.mark.parametrize("listed", [newest_first, newest_created_first])
async def test_a_listing_with_its_newest_rows_first_is_read_whole_but_once_a_day(
    listed: Callable[[list[Job]], list[Job]],
) -> None:
    """Whichever time that goes by."""
    bench = await steady(listed=listed)
    assert not bench.own.full_scan
    bench.api.asked.clear()
    await bench.cycles(60)
    assert set(bench.api.offsets(S)) == {0}
    bench.time += DAY
    await bench.cycles(1)
    assert max(bench.api.offsets(S)) >= 200


async def test_a_listing_without_order_is_read_whole_once_per_margin() -> None:
    """That is said, and shown; a job is found wherever it stands."""
    with capture_logs() as entries:
        bench = await steady(listed=shuffled)
    assert bench.own.full_scan
    assert [entry["state"] for entry in entries if "no order" in entry["event"]] == [S]
    for number in range(20):
        bench.api.finish(f"j{number}", int(bench.time) + 1)
    bench.api.asked.clear()
    await bench.cycles(12)
    assert sorted(bench.reported.ids) == sorted(f"j{number}" for number in range(20))
    assert sum(offset >= 200 for offset in bench.api.offsets(S)) <= 8
    assert bench.frontier() > bench.time - 6 * 60


async def test_a_listing_with_its_oldest_rows_first_hides_no_job() -> None:
    """News is at its far end."""
    bench = await steady(listed=oldest_first)
    bench.api.finish("new", int(bench.time) + 1)
    await bench.cycles(8)
    assert bench.reported.ids == ["new"]


async def test_two_sorted_halves_hide_no_job() -> None:
    """Each page is in order, and the head is none."""

    def halves(rows: list[Job]) -> list[Job]:
        later = [job for job in newest_first(rows) if hash_of(job)]
        return [*later, *(job for job in newest_first(rows) if not hash_of(job))]

    def hash_of(job: Job) -> bool:
        return random.Random(job.job_id).random() < 0.5

    bench = await steady(listed=halves)
    assert bench.own.full_scan
    for number in range(20):
        bench.api.finish(f"j{number}", int(bench.time) + 1)
    await bench.cycles(8)
    assert len(bench.reported.ids) == 20


async def test_an_order_that_is_contradicted_leads_to_whole_readings() -> None:
    """It was a hypothesis."""
    bench = await steady()
    bench.api.listed = shuffled
    with capture_logs() as entries:
        await bench.cycles(1)
    assert bench.own.full_scan
    assert "no order" in next(entry["event"] for entry in entries if entry.get("state") is S)
    bench.api.asked.clear()
    bench.api.finish("new", int(bench.time) + 1)
    await bench.cycles(8)
    assert max(bench.api.offsets(S)) >= 200
    assert bench.reported.ids == ["new"]


@pytest.mark.parametrize("turned", [oldest_first, shuffled])
async def test_a_page_that_contradicts_the_order_moves_no_frontier(turned: Callable[[list[Job]], list[Job]]) -> None:
    """Where it shows old jobs alone, the new ones are elsewhere."""
    bench = await steady()
    for number in range(20):
        bench.api.finish(f"new{number}", int(bench.time) + 1)
    before = bench.frontier()
    bench.api.listed = turned
    await bench.cycle()
    assert bench.frontier() == before
    await bench.cycles(8)
    assert len(bench.reported.ids) == 20


async def test_a_page_that_contradicts_the_order_after_a_later_one_has_come_moves_no_frontier() -> None:
    """Pages are read side by side: one that shows old jobs alone may come first, with new ones behind it."""
    bench = await steady()
    bench.api.fault = failing(S)
    bench.api.finish("deep", int(bench.time) + 5)
    await bench.cycles(30)
    bench.api.fault = lambda query: None
    for number in range(110):
        bench.api.finish(f"new{number}", int(bench.time) + 5)

    def mixed(rows: list[Job]) -> list[Job]:
        new = [row for row in rows if row.job_id.startswith("new")]
        old = [row for row in newest_first(rows) if row.job_id.startswith("old")]
        deep = [row for row in rows if row.job_id == "deep"]
        return [*new, *reversed(old[:12]), *old[12:250], *deep, *old[250:]]

    bench.api.listed = mixed
    # The second page has the reversed ones in it, and comes last.
    bench.api.turns = lambda query: 20 if 0 < query.offset < 100 else 1
    before = bench.frontier()
    bench.api.asked.clear()
    await bench.cycle()
    assert bench.api.offsets(S) != sorted(bench.api.offsets(S))
    assert bench.frontier() == before
    await bench.cycles(8)
    assert "deep" in bench.reported.ids


async def test_a_page_behind_the_one_that_ended_a_reading_moves_no_frontier() -> None:
    """It came first, and shows old jobs alone; of what stands between the two nothing is proven."""
    bench = await steady(backlog=600)
    for number in range(115):
        bench.api.finish(f"recent{number}", int(bench.time) + 5)
    await bench.cycle()
    for number in range(200):
        bench.api.finish(f"new{number}", int(bench.time) + 5)
    bench.poller._heads._heads[0].readings = 39  # the next boundaries are not shifted
    # New jobs alone on the first pages, none on the fourth, which comes last; old ones alone on the fifth.
    bench.api.turns = lambda query: 20 if query.offset == 240 else 1
    before = bench.frontier()
    bench.api.asked.clear()
    await bench.cycle()
    assert bench.api.offsets(S)[-2:] == [320, 240]
    assert len(bench.reported.ids) == 315
    assert bench.frontier() == before


async def test_an_order_is_learnt_again_after_it_was_lost() -> None:
    """A page may have been an accident."""
    bench = await steady()
    bench.api.listed = shuffled
    await bench.cycles(6)
    bench.api.listed = newest_first
    await bench.cycles(8)
    assert not bench.own.full_scan
    assert await bench.quiet_requests() == [0]


async def test_a_listing_of_rows_without_end_time_has_no_order() -> None:
    """Nothing would tell where to stop."""
    bench = Bench()
    for number in range(300):
        bench.api.finish(f"old{number}", None, created=-1000 - 10 * number)
    await bench.cycles(12)
    assert bench.own.full_scan
    assert bench.reported.news == []


def wait_unseen(bench: Bench) -> None:
    """Let jobs wait that PENDING counts and never lists."""
    bench.api.put("unseen", P)
    bench.api.lies = lambda query: query.state is P


async def test_an_order_by_creation_is_not_trusted_where_waiting_jobs_are_not_listed() -> None:
    """One may have waited since before the frontier, and end far behind newer ones without having been seen."""
    bench = Bench()
    wait_unseen(bench)
    await steady(bench, listed=newest_created_first)
    assert bench.own.full_scan
    bench.api.finish("unseen", int(bench.time) + 1, created=-1500)
    await bench.cycles(8)
    assert bench.reported.ids == ["unseen"]


async def test_an_order_by_end_is_trusted_where_waiting_jobs_are_not_listed() -> None:
    """Whatever has ended is at its head."""
    bench = Bench()
    wait_unseen(bench)
    await steady(bench, listed=newest_first)
    assert not bench.own.full_scan
    bench.api.finish("unseen", int(bench.time) + 1, created=-1500)
    await bench.cycle()
    assert bench.reported.ids == ["unseen"]


async def test_an_order_by_creation_is_not_trusted_where_jobs_are_in_states_that_no_sweep_reads() -> None:
    """They may stay in such a state for long, and end as unseen."""
    bench = await steady(listed=newest_created_first)
    assert not bench.own.full_scan
    bench.api.jobs["odd"] = Job("odd", State.UNKNOWN, "A", created=EPOCH - 1500)
    bench.api.lies = lambda query: query.state is R
    bench.poller.tracker.sight([bench.api.jobs["odd"]], bench.now())
    await bench.cycles(1)
    assert bench.own.full_scan


async def test_a_short_listing_without_order_is_no_full_scan() -> None:
    """A page is read whole in any case."""
    bench = await steady(listed=shuffled, backlog=60)
    assert not bench.own.full_scan


async def test_a_job_that_began_before_the_start_and_was_in_no_sweep_is_reported() -> None:
    """Though it stands behind newer ones that had ended before the start, in a listing by creation."""
    bench = Bench()
    bench.api.listed = newest_created_first
    bench.api.backlog(300, every=1)
    bench.api.fault = failing(R)
    bench.api.jobs["long"] = Job("long", R, "A", created=EPOCH - 1250, begun=EPOCH - 1249)
    await bench.cycles(12)
    bench.api.finish("long", int(bench.time) + 1, created=-1250)
    await bench.cycles(2)
    bench.api.fault = failing()
    await bench.cycles(60)
    assert bench.reported.ids == ["long"]


async def test_heads_that_were_always_empty_move_their_frontiers() -> None:
    """Where there is nothing, there is nothing to miss."""
    bench = Bench()
    await bench.cycles(30)
    assert bench.frontier() > bench.time - 6 * 60
