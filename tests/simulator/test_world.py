"""The world: jobs as a pure function of seed and time."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from poller.models import State
from poller.simulator.jobs import JOB_TYPES, SimulatedJob
from poller.simulator.options import Options
from poller.simulator.replica import Filter, Replica
from poller.simulator.world import World

ORDER = {State.PENDING: 0, State.RUNNING: 1, State.SUCCESS: 2, State.FAILED: 2, State.PARTIAL_SUCCESS: 2}
EVERYTHING = Filter(city_id="cn-hangzhou", product_type="uphone-server")


def ids(replica: Replica, state: State | None = None) -> set[str]:
    """Read all jobs of a replica in a state."""
    return {job.job_id for job in replica.page(replace(EVERYTHING, state=state), offset=0, limit=10**6).jobs}


def true_ids(world: World, time: float, state: State | None = None) -> set[str]:
    """Say which jobs truly are in a state."""
    return {job.job_id for job in world.jobs_at(time) if state in {None, job.state_at(time)}}


def test_same_seed_gives_same_jobs(start: float) -> None:
    """Two worlds of one seed tell the same story."""
    one, other = (World(Options(seed=3), start=start) for _ in range(2))
    assert one.jobs_at(start + 100) == other.jobs_at(start + 100)


def test_other_seed_gives_other_jobs(start: float) -> None:
    """A seed matters."""
    one, other = (World(Options(seed=seed), start=start) for seed in (3, 4))
    assert not true_ids(one, start + 10) & true_ids(other, start + 10)


def test_asking_changes_nothing(start: float) -> None:
    """A world that is asked all the time tells the same story as one that is asked once."""
    asked, left_alone = (World(Options(retention=20), start=start) for _ in range(2))
    for second in range(100):
        asked.replica(start + second)
    asked.replica(start + 100)
    left_alone.replica(start + 100)
    assert asked.jobs_at(start + 100) == left_alone.jobs_at(start + 100)


def test_a_job_never_goes_back(start: float) -> None:
    """States follow each other in order until the job is forgotten."""
    world = World(Options(retention=30, run_time=(0.05, 20)), start=start)
    seen: dict[str, State] = {}
    for tenth in range(600):
        now = start + tenth / 10
        for job in world.jobs_at(now):
            state = job.state_at(now)
            assert state is not None
            assert ORDER[state] >= ORDER[seen.get(job.job_id, State.PENDING)]
            assert ORDER[state] < 2 or state is job.outcome
            seen[job.job_id] = state
    assert len(seen) > 100


@pytest.mark.parametrize("step", [0.3, 7.0])
def test_replicas_show_the_truth_of_their_time(start: float, step: float) -> None:
    """One replica shows the jobs as they are, the lagging one as they were."""
    options = Options(arrival_rate=3, run_time=(0.05, 60), retention=60, lag=5, lag_share=0.5)
    world = World(options, start=start)
    for number in range(60):
        now = start + number * step
        for lagging, at in ((False, now), (True, now - 5)):
            truth = {state: true_ids(world, at, state) for state in (None, *ORDER)}
            replica = world.replica(now, lagging=lagging)
            assert {state: ids(replica, state) for state in (None, *ORDER)} == truth


def test_a_replica_never_goes_back(start: float) -> None:
    """A clock that is set back does not bring back what was."""
    world = World(Options(), start=start)
    world.replica(start + 50)
    assert world.replica(start + 20).time == start + 50


def test_the_queue_is_first_in_first_out(start: float) -> None:
    """With workers, jobs begin in the order in which they came, and no more run than there are workers."""
    world = World(Options(workers=5, active_jobs=50, arrival_rate=2, run_time=(0.5, 10)), start=start)
    jobs = sorted(world.jobs_at(start + 200), key=lambda job: job.created)
    queued = [job for job in jobs if job.begun >= start]
    assert len(queued) > 300
    assert all(one.begun <= other.begun for one, other in pairwise(queued))
    for second in range(200):
        running = [job for job in queued if job.state_at(start + second) is State.RUNNING]
        assert len(running) <= 5


@pytest.mark.parametrize("workers", [None, 3])
def test_backlog(start: float, workers: int | None) -> None:
    """A world begins with as many active and finished jobs as asked for."""
    options = Options(active_jobs=40, finished_jobs=60, workers=workers)
    counts = Counter(ORDER[job.state_at(start) or State.UNKNOWN] for job in World(options, start=start).jobs_at(start))
    assert counts[0] + counts[1] == 40
    assert counts[2] == 60


def test_durations_are_drawn_from_their_ranges(start: float) -> None:
    """Jobs of 50 ms and jobs of hours come out of one range."""
    options = Options(arrival_rate=20, queue_time=(0.1, 1), run_time=(0.05, 7200), finished_jobs=0, active_jobs=0)
    jobs = World(options, start=start).jobs_at(start + 100)
    queued, ran = [job.begun - job.created for job in jobs], [job.ended - job.begun for job in jobs]
    assert 0.09 < min(queued) < max(queued) < 1.01
    assert 0.04 < min(ran) < 0.1
    assert 3600 < max(ran) < 7201


def test_outcomes_have_their_shares(start: float) -> None:
    """Failures and partial successes come about as often as asked for."""
    options = Options(active_jobs=0, finished_jobs=4000, failed_share=0.2, partial_share=0.1)
    counts = Counter(job.outcome for job in World(options, start=start).jobs_at(start))
    assert 700 < counts[State.FAILED] < 900
    assert 320 < counts[State.PARTIAL_SUCCESS] < 480


def test_failed_tasks_go_with_the_outcome(start: float) -> None:
    """All, some or none of a job's tasks fail."""
    for job in World(Options(finished_jobs=500, failed_share=0.3, partial_share=0.3), start=start).jobs_at(start):
        assert {
            State.SUCCESS: job.failed_tasks == 0,
            State.FAILED: job.failed_tasks == len(job.uphone_ids),
            State.PARTIAL_SUCCESS: 0 < job.failed_tasks < len(job.uphone_ids),
        }[job.outcome]


