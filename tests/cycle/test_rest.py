"""Where the first pages and the heads explain what the API counts, they take the place of a sweep for a while."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from poller.errors import FixCredentials, RetryLater
from poller.models import Job, Query, State, Unresolved
from tests.cycle.bench import EPOCH, PS, TARGET, Bench, F, P, R, S, newest_first

pytestmark = pytest.mark.anyio

INTERVALS = 6
"""How many of them a sweep may wait for."""


async def still(bench: Bench, running: int = 150) -> Bench:
    """Let a bench sweep once, so that the next cycle, at 20 s, is the first that may rest."""
    bench.stats.sweep_interval = INTERVALS * bench.stats.interval
    for number in range(running):
        bench.api.put(f"r{number}", R)
    bench.api.put("waits", P)
    await bench.cycle()
    assert bench.reported.news == []
    return bench


async def rests(bench: Bench, after: float = 10) -> bool:
    """Run a cycle; tell whether it was content with the first pages of what is active."""
    bench.api.asked.clear()
    await bench.cycle(after)
    return bench.api.offsets(P) == bench.api.offsets(R) == [0]


def failing(state: State, times: int) -> Callable[[Query], None]:
    """Fail the next requests for a listing."""
    left = iter(range(times))

    def fail(query: Query) -> None:
        if query.state is state and next(left, None) is not None:
            raise RetryLater("http_503", "HTTP 503")

    return fail


async def test_a_cycle_at_rest_costs_five_requests() -> None:
    """The first page of each listing, however many jobs are active; and it is complete."""
    bench = await still(Bench(), running=1000)
    bench.api.asked.clear()
    assert await bench.cycle() == "complete"
    assert [(query.state, query.offset) for query in bench.api.asked] == [(P, 0), (R, 0), (S, 0), (F, 0), (PS, 0)]


async def test_a_sweep_follows_once_the_sweep_interval_is_over() -> None:
    """And one rests again after it, since it has found everything as it was."""
    bench = await still(Bench())
    rested = [await rests(bench) for _ in range(2 * INTERVALS)]
    assert rested == 2 * [*[True] * (INTERVALS - 1), False]


async def test_a_cycle_that_begins_a_little_early_sweeps_rather_than_an_interval_late() -> None:
    """Timers are not exact."""
    bench = await still(Bench())
    for _ in range(INTERVALS - 1):
        assert await rests(bench)
    assert not await rests(bench, after=9.7)


async def test_a_sweep_that_is_not_whole_is_followed_by_another() -> None:
    """What it lacks is not known."""
    bench = await still(Bench())

    def fail(query: Query) -> None:
        if query.state is R and query.offset:
            raise RetryLater("http_503", "HTTP 503")

    bench.api.fault = fail
    bench.api.put("new", R)
    assert not await rests(bench)
    bench.api.fault = lambda query: None
    assert not await rests(bench)
    assert await rests(bench)


async def test_a_sweep_that_was_refused_midway_is_made_up_for() -> None:
    """Nobody has read the rest."""
    bench = await still(Bench())

    def refuse(query: Query) -> None:
        if query.state is PS:
            bench.api.put("new", R)
        if query.state is R and query.offset:
            raise FixCredentials("171", "RetCode 171")

    bench.api.fault = refuse
    bench.api.put("other", R)
    assert await bench.cycle() == "partial"
    bench.api.fault = lambda query: None
    assert not await rests(bench)
    assert "new" in bench.poller.tracker.jobs


async def test_a_frontier_moves_on_while_most_cycles_rest() -> None:
    """The sweeps that are left are enough."""
    bench = await still(Bench())
    await bench.cycles(120)
    assert bench.frontier() >= bench.time - 8 * 60


@pytest.mark.parametrize("number", [0, 149])
async def test_a_job_whose_end_the_heads_show_is_reported_without_a_sweep(number: int) -> None:
    """One is running less, and one has finished more: as many as are known here."""
    bench = await still(Bench())
    bench.api.put(f"r{number}", S)
    assert await rests(bench)
    assert bench.reported.ended == [(f"r{number}", S)]
    assert await rests(bench)


async def test_a_job_that_ends_behind_the_first_page_of_a_head_is_swept_for() -> None:
    """One is running less than are known here."""
    bench = Bench()
    bench.api.backlog(120)
    await still(bench)
    bench.api.put("r120", S)
    assert not await rests(bench)
    assert bench.reported.ended == [("r120", S)]
    assert await rests(bench)


async def test_a_job_that_is_gone_without_a_trace_is_swept_for() -> None:
    """One is running less, and no head tells why: it is asked for by its id."""
    bench = await still(Bench())
    del bench.api.jobs["r120"]
    assert not await rests(bench)
    assert {query.job_ids[0] for query in bench.api.look_ups} == {"r120"}


async def test_there_is_rest_where_an_empty_listing_has_no_count() -> None:
    """What the vendor's page does not promise is left out where it is nought, say."""
    bench = Bench()
    bench.api.count = lambda query, rows: rows or None
    await still(bench)
    assert await rests(bench)
    bench.api.finish("quick", int(bench.time) + 1)
    assert await rests(bench)
    assert bench.reported.ids == ["quick"]


