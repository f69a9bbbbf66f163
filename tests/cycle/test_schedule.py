"""When cycles begin, and what a probe is promised meanwhile, on a virtual clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import pytest
import trio
from trio.testing import MockClock

from poller.cycle import Edges, TargetPoller
from poller.errors import FixCredentials
from poller.frontier import Floor
from poller.models import Instant, Job, News, Page, Query, State, Target
from poller.stats import Deadlines, Stats

TARGET = Target()


@dataclass
class SlowApi:
    """An API without jobs, or with one that is over; each answer takes some seconds."""

    seconds: Callable[[Query], float] = lambda query: 0.0
    refuses: bool = False
    jobs: tuple[Job, ...] = ()
    cycles: list[float] = field(default_factory=list)

    async def page(self, query: Query) -> Page:
        """Answer, and remember when each cycle began."""
        if query.state is State.PENDING:
            self.cycles.append(trio.current_time())
        await anyio.sleep(self.seconds(query))
        if self.refuses:
            raise FixCredentials("171", "RetCode 171")
        rows = [job for job in self.jobs if query.job_ids or job.state is query.state]
        return Page(jobs=rows[query.offset :], received=len(rows[query.offset :]))


@dataclass
class Reports:
    """Takes news at once, or not before its reader ``reads``."""

    reads: anyio.Event | None = None
    waiting: bool = False

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write."""
        if self.reads is not None:
            self.waiting = True
            await self.reads.wait()


def now() -> Instant:
    """Read the virtual clock, which all share."""
    return Instant(trio.current_time(), trio.current_time())


def poll(
    api: SlowApi,
    seconds: float,
    *,
    reports: Reports | None = None,
    first_after: float = 0,
    keys: Callable[[], object] = lambda: None,
) -> Deadlines:
    """Run a target with an interval of 10 s for so many virtual seconds; return what was promised at their end."""
    deadlines, promised = Deadlines(), Deadlines()

    async def main() -> None:
        poller = TargetPoller(
            TARGET,
            Edges(pages=api, reports=reports or Reports(), keys=keys, now=now),
            stats=Stats([TARGET], interval=10),
            deadlines=deadlines,
            window=1,
            floor=Floor(trio.current_time()),
        )
        start = trio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(poller.run, first_after=first_after))
            await anyio.sleep(seconds)
            promised._by = dict(deadlines._by)
            group.cancel_scope.cancel()
        assert not list(deadlines.missed(trio.current_time() + 1e9)), "one that has ended promises nothing"
        api.cycles = [round(began - start, 3) for began in api.cycles]

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return promised


def test_cycles_begin_an_interval_apart() -> None:
    """From the start of one to the start of the next, however long each takes."""
    api = SlowApi(seconds=lambda query: 1)
    poll(api, 35)
    assert api.cycles == [0, 10, 20, 30]


def test_the_first_cycle_may_wait() -> None:
    """Many targets are spread out."""
    api = SlowApi()
    poll(api, 25, first_after=3)
    assert api.cycles == [3, 13, 23]


def test_a_late_cycle_is_followed_at_once_and_not_caught_up() -> None:
    """No burst makes up for the starts that were missed."""
    slow = {State.PENDING: iter([20.0]), State.RUNNING: iter([20.0])}
    api = SlowApi(seconds=lambda query: next(slow.get(query.state, iter(())), 0.0) if query.state else 0.0)
    poll(api, 65)
    assert api.cycles == [0, 40, 50, 60]


def test_a_refused_target_is_asked_again_slowly() -> None:
    """Keys may be mended at any time, but not by asking."""
    api = SlowApi(refuses=True)
    poll(api, 1800)
    assert api.cycles == [0, 60, 180, 480, 1080, 1680]


def test_new_keys_end_the_wait_of_a_refused_target() -> None:
    """Whoever mends a secret need not wait for minutes."""
    api = SlowApi(refuses=True)
    poll(api, 100, keys=lambda: trio.current_time() >= 20)
    assert api.cycles == [0, 20, 80]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_loop_that_turns_misses_no_deadline(seconds: float) -> None:
    """Slow answers are no reason to restart the process."""
    deadlines = poll(SlowApi(seconds=lambda query: seconds), 3599)
    assert not list(deadlines.missed(3599))


def test_a_stalled_reader_breaks_no_promise() -> None:
    """While events wait for their reader, nothing is promised."""
    running = Job("a", State.RUNNING)
    api = SlowApi(jobs=(running,))

    def end(query: Query) -> float:
        if len(api.cycles) > 1:
            api.jobs = (Job("a", State.SUCCESS, ended=1),)
        return 0.0

    api.seconds = end
    deadlines = Deadlines()

    async def main() -> None:
        reads = anyio.Event()
        reports = Reports(reads)
        poller = TargetPoller(
            TARGET,
            Edges(pages=api, reports=reports, keys=lambda: None, now=now),
            stats=Stats([TARGET], interval=10),
            deadlines=deadlines,
            window=1,
            floor=Floor(trio.current_time()),
        )
        async with anyio.create_task_group() as group:
            group.start_soon(poller.run)
            await anyio.sleep(105)
            missed = list(deadlines.missed(trio.current_time() + 1e9))
            reads.set()
            group.cancel_scope.cancel()
        assert reports.waiting
        assert missed == []

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_loop_that_hangs_misses_its_deadline() -> None:
    """What never comes back is found out."""
    deadlines = poll(SlowApi(seconds=lambda query: 1e9), 100)
    [late] = deadlines.missed(1e8)
    assert "polling" in late
