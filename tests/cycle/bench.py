"""One target's poller against an API that is a list of jobs, on a clock that is set by hand."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import anyio

from poller.cycle import Edges, TargetPoller
from poller.frontier import Floor
from poller.lifecycle import TERMINAL
from poller.models import Completion, Instant, Job, News, Page, Query, State, Target
from poller.stats import Deadlines, Stats

P, R, S, F, PS = State.PENDING, State.RUNNING, State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS
TARGET = Target(project_id="org-x", city_id="cn-hangzhou")
EPOCH = 1_000_000_000
"""The wall time at which the bench's clock is 0, in Unix seconds."""


@dataclass
class Api:
    """Jobs by id, in listing order; ``listed`` may give those of a state another.

    ``fault`` may spoil a request, and ``lies`` names those that are answered with an empty page; ``asked`` has every
    query. ``date`` is the server's clock, which is not told at first. An answer takes ``turns`` of the event loop;
    ``most`` is how many were under way at a time.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    cap: int = 100
    fault: Callable[[Query], None] = lambda query: None
    lies: Callable[[Query], bool] = lambda query: False
    count: Callable[[Query, int], int | None] = lambda query, rows: rows
    listed: Callable[[list[Job]], Iterable[Job]] = lambda rows: rows
    date: Callable[[], int | None] = lambda: None
    asked: list[Query] = field(default_factory=list)
    turns: Callable[[Query], int] = lambda query: 1
    most: int = 0
    _under_way: int = 0

    def put(self, job_id: str, state: State, *, end: int | None = -20, job_type: str = "INSTALL_APP") -> None:
        """Add a job from before the start, or move it on; it is no news unless it was seen active."""
        ended = None if end is None or state in (P, R) else EPOCH + end
        begun = None if state is P else EPOCH - 40
        self.jobs[job_id] = Job(job_id, state, job_type, created=EPOCH - 90, begun=begun, ended=ended)

    def finish(
        self, job_id: str, at: int | None, *, created: int | None = None, state: State = S, job_type: str = "A"
    ) -> None:
        """Add a job that ended so many seconds after the bench's clock was 0, and was created just before, or then."""
        ended = None if at is None else EPOCH + at
        born = EPOCH + ((at or 0) - 2 if created is None else created)
        self.jobs[job_id] = Job(job_id, state, job_type, created=born, begun=born + 1, ended=ended)

    def backlog(self, count: int, *, every: int = 10) -> None:
        """Add finished jobs from before the start, newest first; they were created in another order."""
        for number in range(count):
            ended = -1000 - every * number
            self.finish(f"old{number}", ended, created=ended - 2 - 37 * number % 300)

    async def page(self, query: Query) -> Page:
        """Answer one query."""
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        for _ in range(self.turns(query)):
            await anyio.lowlevel.checkpoint()
        self._under_way -= 1
        self.asked.append(query)
        self.fault(query)
        rows = [job for job in self.jobs.values() if self._matches(job, query)]
        ordered = rows if query.job_ids else list(self.listed(rows))
        served = [] if self.lies(query) else ordered[query.offset : query.offset + min(query.limit, self.cap)]
        total = self.count(query, len(rows))
        return Page(jobs=served, received=len(served), total_count=total, date=self.date())

    def _matches(self, job: Job, query: Query) -> bool:
        return job.job_id in query.job_ids if query.job_ids else job.state is query.state

    @property
    def look_ups(self) -> list[Query]:
        """The queries by id."""
        return [query for query in self.asked if query.job_ids]

    def offsets(self, state: State) -> list[int]:
        """Return where the pages of a listing began that were asked for."""
        return [query.offset for query in self.asked if query.state is state]


def of_finished(query: Query) -> bool:
    """Tell a listing of finished jobs: as a lie, it leaves look-ups alone to find what has ended."""
    return query.state in TERMINAL


def newest_first(rows: list[Job]) -> list[Job]:
    """List jobs by their EndTime; those that have none yet are the newest."""
    return sorted(rows, key=lambda job: job.end_time or 2 * EPOCH, reverse=True)


def newest_created_first(rows: list[Job]) -> list[Job]:
    """List jobs by their CreateTime."""
    return sorted(rows, key=lambda job: job.create_time or 0, reverse=True)


def oldest_first(rows: list[Job]) -> list[Job]:
    """List jobs by their EndTime, the latest at the end."""
    return sorted(rows, key=lambda job: job.end_time or 2 * EPOCH)


@dataclass
class Reported:
    """The news that was written. Whoever reads it may ``stall`` first."""

    news: list[News] = field(default_factory=list)
    stall: Callable[[], None] = lambda: None

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""
        assert target == TARGET
        self.stall()
        self.news += news

    @property
    def completions(self) -> list[Completion]:
        """The finished jobs among it."""
        return [item for item in self.news if isinstance(item, Completion)]

    @property
    def ended(self) -> list[tuple[str, State]]:
        """The completions, by id and state."""
        return [(item.job.job_id, item.job.state) for item in self.completions]

    @property
    def ids(self) -> list[str]:
        """The completions, by id, in their order."""
        return [item.job.job_id for item in self.completions]


class Bench:
    """A poller with everything around it. Its interval is 10 s, its margin a minute."""

    def __init__(self, *, window: int = 4, lookback: float = 0) -> None:
        self.api = Api()
        self.reported = Reported()
        self.stats = Stats([TARGET], interval=10)
        self.own = self.stats.targets[TARGET]
        self.time = 0.0
        self.poller = TargetPoller(
            TARGET,
            Edges(pages=self.api, reports=self.reported, keys=lambda: None, now=self.now),
            stats=self.stats,
            deadlines=Deadlines(),
            window=window,
            floor=Floor(0, lookback),
        )

    def now(self) -> Instant:
        """Read the clock."""
        return Instant(EPOCH + self.time, self.time)

    def frontier(self, state: State = S) -> float:
        """Return a listing's frontier, on the bench's clock."""
        return self.poller.tracker.ledger.frontiers[state] - EPOCH

    async def cycle(self, after: float = 10) -> str:
        """Run one cycle, so many seconds after the last."""
        self.time += after
        return await self.poller.cycle()

    async def cycles(self, count: int) -> None:
        """Run as many, and what is to be read whole after each."""
        for _ in range(count):
            await self.cycle()
            await self.poller.scan()

    async def quiet_requests(self, state: State = S) -> list[int]:
        """Run a cycle, and return where the pages of a listing began that it asked for."""
        self.api.asked.clear()
        await self.cycle()
        return self.api.offsets(state)