def test_all_types_occur(start: float) -> None:
    """The eight types of the vendor's page occur, and some that it does not list."""
    types = {job.job_type for job in World(Options(finished_jobs=500), start=start).jobs_at(start)}
    assert set(JOB_TYPES) < types


def test_what_is_purged_is_forgotten(start: float) -> None:
    """Memory is bounded by retention, also when a replica lags."""
    world = World(Options(arrival_rate=5, run_time=(0.1, 2), retention=10, lag=3, lag_share=0.5), start=start)
    for second in range(500):
        world.replica(start + second)
        assert len(world._jobs) < 300
    assert not any(job.removed < start + 490 for job in world._jobs.values())


def test_a_scripted_job_lives_as_written(start: float) -> None:
    """A test's own job is there from its creation to its end."""
    world = World(Options(active_jobs=0, finished_jobs=0, arrival_rate=0), start=start)
    world.add(SimulatedJob(job_id="mine", created=start + 1, begun=start + 2, ended=start + 3, outcome=State.FAILED))
    shown = {at: world.replica(start + at).page(EVERYTHING, offset=0, limit=9).jobs for at in (0.5, 1, 2, 3, 9)}
    assert [[job.state_at(start + at) for job in jobs] for at, jobs in shown.items()] == [
        [],
        [State.PENDING],
        [State.RUNNING],
        [State.FAILED],
        [State.FAILED],
    ]


def test_a_job_may_live_between_two_looks(start: float) -> None:
    """A job shorter than the time between two looks is first seen finished."""
    world = World(Options(active_jobs=0, finished_jobs=0, arrival_rate=0), start=start)
    world.add(SimulatedJob(job_id="short", created=start + 1, begun=start + 1.01, ended=start + 1.06))
    assert ids(world.replica(start + 0.9)) == set()
    assert ids(world.replica(start + 1.5), State.SUCCESS) == {"short"}


def test_purged_while_running(start: float) -> None:
    """A purged job is gone, and what would have come of it does not bring it back."""
    world = World(Options(active_jobs=0, finished_jobs=0, arrival_rate=0), start=start)
    world.add(SimulatedJob(job_id="mine", created=start, begun=start + 2, ended=start + 9))
    assert ids(world.replica(start + 3), State.RUNNING) == {"mine"}
    world.purge("mine", at=start + 4)
    assert ids(world.replica(start + 3.5), State.RUNNING) == {"mine"}
    assert [ids(world.replica(start + at)) for at in (4, 20, math.inf)] == [set(), set(), set()]
    with pytest.raises(KeyError):
        world.job("mine")


def test_an_id_is_given_once(start: float) -> None:
    """Two jobs cannot have one id."""
    world = World(Options(), start=start)
    world.add(SimulatedJob(job_id="mine", created=start, begun=start))
    with pytest.raises(ValueError, match="mine"):
        world.add(SimulatedJob(job_id="mine", created=start, begun=start))
