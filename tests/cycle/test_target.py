"""One target's cycles against an API that is a list of jobs."""

import anyio
import pytest

from poller.errors import FixCredentials, FixRequest, RetryLater
from poller.models import Job, Query, Task, Unresolved
from tests.cycle.bench import EPOCH, Bench, F, P, R, S, of_finished

pytestmark = pytest.mark.anyio


async def test_a_job_seen_active_and_then_finished_is_reported_in_the_same_cycle() -> None:
    """An absence from a whole sweep is reason to ask at once, even if no listing shows what became of it."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.put("a", R)
    assert await bench.cycle() == "complete"
    bench.api.put("a", F)
    assert await bench.cycle() == "complete"
    assert bench.reported.ended == [("a", F)]
    await bench.cycle()
    assert bench.reported.ended == [("a", F)]


async def test_a_quiet_cycle_asks_for_no_job_by_id() -> None:
    """Where every job was sighted there is no question."""
    bench = Bench()
    bench.api.put("a", R)
    bench.api.put("b", P)
    await bench.cycle()
    await bench.cycle()
    assert bench.api.look_ups == []


async def test_pending_is_swept_before_running() -> None:
    """A job that moves on between the two is seen twice rather than never."""
    bench = Bench()
    bench.api.put("a", P)

    def move_on(query: Query) -> None:
        if query.state is R:
            bench.api.put("a", R)

    bench.api.fault = move_on
    await bench.cycle()
    assert bench.poller.tracker.jobs["a"].state is R


async def test_many_unsighted_jobs_are_asked_for_in_batches_with_a_control() -> None:
    """A look-up has a hundred ids, one of them of a job that must come back."""
    bench = Bench()
    bench.api.lies = of_finished
    for number in range(250):
        bench.api.put(f"j{number}", R)
    bench.api.put("stays", R)
    await bench.cycle()
    for number in range(250):
        bench.api.put(f"j{number}", S)
    await bench.cycle()
    assert len(bench.reported.ended) == 250
    assert sorted(len(query.job_ids) for query in bench.api.look_ups) == [53, 100, 100]
    assert all(query.job_ids[-1] == "stays" for query in bench.api.look_ups)


async def test_a_server_that_caps_pages_hides_no_job() -> None:
    """Listings and look-ups are paged by what came, not by what was asked for."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.cap = 20
    for number in range(150):
        bench.api.put(f"j{number}", R)
    assert await bench.cycle() == "complete"
    assert len(bench.poller.tracker.jobs) == 150
    for number in range(150):
        bench.api.put(f"j{number}", S)
    assert await bench.cycle() == "complete"
    assert len(bench.reported.ended) == 150


async def test_a_vanished_job_is_said_to_be_unresolved() -> None:
    """After three answers over a minute that knew another job and not this one."""
    bench = Bench()
    bench.api.put("a", R)
    bench.api.put("stays", R)
    await bench.cycle()
    del bench.api.jobs["a"]
    for _ in range(7):
        await bench.cycle()
    [gone] = bench.reported.news
    assert isinstance(gone, Unresolved)
    assert gone.job_id == "a"
    assert bench.own.unresolved == {"INSTALL_APP": 1}


async def test_misses_are_counted_from_when_was_asked_however_long_reporting_takes() -> None:
    """A stalled reader makes of three answers within twenty seconds no minute of absence."""
    bench = Bench()
    bench.api.lies = of_finished
    for job_id in ("a", "b", "stays"):
        bench.api.put(job_id, R)
    await bench.cycle()
    gone = bench.api.jobs.pop("a")
    await bench.cycle()
    await bench.cycle()
    bench.api.put("b", S)
    bench.reported.stall = lambda: setattr(bench, "time", bench.time + 100)
    await bench.cycle()
    assert bench.reported.ended == [("b", S)]
    bench.api.jobs["a"] = gone
    await bench.cycle()
    assert len(bench.reported.news) == 1


async def test_a_look_up_that_loses_everything_proves_nothing() -> None:
    """A lying empty answer makes no job unresolved."""
    bench = Bench()
    bench.api.put("a", R)
    bench.api.put("stays", R)
    await bench.cycle()
    listed = dict(bench.api.jobs)
    del bench.api.jobs["a"]

    def lie(query: Query) -> None:
        bench.api.jobs = {} if query.job_ids else {"stays": listed["stays"]}

    bench.api.fault = lie
    for _ in range(100):
        await bench.cycle()
    assert bench.reported.news == []


