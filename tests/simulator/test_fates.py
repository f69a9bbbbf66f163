"""What may become of jobs: vanishing, hiding, early purges, odd times, states that nobody documents."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

import pytest

from poller.models import State
from poller.simulator.api import Api
from poller.simulator.arrivals import Arrivals
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Options, Order, Unset
from poller.simulator.replica import Filter
from poller.simulator.truth import Run, runs_of
from poller.simulator.world import World

Ask = Callable[..., dict[str, Any]]

EMPTY = Options(active_jobs=0, finished_jobs=0, arrival_rate=0)
BUSY = Options(arrival_rate=3, active_jobs=30, finished_jobs=100, queue_time=(2, 10), run_time=(1, 60))
EVERYTHING = Filter(city_id="cn-hangzhou", product_type="uphone-server")
SECONDS = 300


def lives(options: Options, start: float) -> list[SimulatedJob]:
    """Tell the jobs that a world draws in some minutes."""
    arrivals = Arrivals(options, start=start)
    arriving = takewhile(lambda job: job.created < start + SECONDS, arrivals.stream())
    return [*arrivals.backlog(), *arriving]


def share(jobs: list[SimulatedJob], struck: Callable[[SimulatedJob], bool]) -> float:
    """Tell what part of some jobs is struck."""
    return sum(map(struck, jobs)) / len(jobs)


def scripted(start: float, options: Options = EMPTY, **odd: Any) -> Api:  # noqa: ANN401 (fields of a job)
    """Make an API of one job that waits from 0, runs from 5 and ends at 10, and is odd in some way."""
    world = World(options, start=start)
    world.add(SimulatedJob(job_id="mine", created=start, begun=start + 5, ended=start + 10, **odd))
    return Api(options, world)


def states(ask: Ask, api: Api, start: float, ats: tuple[float, ...], **params: str | list[str]) -> list[str | None]:
    """Read the state of the one job at some times, None where no row comes."""
    pages = [ask(api, start + at, **params)["Jobs"] for at in ats]
    return [page[0]["State"] if page else None for page in pages]


def test_vanishing_jobs_have_their_share(start: float) -> None:
    """A share of the jobs is removed while they wait or run, in either state, and none before the start."""
    jobs = [job for job in lives(replace(BUSY, vanish_share=0.3), start) if job.ended > start]
    vanished = [job for job in jobs if job.removed < job.ended]
    assert 0.24 < len(vanished) / len(jobs) < 0.36
    assert all(job.removed >= max(start, job.created) for job in vanished)
    assert {job.removed < job.begun for job in vanished} == {True, False}


@pytest.mark.parametrize("knob", [{"vanish_share": 1}, {"hide_share": 1}])
def test_what_was_over_is_not_struck(start: float, knob: dict[str, Any]) -> None:
    """Jobs that had ended before the start are there at it, and stay."""
    options = replace(BUSY, active_jobs=0, arrival_rate=0, **knob)
    assert len(World(options, start=start).jobs_at(start)) == 100


def test_a_vanished_job_is_gone(start: float, ask: Ask) -> None:
    """A job that vanishes is in no listing and no look-up any more."""
    api = scripted(start, removed=start + 7)
    assert states(ask, api, start, (6.9, 7, 11), JobIds=["mine"]) == ["RUNNING", None, None]
    assert states(ask, scripted(start, removed=start + 7), start, (6.9, 7, 11)) == ["RUNNING", None, None]


def test_history_of_a_vanished_job(start: float) -> None:
    """A job that vanished never ended."""
    job = SimulatedJob(job_id="mine", created=start, begun=start + 5, ended=start + 10, removed=start + 7)
    (run,) = runs_of(job)
    assert (run.begun, run.ended, run.outcome, run.shown_until) == (start + 5, math.inf, None, start + 7)


def test_hidden_jobs_have_their_share(start: float) -> None:
    """A share of the jobs is hidden from some moment of their life on, for as long as asked for."""
    jobs = [job for job in lives(replace(BUSY, hide_share=0.3, hide_time=(2, 9)), start) if job.ended > start]
    hidden = [job for job in jobs if job.hidden[0] < math.inf]
    assert 0.24 < len(hidden) / len(jobs) < 0.36
    assert all(max(start, job.created) <= job.hidden[0] <= job.ended for job in hidden)
    assert all(1.99 < job.hidden[1] - job.hidden[0] < 9.01 for job in hidden)


@pytest.mark.parametrize("params", [{}, {"State": "RUNNING"}, {"JobIds": ["mine"]}])
def test_a_hidden_job_comes_back(start: float, ask: Ask, params: dict[str, str | list[str]]) -> None:
    """Hidden, a job is in no answer, and then it is again."""
    api = scripted(start, hidden=(start + 6, start + 8))
    assert states(ask, api, start, (5.9, 6, 7.9, 8), **params) == ["RUNNING", None, None, "RUNNING"]


def test_a_hidden_job_may_end_unseen(start: float, ask: Ask) -> None:
    """A job that ends while it is hidden comes back finished."""
    api = scripted(start, hidden=(start + 6, start + 12))
    assert states(ask, api, start, (5.9, 10, 11.9, 12)) == ["RUNNING", None, None, "SUCCESS"]


def test_the_truth_of_a_hidden_job(start: float) -> None:
    """Hiding changes nothing about what truly happened, and history says when it was."""
    job = SimulatedJob(job_id="mine", created=start, begun=start, ended=start + 10, hidden=(start + 6, start + 12))
    (run,) = runs_of(job)
    assert (run.ended, run.outcome, run.hidden) == (start + 10, State.SUCCESS, (start + 6, start + 12))


def test_a_lagging_replica_hides_later(start: float) -> None:
    """Each replica hides a job in its own time."""
    world = World(replace(EMPTY, lag=3, lag_share=0.5), start=start)
    world.add(SimulatedJob(job_id="mine", created=start - 9, begun=start, hidden=(start + 6, start + 8)))

    def shown(at: float, *, lagging: bool) -> int:
        return len(world.replica(start + at, lagging=lagging).page(EVERYTHING, offset=0, limit=9).jobs)

    assert [shown(at, lagging=False) for at in (5, 7, 8.5)] == [1, 0, 1]
    assert [shown(at, lagging=True) for at in (8.9, 10, 11)] == [1, 0, 1]


def test_early_purges_have_their_share(start: float) -> None:
    """A share of the jobs goes soon after its end, the rest after their retention."""
    jobs = lives(replace(BUSY, purge_share=0.3, purge_after=(1, 5)), start)
    kept = [job.removed - max(job.ended, start) for job in jobs]
    assert 0.24 < sum(time < 6 for time in kept) / len(jobs) < 0.36
    assert min(kept) > 0.99


def test_no_purge_comes_after_the_retention(start: float) -> None:
    """A purge only ever shortens the time that a job stays."""
    options = replace(BUSY, finished_jobs=0, retention=3, purge_share=1, purge_after=(1, 500))
    assert max(job.removed - job.ended for job in lives(options, start)) < 3.01


def test_a_late_end_time(start: float, ask: Ask) -> None:
    """A row may be terminal some time before it has its EndTime."""
    api = scripted(start, end_delay=4)
    rows = [ask(api, start + at)["Jobs"][0] for at in (9.9, 10, 13.9, 14)]
    assert [(row["State"], row["EndTime"] - int(start)) for row in rows if row["EndTime"]] == [("SUCCESS", 10)]
    assert [row["State"] for row in rows] == ["RUNNING", "SUCCESS", "SUCCESS", "SUCCESS"]


@pytest.mark.parametrize(
    ("order", "place"),
    [(Order.LAST_ENDED_FIRST, [1, 0]), (Order.FIRST_ENDED_FIRST, [0, 1]), (Order.OLDEST_FIRST, [1, 1])],
)
def test_the_place_of_a_late_end_time(start: float, order: Order, place: list[int]) -> None:
    """A listing by end has a row where the active ones are until the API knows its EndTime."""
    world = World(replace(EMPTY, order=order), start=start)
    world.add(SimulatedJob(job_id="other", created=start, begun=start, ended=start + 5))
    world.add(SimulatedJob(job_id="mine", created=start, begun=start, ended=start + 10, end_delay=4, number=1))
    wanted = replace(EVERYTHING, state=State.SUCCESS)
    pages = [world.replica(start + at).page(wanted, offset=0, limit=9).jobs for at in (13, 14)]
    assert [[job.job_id for job in jobs].index("mine") for jobs in pages] == place


@pytest.mark.parametrize("unset", list(Unset))
def test_an_end_time_that_never_comes(start: float, ask: Ask, unset: Unset) -> None:
    """A finished row may lack its EndTime for good, written as one that has not come yet."""
    api = scripted(start, replace(EMPTY, unset_times=unset), shows_end=False)
    running, over = (ask(api, start + at)["Jobs"][0] for at in (9, 1e6))
    assert over["State"] == "SUCCESS"
    assert running.get("EndTime", "absent") == over.get("EndTime", "absent")
    assert over["BeginTime"] == int(start) + 5


def test_a_row_without_times(start: float, ask: Ask) -> None:
    """A row may lack all of its times for good."""
    row = ask(scripted(start, shows_times=False), start + 100)["Jobs"][0]
    assert [row[name] for name in ("State", "CreateTime", "BeginTime", "EndTime")] == ["SUCCESS", 0, 0, 0]


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ({}, 10),
        ({"end_delay": 4}, 14),
        ({"end_delay": 40}, math.inf),
        ({"shows_end": False}, math.inf),
        ({"shows_times": False}, math.inf),
    ],
)
def test_history_tells_when_the_end_time_came(start: float, odd: dict[str, Any], shown: float) -> None:
    """History tells when a row had its EndTime, if it did before it was gone."""
    job = SimulatedJob(job_id="mine", created=start, begun=start, ended=start + 10, removed=start + 30, **odd)
    (run,) = runs_of(job)
    assert run.end_shown == start + shown


@pytest.mark.parametrize(
    ("options", "struck"),
    [
        ({"late_end_share": 0.3, "late_end": 7}, lambda job: job.end_delay == 7),
        ({"no_end_share": 0.3}, lambda job: not job.shows_end),
        ({"no_times_share": 0.3}, lambda job: not job.shows_times),
        ({"unlisted_state_share": 0.3}, lambda job: job.waits_as is not None),
    ],
)
def test_odd_jobs_have_their_share(
    start: float, options: dict[str, Any], struck: Callable[[SimulatedJob], bool]
) -> None:
    """As many jobs are odd as asked for, and without asking none."""
    assert 0.25 < share(lives(replace(BUSY, **options), start), struck) < 0.35
    assert share(lives(BUSY, start), struck) == 0


def test_an_unlisted_state(start: float, ask: Ask) -> None:
    """A job may wait in a state that no one can filter by."""
    ats = (0, 4.9, 5, 10)
    wanted: tuple[dict[str, str | list[str]], ...] = ({}, {"JobIds": ["mine"]}, {"State": "PENDING"})
    whole, found, pending = (states(ask, scripted(start, waits_as="QUEUING"), start, ats, **each) for each in wanted)
    assert whole == found == ["QUEUING", "QUEUING", "RUNNING", "SUCCESS"]
    assert pending == [None] * 4


@pytest.mark.parametrize(
    "knob",
    [
        {"vanish_share": 0.5},
        {"hide_share": 0.5},
        {"purge_share": 0.5},
        {"late_end_share": 0.5},
        {"no_end_share": 0.5},
        {"no_times_share": 0.5},
        {"unlisted_state_share": 0.5},
        {"failed_share": 0.5},
        {"partial_share": 0.5},
        {"max_phones": 9},
    ],
)
def test_a_knob_leaves_the_rest_as_it_was(start: float, knob: dict[str, Any]) -> None:
    """Whatever is turned, the same jobs come at the same times."""

    def story(options: Options) -> list[tuple[object, ...]]:
        world = World(options, start=start, keep_history=True)
        return [_of_a_run(run) for run in world.runs(start + 60) if run.number == 1]

    assert story(replace(BUSY, **knob)) == story(BUSY)


def _of_a_run(run: Run) -> tuple[object, ...]:
    return run.job_id, run.created, run.queued, run.city_id, run.product_type, run.job_type
