"""Finished jobs that no sweep has shown: found at the newest end of their listings, at the cost of a request each."""

import pytest
from structlog.testing import capture_logs

from poller.errors import RetryLater
from poller.models import Query, State
from tests.cycle.bench import EPOCH, PS, Bench, F, P, R, S, newest_first, of_finished

pytestmark = pytest.mark.anyio


async def ordered(bench: Bench, backlog: int = 120) -> Bench:
    """Let a bench learn, at 10 s, that finished jobs are listed newest first."""
    bench.api.backlog(backlog)
    bench.api.listed = newest_first
    await bench.cycle()
    await bench.poller.scan()
    assert bench.reported.news == []
    return bench


@pytest.mark.parametrize("state", [S, F, PS])
async def test_a_job_that_lived_between_two_sweeps_is_reported(state: State) -> None:
    """Nobody has seen it active, so that no state before is known."""
    bench = Bench()
    await bench.cycle()
    bench.api.finish("quick", 15, state=state)
    assert await bench.cycle() == "complete"
    [completion] = bench.reported.completions
    assert (completion.job.job_id, completion.job.state, completion.previous_state) == ("quick", state, None)
    await bench.cycles(3)
    await bench.poller.scan()
    assert bench.reported.ids == ["quick"]


async def test_a_job_that_ended_after_the_start_and_before_the_first_cycle_is_reported() -> None:
    """News begins with the process, not with its first answer."""
    bench = Bench()
    bench.api.finish("before", -1)
    bench.api.finish("after", 3)
    await bench.cycle()
    assert bench.reported.ids == ["after"]


async def test_a_backlog_of_old_jobs_is_not_reported() -> None:
    """Neither from a head nor from a whole reading."""
    bench = await ordered(Bench())
    await bench.cycles(10)
    assert bench.reported.news == []


async def test_a_quiet_cycle_costs_a_request_a_listing() -> None:
    """Where there is nothing at all."""
    bench = Bench()
    await bench.cycle()
    bench.api.asked.clear()
    await bench.cycle()
    assert [query.state for query in bench.api.asked] == [P, R, S, F, PS]


async def test_a_backlog_of_ten_thousand_costs_a_quiet_cycle_nothing() -> None:
    """Once it has been read whole; and down to the frontier too, which is behind the first page."""
    bench = await ordered(Bench(), backlog=10_000)
    for _ in range(12):
        bench.api.asked.clear()
        assert await bench.cycle() == "complete"
        await bench.poller.scan()
        scans = [query for query in bench.api.asked if query.state in (F, PS)]
        assert bench.api.offsets(S) == [0]
        assert len(scans) <= 6


async def test_a_head_is_read_on_while_its_pages_bring_news() -> None:
    """A burst is reported in the cycle that finds it, and of the backlog behind it no more is read than it was long."""
    bench = await ordered(Bench(), backlog=1000)
    for number in range(250):
        bench.api.finish(f"j{number}", 15)
    offsets = await bench.quiet_requests()
    # Where page boundaries lie changes from reading to reading.
    assert 250 - 100 <= max(offsets) < 2 * 250
    assert len(bench.reported.ended) == 250
    assert await bench.quiet_requests() == [0]


async def test_the_pages_of_a_long_burst_are_read_side_by_side() -> None:
    """After an outage there are thousands of jobs to catch up with, and the API may take its time for each page."""
    bench = await ordered(Bench(window=4), backlog=100)
    bench.api.turns = lambda query: 20
    for number in range(2000):
        bench.api.finish(f"j{number}", 15)
    await bench.cycle()
    assert len(bench.reported.ended) == 2000
    assert bench.api.most == 4


async def test_jobs_that_were_tracked_are_reported_from_the_head_with_their_state_before() -> None:
    """No look-up is needed."""
    bench = Bench()
    bench.api.put("a", R)
    bench.api.put("b", P)
    await bench.cycle()
    bench.api.put("a", S)
    bench.api.put("b", F)
    await bench.cycle()
    assert {(item.job.job_id, item.previous_state) for item in bench.reported.completions} == {("a", R), ("b", P)}
    assert bench.api.look_ups == []