async def test_counters_and_histograms_follow_what_was_reported() -> None:
    """What a scrape shows agrees with the event log."""
    bench = Bench()
    bench.api.put("a", P)
    await bench.cycle()
    bench.api.put("a", S, end=15)
    await bench.cycle()
    assert bench.own.finished == {("INSTALL_APP", S): 1}
    assert bench.stats.queue_seconds["org-x", "uphone-server", "INSTALL_APP"].total == 50
    assert bench.stats.run_seconds["org-x", "uphone-server", "INSTALL_APP", "SUCCESS"].total == 15 + 40
    assert bench.stats.detection_seconds["org-x", "uphone-server"].total == 5


async def test_a_job_without_times_is_reported_and_observed_nowhere() -> None:
    """Durations that need a time that was not told are not made up."""
    bench = Bench()
    bench.api.jobs["a"] = Job("a", R)
    await bench.cycle()
    bench.api.jobs["a"] = Job("a", S)
    await bench.cycle()
    await bench.cycle(after=60)
    assert bench.reported.ended == [("a", S)]
    assert bench.own.finished == {("unknown", S): 1}
    assert not bench.stats.queue_seconds
    assert not bench.stats.run_seconds
    assert not bench.stats.detection_seconds


async def test_tasks_are_counted_by_how_they_ended() -> None:
    """One for each phone, whatever became of the job."""
    bench = Bench()
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.jobs["a"] = Job("a", F, "INSTALL_APP", ended=EPOCH, tasks=[Task(state=S), Task(state=F), Task(state=F)])
    await bench.cycle()
    assert bench.own.tasks_finished == {("INSTALL_APP", S): 1, ("INSTALL_APP", F): 2}


async def test_a_job_that_moves_on_during_the_sweep_is_not_missed() -> None:
    """PENDING is read first: one that begins to run between the two is in the second, where it was in neither."""
    bench = Bench()
    jobs = {"quick": Job("quick", P)}

    def begin(query: Query) -> None:
        bench.api.jobs = dict(jobs)
        jobs["quick"] = Job("quick", R)

    bench.api.fault = begin
    await bench.cycle()
    assert set(bench.poller.tracker.jobs) == {"quick"}


async def test_page_boundaries_move_from_sweep_to_sweep() -> None:
    """Rows that are served in another order each time do not meet the same boundary twice running."""
    bench = Bench(window=1)
    for number in range(500):
        bench.api.put(f"j{number}", R)
    await bench.cycle()
    boundaries = []
    for _ in range(3):
        bench.api.asked.clear()
        await bench.cycle()
        boundaries.append([query.offset for query in bench.api.asked if query.state is R][1])
    assert len(set(boundaries)) == 3


async def test_an_api_that_takes_few_ids_is_asked_for_few() -> None:
    """How many JobIds a request may carry is not documented: a refusal is no refusal of the target."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.put("stays", R)
    for number in range(50):
        bench.api.put(f"j{number}", R)
    await bench.cycle()
    for number in range(50):
        bench.api.put(f"j{number}", S)

    def refuse_many(query: Query) -> None:
        if len(query.job_ids) > 20:
            raise FixRequest("230", "RetCode 230, too many JobIds")

    bench.api.fault = refuse_many
    assert await bench.cycle() == "complete"
    assert len(bench.reported.ended) == 50
    assert bench.own.refusal is None


async def test_an_id_that_the_api_refuses_costs_nobody_else_an_event() -> None:
    """It alone is said to be unresolved in the end; its neighbours are reported at once."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.put("stays", R)
    for job_id in ("good", "x#1", "fine"):
        bench.api.put(job_id, R)
    await bench.cycle()
    bench.api.put("good", S)
    bench.api.put("fine", F)
    del bench.api.jobs["x#1"]

    def refuse_one(query: Query) -> None:
        if "x#1" in query.job_ids:
            raise FixRequest("230", "RetCode 230, JobIds is not valid")

    bench.api.fault = refuse_one
    assert await bench.cycle() == "complete"
    assert sorted(bench.reported.ended) == [("fine", F), ("good", S)]
    for _ in range(62):
        await bench.cycle()
    [gone] = [item for item in bench.reported.news if isinstance(item, Unresolved)]
    assert gone.job_id == "x#1"