async def test_there_is_no_rest_where_a_listing_of_finished_jobs_has_no_count() -> None:
    """What has ended behind its first page would not show."""
    bench = Bench()
    bench.api.backlog(120)
    bench.api.count = lambda query, rows: None if query.state is S else rows
    await still(bench)
    assert not any([await rests(bench) for _ in range(3)])


async def test_a_job_that_arrives_on_the_first_page_needs_no_sweep() -> None:
    """It is tracked from there, and one more is counted."""
    bench = Bench()
    bench.api.listed = reversed
    await still(bench)
    bench.api.put("new", R)
    assert await rests(bench)
    assert "new" in bench.poller.tracker.jobs


async def test_jobs_that_are_counted_and_not_ours_end_no_rest() -> None:
    """As many more are counted as before: another target has them."""
    bench = Bench()
    bench.poller.tracker.elsewhere = lambda job_id: TARGET if job_id.startswith("r1") else None
    await still(bench)
    assert await rests(bench)
    bench.api.put("r2", S)
    assert await rests(bench)


async def test_a_job_that_arrives_behind_the_first_page_is_tracked_in_the_same_cycle() -> None:
    """The count tells of it."""
    bench = await still(Bench())
    assert await rests(bench)
    bench.api.put("new", R)
    assert not await rests(bench)
    assert "new" in bench.poller.tracker.jobs


async def test_a_job_that_moves_on_within_the_first_pages_is_swept_for() -> None:
    """PENDING shows it no more."""
    bench = await still(Bench())
    assert await rests(bench)
    bench.api.put("waits", R)
    bench.api.put("next", P)
    assert not await rests(bench)
    assert bench.poller.tracker.jobs["waits"].state is R


async def test_one_that_ends_and_one_that_arrives_do_not_hide_each_other() -> None:
    """RUNNING is as long as before, but one more has finished, though the first page of those does not show it."""
    bench = Bench()
    bench.api.backlog(120)
    await still(bench)
    assert await rests(bench)
    bench.api.put("r120", S)
    bench.api.put("new", R)
    assert not await rests(bench)
    assert bench.reported.ended == [("r120", S)]
    assert "new" in bench.poller.tracker.jobs


async def test_a_short_lived_job_is_reported_from_its_head_and_needs_no_sweep() -> None:
    """It has come and gone, and is counted among the finished as it is here."""
    bench = await still(Bench())
    bench.api.finish("quick", int(bench.time) + 1)
    assert await rests(bench)
    assert bench.reported.ids == ["quick"]


async def test_heads_are_read_once_in_a_cycle_that_cannot_rest() -> None:
    """What they have shown is not asked for again after the sweep."""
    bench = await still(Bench())
    bench.api.put("new", R)
    assert not await rests(bench)
    assert bench.api.offsets(S) == bench.api.offsets(PS) == [0]


async def test_a_finished_job_that_is_purged_does_not_end_the_rest() -> None:
    """There are fewer of them, which is no news."""
    bench = Bench()
    bench.api.listed = newest_first
    bench.api.backlog(120)
    await still(bench)
    assert await rests(bench)
    del bench.api.jobs["old119"]
    assert await rests(bench)


async def test_a_finished_job_that_is_purged_hides_no_later_end() -> None:
    """What is fewer by then is what later counts are held against."""
    bench = Bench()
    bench.api.backlog(120)
    await still(bench)
    del bench.api.jobs["old119"]
    assert await rests(bench)
    bench.api.put("r120", S)
    bench.api.put("new", R)
    assert not await rests(bench)
    assert bench.reported.ended == [("r120", S)]


async def test_a_change_is_followed_by_rest_again() -> None:
    """The sweep that it has led to has found all else."""
    bench = await still(Bench())
    bench.api.put("new", R)
    assert not await rests(bench)
    assert await rests(bench)


@pytest.mark.parametrize("count", [None, 7, 10_000])
async def test_there_is_no_rest_where_counts_do_not_hold(count: int | None) -> None:
    """Nothing would tell of what is behind the first page."""
    bench = Bench()
    bench.api.count = lambda query, rows: None if count is None else count if query.state is R else rows
    await still(bench)
    assert not any([await rests(bench) for _ in range(5)])


