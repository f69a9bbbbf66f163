"""An API that is a list of jobs by city, on a virtual clock, and waits for some of them."""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from poller.events import JobEvent
from poller.models import Instant, Job, Page, Query, State, Target, Task
from poller.stats import Stats
from poller.waiting import Result, Wait

P, R, S, F, PS = State.PENDING, State.RUNNING, State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS
EPOCH = 1_000_000_000
HERE, THERE = Target(city_id="here"), Target(city_id="there")


def now() -> Instant:
    """Read the virtual clock."""
    return Instant(EPOCH + anyio.current_time(), anyio.current_time())


@dataclass(frozen=True)
class Life:
    """A job that runs at ``begun`` and ends at ``ended``, in seconds of the virtual clock; it is unknown from ``gone``.

    Its row has an EndTime from ``end_shown``.
    """

    job_id: str
    begun: float = 0.0
    ended: float = float("inf")
    outcome: State = S
    city: str = "here"
    created: float = -90.0
    shown: float = float("-inf")
    gone: float = float("inf")
    end_shown: float = float("-inf")
    tasks: int = 2
    job_type: str = "INSTALL_APP"

    def row(self, at: float) -> Job:
        """Return what the API shows at a time."""
        state = P if at < self.begun else R if at < self.ended else self.outcome
        over = at >= self.ended
        failed = 1 if over and state is not S else 0
        tasks = [] if state is P else [self._task(number, over=over, failed=failed) for number in range(self.tasks)]
        return Job(
            self.job_id,
            state,
            self.job_type,
            created=int(EPOCH + self.created),
            begun=None if state is P else int(EPOCH + self.begun),
            ended=int(EPOCH + self.ended) if over and at >= self.end_shown else None,
            tasks=tasks,
            uphone_ids=[f"up-{number}" for number in range(self.tasks)],
        )

    def _task(self, number: int, *, over: bool, failed: int) -> Task:
        state = R if not over else F if number < failed else S
        message = "device is offline" if state is F else None
        return Task(f"{self.job_id}-{number}", state, f"up-{number}", error_message=message)


@dataclass
class Api:
    """Serves jobs. ``fault`` may spoil a request, ``took`` is how long one takes; ``asked`` has every query."""

    lives: Sequence[Life] = ()
    fault: Callable[[Query], None] = lambda query: None
    listed: Callable[[list[Job]], Iterable[Job]] = lambda rows: rows
    took: Callable[[Query], float] = lambda query: 0.01
    cap: int = 100
    city_ids: Callable[[], tuple[str, ...]] = lambda: ("here", "there")
    asked: list[Query] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    async def page(self, query: Query) -> Page:
        """Answer one query, as things are when it comes."""
        self.asked.append(query)
        self.at.append(anyio.current_time())
        await anyio.sleep(self.took(query))
        self.fault(query)
        time = anyio.current_time()
        known = [life for life in self.lives if life.shown <= time < life.gone]
        rows = [life.row(time) for life in known if query.target.city_id in (None, life.city)]
        rows = [row for row in rows if _matches(row, query)]
        ordered = rows if query.job_ids else list(self.listed(rows))
        served = ordered[query.offset : query.offset + min(query.limit, self.cap)]
        return Page(jobs=served, received=len(served), total_count=len(rows))

    async def cities(self, target: Target) -> tuple[str, ...]:
        """Tell the cities."""
        await anyio.sleep(0.01)
        return self.city_ids()

    @property
    def look_ups(self) -> list[Query]:
        """The queries by id."""
        return [query for query in self.asked if query.job_ids]


def _matches(row: Job, query: Query) -> bool:
    if query.job_ids:
        return row.job_id in query.job_ids
    types = query.target.job_types
    return query.state in (None, row.state) and (not types or row.job_type in types)


@dataclass
class Waited:
    """What came of a wait: its result, the records that were told, how long it took."""

    result: Result
    told: list[JobEvent]
    seconds: float

    @property
    def states(self) -> dict[str, str]:
        """How the jobs have ended, by id."""
        return {event.job_id: event.state for event in self.result.ended}

    @property
    def open(self) -> list[str]:
        """The jobs whose end was not seen."""
        return [job.job_id for job in self.result.open]


async def wait_for(
    api: Api,
    *ids: str,
    targets: Sequence[Target] = (HERE,),
    within: float | None = None,
    interval: float = 10.0,
    meanwhile: Callable[[Wait], Coroutine[Any, Any, None]] | None = None,
) -> Waited:
    """Wait for jobs."""
    told: list[JobEvent] = []
    stats = Stats(interval=interval)
    waiting = Wait(ids, targets, api, tell=told.append, now=now, stats=stats, window=4)
    began = anyio.current_time()
    async with anyio.create_task_group() as group:
        if meanwhile is not None:
            group.start_soon(meanwhile, waiting)
        with anyio.move_on_after(within):
            await waiting.run()
        await waiting.part()
        group.cancel_scope.cancel()
    return Waited(waiting.result(), told, anyio.current_time() - began)
