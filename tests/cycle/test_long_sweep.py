"""A sweep that lasts longer than an interval holds up neither heads nor look-ups, on a virtual clock."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
import anyio.lowlevel
import trio
from trio.testing import MockClock

from poller.cycle import Edges, TargetPoller
from poller.errors import FixCredentials, RetryLater
from poller.frontier import Floor
from poller.lifecycle import ACTIVE
from poller.models import Completion, Instant, Job, News, Page, Query, State, Target
from poller.stats import Deadlines, Stats

TARGET = Target()
EPOCH: Final = 1_000_000_000
"""The wall time at which the virtual clock is 0, in Unix seconds."""

PAGES: Final = 60
"""How many seconds a sweep takes, more or less."""


def now() -> Instant:
    """Read the virtual clock."""
    return Instant(EPOCH + trio.current_time(), trio.current_time())


@dataclass
class SlowSweep:
    """An API that takes a second for a page of active jobs, of which there are many; and what was reported when."""

    jobs: dict[str, Job] = field(default_factory=dict)
    fault: Callable[[Query], None] = lambda query: None
    asked: list[tuple[float, Query]] = field(default_factory=list)
    reported: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number in range(80 * PAGES):
            self.put(f"r{number}", State.RUNNING)
        self.poller = TargetPoller(
            TARGET,
            Edges(pages=self, reports=self, keys=lambda: None, now=now),
            stats=Stats([TARGET], interval=10),
            deadlines=Deadlines(),
            window=1,
            floor=Floor(0),
        )

    def put(self, job_id: str, state: State, *, created: int = -9, ended: int | None = None) -> None:
        """Add a job, or move it on; its times are those of the virtual clock."""
        over = None if ended is None else EPOCH + ended
        self.jobs[job_id] = Job(job_id, state, "A", created=EPOCH + created, begun=EPOCH + created, ended=over)

    async def page(self, query: Query) -> Page:
        """Answer one query."""
        self.asked.append((trio.current_time(), query))
        await anyio.sleep(1 if query.state in ACTIVE else 0)
        self.fault(query)
        if query.job_ids:
            rows = [self.jobs[job_id] for job_id in query.job_ids if job_id in self.jobs]
        else:
            rows = [job for job in self.jobs.values() if job.state is query.state]
        served = rows[query.offset : query.offset + query.limit]
        return Page(jobs=served, received=len(served), total_count=len(rows))

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""
        for item in news:
            job_id = item.job.job_id if isinstance(item, Completion) else item.job_id
            self.reported[job_id] = trio.current_time()

    def times(self, of: Callable[[Query], bool]) -> list[int]:
        """Return when requests of a kind were made, in whole seconds."""
        return [round(at) for at, query in self.asked if of(query)]


def sweep(api: SlowSweep, meanwhile: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint) -> float:
    """Run a cycle from 0 s on, while something else happens; return when all of it was over."""

    async def main() -> float:
        async with anyio.create_task_group() as group:
            group.start_soon(api.poller.cycle)
            await meanwhile()
        return trio.current_time()

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def of_success(query: Query) -> bool:
    """Tell the first page of a head."""
    return query.state is State.SUCCESS and query.offset == 0


def test_heads_are_read_in_every_interval_while_a_sweep_lasts() -> None:
    """And once after it."""
    api = SlowSweep()
    seconds = sweep(api)
    assert seconds > PAGES
    assert api.times(of_success) == [*range(10, int(seconds), 10), round(seconds)]


def test_a_short_lived_job_is_reported_before_the_sweep_is_over() -> None:
    """Within an interval of its end."""
    api = SlowSweep()

    async def end() -> None:
        await anyio.sleep(25)
        api.put("quick", State.SUCCESS, created=22, ended=25)

    assert sweep(api, end) > PAGES
    assert round(api.reported["quick"]) == 30


def test_a_job_that_waits_for_its_end_time_is_looked_up_in_every_interval() -> None:
    """It is reported within an interval of when that has come."""
    api = SlowSweep()

    async def end() -> None:
        await anyio.sleep(15)
        api.put("a", State.SUCCESS, created=12)
        await anyio.sleep(20)
        api.put("a", State.SUCCESS, created=12, ended=15)

    sweep(api, end)
    assert api.times(lambda query: "a" in query.job_ids) == [20, 30]
    assert round(api.reported["a"]) == 40


def test_jobs_that_a_sweep_has_not_come_to_yet_are_not_looked_up() -> None:
    """They are not absent from it: it would ask for nearly all."""
    api = SlowSweep()

    async def again() -> None:
        await anyio.sleep(3 * PAGES)
        await api.poller.cycle()

    sweep(api, again)
    assert len(api.times(of_success)) > 12
    assert api.times(lambda query: bool(query.job_ids)) == []


def test_a_job_that_the_last_sweep_did_not_show_is_looked_up_while_the_next_lasts() -> None:
    """In every interval: as long as answers lack it, it may be gone."""
    api = SlowSweep()

    async def again() -> None:
        api.put("gone", State.PENDING)
        await anyio.sleep(PAGES / 2)
        del api.jobs["gone"]
        await anyio.sleep(PAGES)
        await api.poller.cycle()
        api.asked.clear()
        began = round(trio.current_time())
        await api.poller.cycle()
        looked_up = api.times(lambda query: "gone" in query.job_ids)
        assert sorted({at - began for at in looked_up})[:3] == [10, 20, 30]

    sweep(api, again)


def test_nothing_is_looked_up_meanwhile_where_heads_cannot_be_read() -> None:
    """They may have what would be asked for."""
    api = SlowSweep()

    def fail(query: Query) -> None:
        if query.state is State.FAILED:
            raise RetryLater("http_503", "HTTP 503")

    api.fault = fail

    async def end() -> None:
        await anyio.sleep(15)
        api.put("a", State.SUCCESS, created=12)

    seconds = sweep(api, end)
    assert api.times(lambda query: bool(query.job_ids)) == [round(seconds)]


def test_a_refusal_of_a_head_ends_what_is_read_meanwhile() -> None:
    """The sweep goes on to its end, and nothing follows it."""
    api = SlowSweep()

    def refuse(query: Query) -> None:
        if query.state is State.SUCCESS:
            raise FixCredentials("171", "RetCode 171")

    api.fault = refuse
    sweep(api)
    assert api.times(lambda query: query.state not in ACTIVE) == [10]


def test_a_sweep_within_an_interval_reads_heads_once() -> None:
    """There is no meanwhile."""
    api = SlowSweep()
    api.jobs = {f"r{number}": api.jobs[f"r{number}"] for number in range(300)}
    assert sweep(api) < 10
    assert len(api.times(of_success)) == 1
