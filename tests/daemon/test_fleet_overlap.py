"""A target keeps what it has reported until no other that may list the same jobs would take it for news."""

from collections.abc import Sequence

import pytest

from poller.cycle import Edges, TargetPoller
from poller.daemon.fleet import Fleet
from poller.frontier import Floor
from poller.lifecycle import TERMINAL
from poller.models import Instant, Job, News, Page, Query, State, Target
from poller.stats import Deadlines, Stats

pytestmark = pytest.mark.anyio

INFINITY = float("inf")
WIDE, HERE, THERE = Target(), Target(city_id="here"), Target(city_id="there")


class World:
    """A fleet that does not run, with an API that has no jobs."""

    def __init__(self, *targets: Target) -> None:
        self.stats = Stats(interval=10)
        self.pollers: dict[Target, TargetPoller] = {}
        self.fleet = Fleet(self._make, self.stats)
        self.fleet.add(targets)

    async def page(self, query: Query) -> Page:
        """Answer any query."""
        return Page(jobs=[], received=0)

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""

    def move(self, target: Target, frontier: float) -> None:
        """Move all frontiers of a target."""
        self.fleet.trackers[target].ledger.frontiers.update(dict.fromkeys(TERMINAL, frontier))

    def least(self, target: Target) -> float:
        """Return the least frontier of the others, as a target is told it."""
        return self.pollers[target].others()

    def _make(self, target: Target, uncovered_at: float | None) -> TargetPoller:
        self.pollers[target] = TargetPoller(
            target,
            Edges(pages=self, reports=self, keys=lambda: None, now=lambda: Instant(0, 0)),
            stats=self.stats,
            deadlines=Deadlines(),
            window=1,
            floor=Floor(0),
        )
        return self.pollers[target]


async def test_a_target_alone_waits_for_nobody() -> None:
    """Nor for itself."""
    world = World(HERE)
    world.move(HERE, 100)
    assert world.least(HERE) == INFINITY


async def test_a_target_waits_for_one_that_may_list_the_same_jobs() -> None:
    """The one that is furthest behind."""
    world = World(WIDE, HERE, THERE)
    world.move(WIDE, 300)
    world.move(HERE, 200)
    world.move(THERE, 100)
    assert world.least(WIDE) == 100
    assert world.least(HERE) == world.least(THERE) == 300


async def test_a_target_waits_for_one_that_has_no_frontier_yet() -> None:
    """Anything may be news to it."""
    assert World(WIDE, HERE).least(HERE) == -INFINITY


async def test_targets_that_cannot_list_the_same_jobs_do_not_wait_for_each_other() -> None:
    """An outage of one costs the other no memory."""
    world = World(HERE, THERE)
    world.move(HERE, 200)
    assert world.least(HERE) == INFINITY


@pytest.mark.parametrize(("finder", "found"), [(HERE, THERE), (THERE, HERE)])
async def test_targets_that_were_seen_to_share_jobs_wait_for_each_other(finder: Target, found: Target) -> None:
    """Whichever has noticed, and whatever they are configured to be."""
    world = World(HERE, THERE)
    world.move(HERE, 200)
    world.move(THERE, 100)
    world.fleet.trackers[finder].shared_with.add(found)
    assert (world.least(HERE), world.least(THERE)) == (100, 200)


async def test_a_reported_job_is_kept_until_the_other_target_s_frontier_has_passed_it() -> None:
    """Though one's own has passed it long ago."""
    world = World(WIDE, HERE)
    tracker = world.fleet.trackers[HERE]
    world.move(WIDE, 1000)
    world.move(HERE, 1000)
    now = Instant(2000, 0)
    tracker.sight([Job("a", State.RUNNING, "A", created=1900, begun=1900)], now)
    assert len(tracker.sight([Job("a", State.SUCCESS, "A", created=1900, begun=1900, ended=1990)], now)) == 1
    world.move(HERE, 1_000_000)
    await world.pollers[HERE].cycle()
    assert tracker.has("a")
    world.move(WIDE, 2100)
    await world.pollers[HERE].cycle()
    assert not tracker.has("a")