async def test_there_is_no_rest_where_waiting_jobs_are_kept_from_us() -> None:
    """A sweep is no proof of what is active then."""
    bench = Bench()
    bench.api.lies = lambda query: query.state is P
    await still(bench)
    await bench.cycles(3)
    assert not any([await rests(bench) for _ in range(5)])
    assert bench.own.up


@pytest.mark.parametrize(("running", "rested"), [(99, False), (100, True)])
async def test_there_is_rest_where_more_than_a_page_of_jobs_is_active(running: int, rested: bool) -> None:  # noqa: FBT001 (a parameter of the table)
    """Nothing is saved with fewer; one waits beside those that run."""
    bench = await still(Bench(), running=running)
    bench.api.asked.clear()
    await bench.cycle()
    assert (len(bench.api.asked) == 5) is rested


async def test_there_is_no_rest_where_every_cycle_is_to_sweep() -> None:
    """The sweep interval is the interval."""
    bench = await still(Bench())
    bench.stats.sweep_interval = bench.stats.interval
    assert not any([await rests(bench) for _ in range(5)])


@pytest.mark.parametrize("state", [P, R])
async def test_a_first_page_that_does_not_come_is_no_reason_to_rest(state: State) -> None:
    """The sweep asks for it again; what is behind it counts as ever."""
    bench = await still(Bench())
    bench.api.fault = failing(state, 1)
    bench.api.asked.clear()
    assert await bench.cycle() == "complete"
    assert len(bench.api.offsets(R)) > 1


async def test_a_head_that_does_not_come_is_no_reason_to_rest() -> None:
    """It is read again after the sweep, and what it has is reported."""
    bench = await still(Bench())
    bench.api.fault = failing(F, 1)
    bench.api.finish("quick", int(bench.time) + 1, state=F)
    assert not await rests(bench)
    assert bench.api.offsets(F)[:2] == [0, 0]
    assert bench.reported.ids == ["quick"]
    assert bench.own.up


async def test_a_cycle_that_is_complete_is_not_said_to_be_none() -> None:
    """A first page that did not come was read by the sweep."""
    bench = await still(Bench())
    bench.api.fault = failing(P, 1)
    with capture_logs() as entries:
        assert await bench.cycle() == "complete"
    assert [entry for entry in entries if entry["log_level"] == "warning"] == []


async def test_an_empty_first_page_is_no_reason_to_rest() -> None:
    """It may be a lie, and is not what the sweep had left."""
    bench = await still(Bench())
    lies = iter([True])
    bench.api.lies = lambda query: query.state is R and next(lies, False)
    assert not await rests(bench)
    assert bench.own.up


async def test_a_refusal_ends_a_cycle_at_rest_with_its_first_request() -> None:
    """Neither the heads nor a sweep follow."""
    bench = await still(Bench())

    def refuse(query: Query) -> None:
        raise FixCredentials("171", "RetCode 171")

    bench.api.fault = refuse
    bench.api.asked.clear()
    assert await bench.cycle() == "failed"
    assert len(bench.api.asked) == 1


async def test_no_job_is_looked_up_because_no_first_page_has_shown_it() -> None:
    """The last sweep has."""
    bench = await still(Bench(), running=1000)
    for _ in range(INTERVALS - 1):
        assert await rests(bench)
        assert bench.api.look_ups == []
    assert len(bench.poller.tracker.jobs) == 1001


async def test_a_job_that_the_last_sweep_did_not_show_is_looked_up_at_rest() -> None:
    """Until it is said to be unresolved, no later than with a sweep in every cycle."""
    bench = Bench()
    bench.api.put("gone", R)
    await bench.cycle()
    del bench.api.jobs["gone"]
    await still(bench)
    await bench.cycle()
    for _ in range(4):
        assert await rests(bench)
        assert {query.job_ids[0] for query in bench.api.look_ups} == {"gone"}
    await bench.cycles(1)
    assert [item.job_id for item in bench.reported.news if isinstance(item, Unresolved)] == ["gone"]
    assert bench.time == 80


async def test_a_job_that_waits_for_its_end_time_is_looked_up_at_rest() -> None:
    """It is reported once that has come."""
    bench = await still(Bench())
    bench.api.put("r120", S, end=None)
    assert not await rests(bench)
    bench.api.jobs["r120"] = Job("r120", S, "A", created=EPOCH - 90, begun=EPOCH - 40, ended=EPOCH + 35)
    assert await rests(bench)
    assert bench.reported.ids == ["r120"]