async def test_a_page_that_never_comes_makes_the_cycle_partial_and_loses_no_row() -> None:
    """Rows that arrived count whatever became of the rest."""
    bench = Bench()
    bench.api.put("a", R)

    def fail_pending(query: Query) -> None:
        if query.state is P:
            raise RetryLater("http_503", "HTTP 503")

    bench.api.fault = fail_pending
    assert await bench.cycle() == "partial"
    assert set(bench.poller.tracker.jobs) == {"a"}
    assert not bench.own.up
    assert bench.own.last_complete_at is None


async def test_an_outage_fails_cycles_and_forgets_nothing() -> None:
    """A job that ended during an outage is reported after it."""
    bench = Bench()
    bench.api.put("a", R)
    await bench.cycle()

    def fail(query: Query) -> None:
        raise RetryLater("connect", "cannot reach the API")

    bench.api.fault = fail
    bench.api.put("a", S)
    for _ in range(50):
        assert await bench.cycle() == "failed"
    bench.api.fault = lambda query: None
    assert await bench.cycle() == "complete"
    assert bench.reported.ended == [("a", S)]
    assert bench.own.cycles == {"complete": 2, "failed": 50}


async def test_unsighted_jobs_are_asked_for_after_two_intervals_of_partial_sweeps() -> None:
    """A listing that cannot be read whole does not hide a job's end for ever."""
    bench = Bench()
    bench.api.lies = of_finished
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.put("a", S)

    def fail_pending(query: Query) -> None:
        if query.state is P:
            raise RetryLater("http_503", "HTTP 503")

    bench.api.fault = fail_pending
    await bench.cycle()
    await bench.cycle()
    assert bench.reported.ended == []
    await bench.cycle(after=11)
    assert bench.reported.ended == [("a", S)]


async def test_a_refusal_ends_the_cycle_and_is_told() -> None:
    """Nothing else is asked while the keys are wrong."""
    bench = Bench()

    def refuse(query: Query) -> None:
        raise FixCredentials("171", "RetCode 171, the signature is wrong")

    bench.api.fault = refuse
    assert await bench.cycle() == "failed"
    assert len(bench.api.asked) == 1
    assert bench.own.refusal == "RetCode 171, the signature is wrong"
    bench.api.fault = lambda query: None
    assert await bench.cycle() == "complete"
    assert bench.own.refusal is None


async def test_hidden_pending_jobs_make_cycles_partial_until_that_is_how_the_api_is() -> None:
    """A count without rows is a hole; for the third time it is a blindness, said and lived with."""
    bench = Bench()
    bench.api.put("a", P)
    bench.api.put("b", R)
    bench.api.lies = lambda query: query.state is P
    assert [await bench.cycle() for _ in range(4)] == ["partial", "partial", "complete", "complete"]
    assert bench.own.listed == {P: 1, R: 1}
    bench.api.put("a", R)
    await bench.cycle()
    assert set(bench.poller.tracker.jobs) == {"a", "b"}


async def test_a_count_of_everything_is_neither_a_hole_nor_shown() -> None:
    """A server that counts without the filter is found out by the listing that has rows."""
    bench = Bench()
    bench.api.put("b", R)
    bench.api.count = lambda query, rows: 5000
    await bench.cycle()
    assert await bench.cycle() == "complete"
    assert bench.own.listed == {}


async def test_a_count_that_agrees_is_shown() -> None:
    """Zero included."""
    bench = Bench()
    bench.api.put("b", R)
    await bench.cycle()
    assert bench.own.listed == {P: 0, R: 1}


async def test_an_api_that_does_not_count_is_fine() -> None:
    """TotalCount is optional."""
    bench = Bench()
    bench.api.put("b", R)
    bench.api.count = lambda query, rows: None
    assert await bench.cycle() == "complete"
    assert bench.own.listed == {}


async def test_a_job_held_at_the_end_is_reported_on_the_way_out() -> None:
    """A completion that waited for its EndTime is not lost with the process."""
    bench = Bench()
    bench.api.put("a", R)
    await bench.cycle()
    bench.api.put("a", S, end=None)
    await bench.cycle()
    assert bench.reported.ended == []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.poller.run()
    assert bench.reported.ended == [("a", S)]
