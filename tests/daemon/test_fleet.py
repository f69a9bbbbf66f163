"""Targets that come, go, fail and compete, on a virtual clock."""

import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import trio
from trio.testing import MockClock

from poller.cycle import Edges, TargetPoller
from poller.daemon.discovery import Discovery
from poller.daemon.fleet import Fleet
from poller.errors import ApiError, FixCredentials, RetryLater
from poller.frontier import Floor
from poller.lister import Gate
from poller.models import ALL_CITIES, Completion, Instant, Job, News, Page, Query, State, Target
from poller.stats import Deadlines, DiscoveryStats, Stats

ALL = Target(city_id=ALL_CITIES)
HOUR, DAY = 3600.0, 86_400.0
START = 1_000_000
"""The wall time at which the virtual clock is 0, in Unix seconds."""


def now() -> Instant:
    """Read the virtual clock."""
    return Instant(START + trio.current_time(), trio.current_time())


def city(name: str) -> Target:
    """Return a city's target."""
    return Target(city_id=name)


@dataclass
class World:
    """An API behind the gate, with jobs by city; and a fleet that polls it."""

    jobs: dict[str, dict[str, Job]] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    fault: Callable[[Target], Coroutine[Any, Any, None]] | None = None
    trouble: ApiError | None = None
    max_rps: float = 20.0
    concurrency: int = 8
    interval: float = 10.0
    news: list[tuple[Target, News]] = field(default_factory=list)
    began: dict[str, list[float]] = field(default_factory=dict)
    asked_cities: list[float] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    started: float = 0.0

    def __post_init__(self) -> None:
        self.stats = Stats(interval=self.interval)
        self.stats.api.rate_limit = self.max_rps
        self.deadlines = Deadlines()
        self.gate = Gate(max_rps=self.max_rps, concurrency=self.concurrency)
        self.fleet = Fleet(self._make, self.stats)

    def put(self, city_id: str, *ids: str, state: State = State.RUNNING) -> None:
        """Add jobs, or move them on; they end now."""
        ended = START + int(trio.current_time()) if state is State.SUCCESS else None
        for job_id in ids:
            job = Job(job_id, state, "A", created=START - 100, begun=START - 50, ended=ended)
            self.jobs.setdefault(city_id, {})[job_id] = job

    async def page(self, query: Query) -> Page:
        """Answer in a twentieth of a second, when it is this request's turn."""
        name = query.target.city_id or ""
        async with self.gate.turn(query.target):
            if query.state is State.PENDING and not query.offset:
                self.began.setdefault(name, []).append(trio.current_time())
            await anyio.sleep(0.05)
            if self.fault is not None:
                await self.fault(query.target)
        jobs = self.jobs.get(name, {})
        asked = [jobs[job_id] for job_id in query.job_ids if job_id in jobs]
        rows = asked if query.job_ids else [job for job in jobs.values() if job.state is query.state]
        served = rows[query.offset : query.offset + query.limit]
        return Page(jobs=served, received=len(served), total_count=len(rows))

    async def cities(self, target: Target) -> tuple[str, ...]:
        """List the cities."""
        self.asked_cities.append(trio.current_time())
        await anyio.sleep(0.05)
        if self.trouble is not None:
            raise self.trouble
        return self.listed

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""
        self.news += [(target, item) for item in news]

    @property
    def ended(self) -> list[tuple[Target, str]]:
        """The jobs that were reported finished."""
        return [(target, item.job.job_id) for target, item in self.news if isinstance(item, Completion)]

    def complete(self, name: str) -> int:
        """Count a city's complete cycles."""
        return self.stats.targets[city(name)].cycles["complete"]

    def discovery(self) -> Discovery:
        """Return a discovery of all cities."""
        self.stats.discoveries[ALL] = DiscoveryStats()
        return Discovery(template=ALL, api=self, fleet=self.fleet, stats=self.stats, deadlines=self.deadlines, now=now)

    def _make(self, target: Target, uncovered_at: float | None) -> TargetPoller:
        return TargetPoller(
            target,
            Edges(pages=self, reports=self, keys=lambda: None, now=now),
            stats=self.stats,
            deadlines=self.deadlines,
            window=max(1, self.concurrency // 2),
            floor=Floor(self.started if uncovered_at is None else uncovered_at),
        )


def run(world: World, script: Callable[[], Coroutine[Any, Any, None]], *, discovers: bool = False) -> None:
    """Run the fleet until the script ends; no promise is broken meanwhile."""

    async def main() -> None:
        world.started = trio.current_time()
        world.fleet.add(world.targets)
        beside = [world.discovery().run] if discovers else []
        async with anyio.create_task_group() as group:
            group.start_soon(world.fleet.run, *beside)
            await script()
            assert not list(world.deadlines.missed(trio.current_time()))
            group.cancel_scope.cancel()

    random.seed(1)
    trio.run(main, clock=MockClock(autojump_threshold=0))


def lasting(seconds: float) -> Callable[[], Coroutine[Any, Any, None]]:
    """Let so much time pass."""

    async def script() -> None:
        await anyio.sleep(seconds)

    return script


def test_first_cycles_are_spread_over_an_interval() -> None:
    """Two hundred targets don't all ask at once."""
    world = World(interval=60)
    world.targets += [city(str(number)) for number in range(200)]
    run(world, lasting(59.9))
    starts = sorted(times[0] for times in world.began.values())
    assert len(starts) == 200
    assert all(0.2 < later - earlier < 0.4 for earlier, later in pairwise(starts))


def test_two_hundred_targets_keep_their_interval() -> None:
    """Within the ceiling that their cost asks for; every one reports what ends in it."""
    world = World(interval=60, max_rps=45)
    names = [str(number) for number in range(200)]
    for name in names:
        world.put(name, *(f"{name}-{number}" for number in range(10)))
    world.targets += [city(name) for name in names]

    async def script() -> None:
        await anyio.sleep(180)
        for name in names:
            world.put(name, f"{name}-0", state=State.SUCCESS)
        await anyio.sleep(180)

    run(world, script)
    assert all(world.complete(name) >= 5 for name in names)
    assert all(59.9 < later - earlier < 61 for times in world.began.values() for earlier, later in pairwise(times))
    assert sorted(job_id for _, job_id in world.ended) == sorted(f"{name}-0" for name in names)


def test_a_large_target_does_not_starve_a_small_one() -> None:
    """Twenty thousand jobs cost more than an interval has requests for; ten jobs are still swept in each."""
    world = World(max_rps=10)
    world.put("large", *(f"l{number}" for number in range(20_000)))
    world.put("small", *(f"s{number}" for number in range(10)))
    world.targets += [city("large"), city("small")]
    run(world, lasting(600))
    assert world.complete("small") >= 55
    assert world.complete("large") >= 5


def test_targets_whose_requests_hang_hold_up_no_other() -> None:
    """Though each look-up of theirs takes a place until it times out."""
    world = World()
    world.put("hanging", *(f"h{number}" for number in range(2_000)))
    world.put("well", "w")
    world.targets += [city("hanging"), city("well")]

    async def hang(target: Target) -> None:
        if target == city("hanging") and trio.current_time() > 60:
            await anyio.sleep(65)
            raise RetryLater("timeout", "no answer in time")

    world.fault = hang
    run(world, lasting(1800))
    assert world.complete("well") >= 175


def test_a_refused_target_holds_up_no_other() -> None:
    """It is asked slowly, the rest as ever."""
    world = World()
    world.targets += [city("refused"), city("well")]

    async def refuse(target: Target) -> None:
        if target == city("refused"):
            raise FixCredentials("171", "RetCode 171")

    world.fault = refuse
    run(world, lasting(600))
    assert (len(world.began["refused"]), world.complete("well")) == (4, 60)


def test_a_job_under_two_targets_belongs_to_the_first() -> None:
    """It is reported once, and known to be shared."""
    world = World()
    for name in ("a", "b"):
        world.put(name, "shared", "other")
    world.put("b", "own")
    world.targets += [city("a"), city("b")]

    async def script() -> None:
        await anyio.sleep(30)
        assert set(world.fleet.trackers[city("b")].jobs) == {"own"}
        for name in ("a", "b"):
            world.put(name, "shared", state=State.SUCCESS)
        await anyio.sleep(30)

    run(world, script)
    assert world.ended == [(city("a"), "shared")]
    assert world.fleet.trackers[city("b")].shared_with == {city("a")}
    assert not world.fleet.trackers[city("a")].shared_with


def test_a_job_that_nobody_saw_active_is_reported_once_though_two_targets_list_it() -> None:
    """From the heads of the first that finds it."""
    world = World()
    world.targets += [city("a"), city("b")]

    async def script() -> None:
        await anyio.sleep(32)
        for name in ("a", "b"):
            world.put(name, "shared", state=State.SUCCESS)
        world.put("b", "own", state=State.SUCCESS)
        await anyio.sleep(1000)

    run(world, script)
    assert sorted(job_id for _, job_id in world.ended) == ["own", "shared"]


def test_a_target_that_was_away_does_not_report_what_another_has_reported_and_forgotten() -> None:
    """What lists the same jobs holds each other's memory."""
    world = World()
    world.targets += [city("a"), city("b")]

    async def fail(target: Target) -> None:
        if target == city("b") and 60 < trio.current_time() < 3000:
            raise RetryLater("http_503", "HTTP 503")

    world.fault = fail

    async def script() -> None:
        for name in ("a", "b"):
            world.put(name, "known", state=State.RUNNING)
        await anyio.sleep(100)
        for name in ("a", "b"):
            world.put(name, "shared", state=State.SUCCESS)
        await anyio.sleep(4000)

    run(world, script)
    assert world.ended == [(city("a"), "shared")]


def test_a_withdrawn_target_reports_what_it_held_back_and_leaves_no_trace() -> None:
    """Others go on, and what was added up over all stays."""
    world = World()
    for name in ("a", "b"):
        world.put(name, name)
    world.targets += [city("a"), city("b")]

    async def script() -> None:
        await anyio.sleep(30)
        world.jobs["a"]["a"] = Job("a", State.SUCCESS, "A", created=START - 100, begun=START - 50)
        await anyio.sleep(11)
        assert world.ended == []
        cycles = world.stats.cycle_seconds["default", "uphone-server"].count
        await world.fleet.withdraw(city("a"))
        assert world.ended == [(city("a"), "a")]
        assert world.stats.cycle_seconds["default", "uphone-server"].count == cycles
        assert set(world.fleet.trackers) == set(world.stats.targets) == {city("b")}
        await anyio.sleep(1000)
        assert world.complete("b") > 100

    run(world, script)


def test_cities_are_polled_once_they_are_known() -> None:
    """The answer is part of the start, so that readiness waits for them."""
    world = World(listed=("a", "b"))
    run(world, lasting(30), discovers=True)
    assert set(world.stats.targets) == {city("a"), city("b")}
    assert not any(own.late for own in world.stats.targets.values())
    assert (world.complete("a"), world.complete("b")) == (3, 3)


def test_cities_are_asked_for_again_every_hour_or_so() -> None:
    """A city that has appeared is polled from then on, and readiness does not wait for it."""
    world = World(listed=("a",), interval=60)

    async def script() -> None:
        await anyio.sleep(60)
        world.listed = ("a", "new")
        await anyio.sleep(10 * HOUR)

    run(world, script, discovers=True)
    assert all(0.9 * HOUR <= later - earlier <= 1.1 * HOUR + 1 for earlier, later in pairwise(world.asked_cities))
    assert len({round(later - earlier) for earlier, later in pairwise(world.asked_cities)}) > 1
    assert world.stats.targets[city("new")].late
    assert world.complete("new") > 500


def test_a_city_that_is_gone_is_polled_until_its_jobs_have_ended_and_for_a_day_more() -> None:
    """Then nothing of it is left."""
    world = World(listed=("a", "b"), interval=600)
    world.put("b", "job")

    async def script() -> None:
        await anyio.sleep(60)
        world.listed = ("a",)
        await anyio.sleep(2 * DAY)
        world.put("b", "job", state=State.SUCCESS)
        await anyio.sleep(DAY - HOUR)
        assert city("b") in world.stats.targets
        assert world.ended == [(city("b"), "job")]
        await anyio.sleep(4 * HOUR)
        assert set(world.stats.targets) == {city("a")}

    run(world, script, discovers=True)


def test_an_empty_answer_ends_nothing() -> None:
    """The cities stay, and are asked for again slowly."""
    world = World(listed=("a",), interval=600)

    async def script() -> None:
        await anyio.sleep(60)
        world.listed = ()
        await anyio.sleep(3 * DAY)

    run(world, script, discovers=True)
    assert set(world.stats.targets) == {city("a")}


def test_nothing_is_polled_before_the_first_answer() -> None:
    """A failed discovery is tried again until it succeeds."""
    world = World(listed=("a",), trouble=RetryLater("timeout", "no answer"))

    async def script() -> None:
        await anyio.sleep(100)
        assert not world.began
        assert len(world.asked_cities) == 4
        assert world.stats.discoveries[ALL] == DiscoveryStats()
        world.trouble = None
        await anyio.sleep(60)
        assert world.complete("a") > 0

    run(world, script, discovers=True)


def test_a_refused_discovery_is_tried_again_slowly() -> None:
    """Like a target that the API refuses; the reason is there for readiness."""
    world = World(trouble=FixCredentials("171", "RetCode 171"))
    run(world, lasting(1800), discovers=True)
    assert [round(at) for at in world.asked_cities] == [0, 60, 180, 480, 1080, 1680]
    assert world.stats.discoveries[ALL].refusal == "RetCode 171"


def test_a_discovery_that_fails_later_changes_nothing() -> None:
    """Targets are polled on, however long it lasts."""
    world = World(listed=("a",), interval=600)

    async def script() -> None:
        await anyio.sleep(60)
        world.trouble = RetryLater("timeout", "no answer")
        await anyio.sleep(2 * DAY)

    run(world, script, discovers=True)
    assert world.complete("a") > 280


def test_a_template_makes_targets_that_differ_in_their_city_alone() -> None:
    """Job types and all."""
    world = World(listed=("a",))
    template = Target("uphone", "org-x", "r", ALL_CITIES, ("A",))
    world.stats.discoveries[template] = DiscoveryStats()

    async def main() -> None:
        discovery = Discovery(
            template=template, api=world, fleet=world.fleet, stats=world.stats, deadlines=world.deadlines, now=now
        )
        with anyio.move_on_after(1):
            await discovery.run()

    trio.run(main, clock=MockClock(autojump_threshold=0))
    assert list(world.stats.targets) == [msgspec.structs.replace(template, city_id="a")]
