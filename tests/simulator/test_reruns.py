"""Jobs that are run again under their old id, and the history that tells of it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from poller.models import State
from poller.simulator.api import Api
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Options, Order
from poller.simulator.replica import Filter
from poller.simulator.truth import Run
from poller.simulator.world import World

Ask = Callable[..., dict[str, Any]]

EMPTY = Options(active_jobs=0, finished_jobs=0, arrival_rate=0)
EVERYTHING = Filter(city_id="cn-hangzhou", product_type="uphone-server")
RERUNS = Options(arrival_rate=2, run_time=(0.5, 20), rerun_share=0.5, rerun_after=(1, 30))


def rerun_world(start: float, options: Options = EMPTY) -> World:
    """Script a job that succeeds from 2 to 10 and fails from 22 to 30, with others before and after it."""
    world = World(options, start=start, keep_history=True)
    world.add(SimulatedJob(job_id="older", created=start - 5, begun=start + 1, ended=start + 12))
    world.add(SimulatedJob(job_id="mine", created=start, begun=start + 2, ended=start + 10, number=1))
    world.add(SimulatedJob(job_id="newer", created=start + 5, begun=start + 6, ended=start + 15, number=2))
    world.rerun("mine", queued=start + 20, begun=start + 22, ended=start + 30, outcome=State.FAILED, failed_tasks=1)
    return world


def history(options: Options, start: float, seconds: float) -> list[Run]:
    """Let a world live and tell all of its runs."""
    world = World(options, start=start, keep_history=True)
    for second in range(int(seconds)):
        world.replica(start + second)
    return world.runs(start + seconds)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (0, State.PENDING),
        (2, State.RUNNING),
        (10, State.SUCCESS),
        (19.9, State.SUCCESS),
        (20, State.PENDING),
        (22, State.RUNNING),
        (29.9, State.RUNNING),
        (30, State.FAILED),
        (1e6, State.FAILED),
    ],
)
def test_a_rerun_begins_anew(start: float, at: float, state: State) -> None:
    """A job that is run again waits, runs and ends once more."""
    assert rerun_world(start).job("mine").state_at(start + at) is state


@pytest.mark.parametrize("lagging", [False, True])
def test_both_replicas_show_a_rerun_in_their_time(start: float, lagging: bool) -> None:  # noqa: FBT001 (a parameter)
    """The lagging replica shows the old run until its lag has passed."""
    world = rerun_world(start, replace(EMPTY, lag=5, lag_share=0.5))
    wanted = replace(EVERYTHING, job_ids=frozenset({"mine"}))
    shown: dict[tuple[State | None, float], float] = {}
    for tenth in range(400):
        replica = world.replica(start + tenth / 10, lagging=lagging)
        for run in replica.page(wanted, offset=0, limit=9).jobs:
            shown.setdefault((run.state_at(replica.time), run.begun - start), tenth / 10)
    lag = 5 if lagging else 0
    assert shown == {
        (State.PENDING, 2): lag,
        (State.RUNNING, 2): 2 + lag,
        (State.SUCCESS, 2): 10 + lag,
        (State.PENDING, 22): 20 + lag,
        (State.RUNNING, 22): 22 + lag,
        (State.FAILED, 22): 30 + lag,
    }


def test_rows_of_a_rerun(start: float, ask: Ask) -> None:
    """A rerun keeps its CreateTime, loses begin and end when it is queued, and gets new ones."""
    api = Api(EMPTY, rerun_world(start))
    now = int(start)
    rows = [ask(api, start + at, JobIds=["mine"])["Jobs"][0] for at in (15, 21, 25, 35)]
    assert [[row[name] for name in ("CreateTime", "BeginTime", "EndTime")] for row in rows] == [
        [now, now + 2, now + 10],
        [now, 0, 0],
        [now, now + 22, 0],
        [now, now + 22, now + 30],
    ]
    assert [[task["State"] for task in row["Tasks"]] for row in rows] == [["SUCCESS"], [], ["RUNNING"], ["FAILED"]]


@pytest.mark.parametrize(
    ("order", "waiting", "over"),
    [
        (Order.NEWEST_FIRST, ["newer", "mine", "older"], ["newer", "mine", "older"]),
        (Order.OLDEST_FIRST, ["older", "mine", "newer"], ["older", "mine", "newer"]),
        (Order.LAST_BEGUN_FIRST, ["newer", "older", "mine"], ["mine", "newer", "older"]),
        (Order.LAST_ENDED_FIRST, ["newer", "older", "mine"], ["mine", "newer", "older"]),
        (Order.FIRST_ENDED_FIRST, ["mine", "older", "newer"], ["older", "newer", "mine"]),
        (Order.TWO_HALVES, ["newer", "older", "mine"], ["newer", "older", "mine"]),
        (Order.NONE, ["mine", "newer", "older"], ["mine", "newer", "older"]),
    ],
)
def test_the_place_of_a_rerun(start: float, order: Order, waiting: list[str], over: list[str]) -> None:
    """Orders by creation or id leave a rerun in its place; those by begin and end move it."""
    world = rerun_world(start, replace(EMPTY, order=order))
    listings = [world.replica(start + at).page(EVERYTHING, offset=0, limit=9).jobs for at in (21, 31)]
    assert [[job.job_id for job in jobs] for jobs in listings] == [waiting, over]


@pytest.mark.parametrize("queued", [9.9, 50])
def test_only_an_ended_job_is_run_again(start: float, queued: float) -> None:
    """A job that still runs, or that the API has forgotten, cannot be run again."""
    job = SimulatedJob(job_id="mine", created=start, begun=start, ended=start + 10, removed=start + 50)
    with pytest.raises(ValueError, match="mine"):
        job.again(queued=start + queued, begun=start + 60)


@pytest.mark.parametrize(("at", "lives"), [(15, [State.SUCCESS]), (25, [State.SUCCESS, None])])
def test_a_purge_ends_the_run_of_its_time(start: float, at: float, lives: list[State | None]) -> None:
    """Purged before its rerun, a job is not run again; purged within it, that run has no end."""
    world = rerun_world(start)
    world.purge("mine", at=start + at)
    assert world.job("mine").state_at(start + 40) is None
    assert [run.outcome for run in world.runs(start + 50) if run.job_id == "mine"] == lives


def test_history_of_a_scripted_job(start: float) -> None:
    """History tells each run with its own times, and until when it was shown."""
    first, second = (run for run in rerun_world(start).runs(start + 50) if run.job_id == "mine")
    assert (first.number, first.created, first.queued, first.begun, first.ended) == (
        1, start, start, start + 2, start + 10
    )  # fmt: skip
    assert (first.outcome, first.shown_until) == (State.SUCCESS, start + 20)
    assert (second.number, second.created, second.queued, second.begun, second.ended) == (
        2, start, start + 20, start + 22, start + 30
    )  # fmt: skip
    assert (second.outcome, second.shown_until) == (State.FAILED, math.inf)


def test_history_forgets_nothing(start: float) -> None:
    """Runs that every replica has dropped are still told, and only those that have arrived."""
    runs = history(replace(RERUNS, retention=40), start, 300)
    assert sum(run.shown_until < start + 290 for run in runs) > 500
    assert max(run.queued for run in runs) <= start + 300
    assert len({(run.job_id, run.number) for run in runs}) == len(runs)


def test_history_tells_no_future_run(start: float) -> None:
    """A run that is still to be queued is not told."""
    world = rerun_world(start)
    assert [len(world.runs(start + at)) for at in (-9, -1, 19.9, 20)] == [0, 1, 3, 4]


def test_no_history_unless_asked_for(start: float) -> None:
    """A world that keeps no history says so rather than tell a part of it."""
    with pytest.raises(RuntimeError, match="history"):
        World(EMPTY, start=start).runs(start)


def test_reruns_have_their_share(start: float) -> None:
    """As many of the finished jobs are run again as asked for, once each, in the time after their end."""
    runs = history(RERUNS, start, 400)
    due = {run.job_id for run in runs if run.number == 1 and start <= run.ended < start + 369}
    again = {run.job_id: run for run in runs if run.number == 2}
    assert 0.4 < len(due & again.keys()) / len(due) < 0.6
    waits = [
        again[run.job_id].queued - run.ended for run in runs if run.number == 1 and run.job_id in due & again.keys()
    ]
    assert 1 <= min(waits) < 2
    assert 20 < max(waits) <= 30
    assert {run.number for run in runs} == {1, 2}


def test_outcomes_of_reruns_are_drawn(start: float) -> None:
    """A job may fail where it has succeeded before, and the other way round."""
    outcomes: dict[str, list[State | None]] = {}
    for run in history(replace(RERUNS, failed_share=0.4), start, 400):
        outcomes.setdefault(run.job_id, []).append(run.outcome)
    assert {(State.SUCCESS, State.FAILED), (State.FAILED, State.SUCCESS)} < set(map(tuple, outcomes.values()))


def test_failed_tasks_go_with_the_outcome_of_a_rerun(start: float) -> None:
    """A job of one task does not succeed in part when it is run again, and one of several may."""
    options = replace(RERUNS, failed_share=0, partial_share=0.5, max_phones=2, rerun_share=1, finished_jobs=200)
    world = World(options, start=start)
    again = [job for job in world.jobs_at(start + 60) if job.previous is not None]
    assert {State.SUCCESS, State.PARTIAL_SUCCESS, State.FAILED} == {job.outcome for job in again}
    for job in again:
        assert {
            State.SUCCESS: job.failed_tasks == 0,
            State.FAILED: job.failed_tasks == len(job.uphone_ids) == 1,
            State.PARTIAL_SUCCESS: 0 < job.failed_tasks < len(job.uphone_ids),
        }[job.outcome]


def test_old_jobs_are_run_again_after_the_start(start: float) -> None:
    """What had finished before the world began is run again in it, not before."""
    runs = history(replace(RERUNS, active_jobs=0, arrival_rate=0, finished_jobs=100, rerun_share=1), start, 60)
    assert [run.number for run in runs].count(2) == 100
    assert min(run.queued for run in runs if run.number == 2) >= start + 1


def test_reruns_wait_for_workers_too(start: float) -> None:
    """With workers, runs begin in the order in which they were queued, whether first or second."""
    runs = history(replace(RERUNS, workers=5, arrival_rate=0.3, rerun_share=1), start, 600)
    begun = [run.begun for run in sorted(runs, key=lambda run: run.queued) if run.queued >= start]
    assert len(begun) > 200
    assert begun == sorted(begun)


def test_a_script_goes_before_a_drawn_rerun(start: float) -> None:
    """A job that a test has purged is not brought back by a rerun that was drawn."""
    world = World(replace(RERUNS, arrival_rate=0, active_jobs=0, finished_jobs=1, rerun_share=1), start=start)
    (job,) = world.jobs_at(start)
    world.purge(job.job_id, at=start + 0.5)
    assert world.jobs_at(start + 100) == []


def test_reruns_leave_arrivals_as_they_were(start: float) -> None:
    """Turning on reruns changes no first run."""
    plain, rerun = (
        [run for run in history(options, start, 100) if run.number == 1]
        for options in (replace(RERUNS, rerun_share=0), RERUNS)
    )
    assert [run.job_id for run in plain] == [run.job_id for run in rerun]
    assert [run.ended for run in plain] == [run.ended for run in rerun]


def test_memory_is_bounded_under_reruns(start: float) -> None:
    """Runs are forgotten with their job."""
    world = World(replace(RERUNS, retention=40, lag=3, lag_share=0.5), start=start)
    for second in range(500):
        world.replica(start + second)
        assert len(world._jobs) < 400


def test_answers_about_reruns_are_reproducible(start: float, ask: Ask) -> None:
    """The same requests about the same reruns get the same answers."""
    one, other = (
        [json.dumps(ask(api, start + second, Limit=100)) for second in range(50)]
        for api in (Api(RERUNS, World(RERUNS, start=start)) for _ in range(2))
    )
    assert one == other