async def test_once_per_margin_a_head_is_read_down_to_the_frontier() -> None:
    """A job that is listed late stands behind newer ones, which are no news any more."""
    bench = await ordered(Bench(), backlog=300)
    for number in range(220):
        bench.api.finish(f"j{number}", 15 + number // 100)
    await bench.cycle()
    bench.api.finish("late", 5)
    costs = []
    while "late" not in bench.reported.ids:
        costs.append(await bench.quiet_requests())
    assert bench.time <= 20 + 60
    assert costs[:-1] == [[0]] * (len(costs) - 1)
    assert len(costs[-1]) in {4, 5}


async def test_a_job_that_has_no_end_time_yet_is_held_and_looked_up() -> None:
    """It is reported once, with the time that has come."""
    bench = await ordered(Bench())
    bench.api.finish("a", None, created=12)
    await bench.cycle()
    assert [query.job_ids for query in bench.api.look_ups] == [("a",)]
    assert bench.reported.news == []
    bench.api.finish("a", 19, created=12)
    await bench.cycle()
    [completion] = bench.reported.completions
    assert completion.job.end_time == EPOCH + 19
    await bench.cycles(3)
    assert bench.reported.ids == ["a"]


async def test_a_job_whose_end_time_never_comes_is_reported_without() -> None:
    """A minute after it was seen."""
    bench = await ordered(Bench())
    bench.api.finish("a", None, created=12)
    await bench.cycles(6)
    assert bench.reported.news == []
    await bench.cycle()
    [completion] = bench.reported.completions
    assert (completion.job.end_time, completion.seen_at) == (None, EPOCH + 20)


async def test_lookback_reports_what_ended_before_the_start() -> None:
    """For as long as was wished, and however deep it lies."""
    bench = Bench(lookback=600)
    bench.api.listed = newest_first
    for number in range(150):
        bench.api.finish(f"new{number}", -2 * number)
    bench.api.finish("in", -600)
    bench.api.finish("out", -601)
    await bench.cycle()
    await bench.poller.scan()
    assert len(bench.reported.ids) == 151
    assert "in" in bench.reported.ids
    assert "out" not in bench.reported.ids


@pytest.mark.parametrize("skew", [-300, 0, 300])
async def test_news_begins_at_the_start_by_the_servers_clock(skew: int) -> None:
    """Ours may be minutes off."""
    bench = Bench()
    bench.api.date = lambda: EPOCH + int(bench.time) + skew
    bench.api.finish("old", skew - 1)
    bench.api.finish("new", skew + 1)
    await bench.cycle()
    assert bench.reported.ids == ["new"]


async def test_there_is_no_news_before_an_answer_tells_the_time() -> None:
    """The first cycle that fails leaves it to the next, and nothing is lost."""
    bench = Bench()

    def fail(query: Query) -> None:
        raise RetryLater("connect", "cannot reach the API")

    bench.api.fault = fail
    assert await bench.cycle() == "failed"
    await bench.poller.scan()
    assert not bench.poller.tracker.ledger.frontiers
    bench.api.fault = lambda query: None
    bench.api.finish("a", 5)
    await bench.cycle()
    assert bench.reported.ids == ["a"]


async def test_a_head_that_cannot_be_read_makes_the_cycle_partial() -> None:
    """The others are read all the same."""
    bench = Bench()

    def fail(query: Query) -> None:
        if query.state is S:
            raise RetryLater("http_503", "HTTP 503")

    bench.api.fault = fail
    bench.api.finish("a", 5, state=F)
    assert await bench.cycle() == "partial"
    assert bench.reported.ids == ["a"]


async def test_a_server_that_caps_pages_hides_no_finished_job() -> None:
    """Heads advance by what came."""
    bench = await ordered(Bench(), backlog=100)
    bench.api.cap = 20
    for number in range(90):
        bench.api.finish(f"j{number}", 15)
    await bench.cycle()
    assert len(bench.reported.ended) == 90


async def test_what_was_reported_is_forgotten_once_the_frontier_has_passed_it() -> None:
    """Memory is bounded by what ends within some minutes, and nothing is reported again."""
    bench = await ordered(Bench())
    for number in range(100):
        bench.api.finish(f"j{number}", 15)
    await bench.cycles(60)
    assert len(bench.poller.tracker.ledger) == 0
    await bench.poller.scan()
    assert len(bench.reported.ended) == 100


async def test_jobs_that_end_all_the_time_are_each_reported_once() -> None:
    """While the frontier moves, and heads are read down to it."""
    bench = await ordered(Bench())
    for number in range(60):
        for each in range(30):
            bench.api.finish(f"j{number}-{each}", int(bench.time) + each % 10)
        await bench.cycles(1)
    assert len(bench.reported.ids) == len(set(bench.reported.ids)) == 1800
    assert 0 < len(bench.poller.tracker.ledger) < 1200


async def test_heads_that_lie_cost_look_ups_and_no_job() -> None:
    """What was tracked is asked for by its id."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.put("a", S)
    await bench.cycle()
    assert bench.reported.ended == [("a", S)]


async def test_another_end_of_a_reported_job_is_told_to_the_operator_alone() -> None:
    """What was reported first stands."""
    bench = await ordered(Bench())
    bench.api.finish("a", 15)
    await bench.cycle()
    bench.api.finish("a", 16, created=13, state=F)
    with capture_logs() as entries:
        await bench.cycles(2)
    assert bench.reported.ids == ["a"]
    assert [entry["jobs"] for entry in entries if "first ones stand" in entry["event"]] == [1]
