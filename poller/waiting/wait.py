"""Waits for jobs: in every target until it is known where each one is, and there until it has ended."""

from collections.abc import Callable, Iterable, Sequence

import anyio
from msgspec import Struct, structs

from poller import events
from poller.events import JobEvent, JobFinished, JobUnresolved
from poller.models import Completion, Instant, News, Sighting, State, Target, Unresolved
from poller.stats import Stats, TargetStats
from poller.waiting.api import Api, Place, find_places
from poller.waiting.progress import Glimpses, Progress, Tasks
from poller.waiting.schedule import pause
from poller.waiting.search import Search

Tell = Callable[[JobEvent], None]


class Open(Struct, frozen=True):
    """A job whose end was not seen: the state that it was last seen in, None if never, and how far its tasks are."""

    job_id: str
    state: State | None
    tasks: Tasks


class Result(Struct, frozen=True):
    """What has become of all jobs. ``problem`` is why the fate of some could not be asked for.

    ``open`` are neither ended nor known to be unknown.
    """

    ended: tuple[JobFinished, ...]
    unknown: tuple[str, ...]
    open: tuple[Open, ...]
    problem: str | None = None


class Wait:
    """One wait for jobs, in all targets, whose cities are asked for first.

    ``tell`` gets the record of each job that ends, and of each that the API turns out not to know. ``window`` is how
    many look-ups of a target are under way at a time. `run` may be cancelled; `result` tells how far it came.
    """

    def __init__(
        self,
        ids: Sequence[str],
        targets: Sequence[Target],
        api: Api,
        *,
        tell: Tell,
        now: Callable[[], Instant],
        stats: Stats,
        window: int,
        execute_messages: bool = False,
    ) -> None:
        self._ids = ids
        self._targets = targets
        self._api = api
        self._window = window
        self._tell = tell
        self._now = now
        self._stats = stats
        self._execute_messages = execute_messages
        self._began = now().mono
        self._glimpses = Glimpses(ids)
        self._home: dict[str, Search] = {}
        self._ended: dict[str, JobFinished] = {}
        self._unknown: dict[str, None] = {}
        self._over = anyio.Event()
        self._searches: list[Search] = []
        # Until the cities are known.
        self._unreached = tuple(Place(target, "its cities were not told in time") for target in targets)

    def _search(self, target: Target) -> Search:
        return Search(
            target,
            self._ids,
            pages=self._api,
            reports=self,
            note=self._note,
            now=self._now,
            stats=self._stats,
            window=self._window,
        )

    def progress(self) -> Progress:
        """Tell how far the jobs have got."""
        trouble = self._stats.api.trouble
        return self._glimpses.progress()._replace(problem=trouble.problem if trouble else None)

    async def run(self) -> None:
        """Return when nothing more can be learnt of any job."""
        places = await find_places(self._targets, self._api)
        self._stats.targets |= {target: TargetStats() for target in places.targets}
        self._searches, self._unreached = [self._search(target) for target in places.targets], places.unknown
        async with anyio.create_task_group() as group:
            for search in self._searches:
                group.start_soon(self._run, search)
            self._see_whether_over()
            await self._over.wait()
            group.cancel_scope.cancel()

    async def _run(self, search: Search) -> None:
        await search.run(lambda: pause(self._now().mono - self._began, self._stats.interval))
        self._see_whether_over()

    async def part(self) -> None:
        """Tell of the jobs that are over but for the time of their end: there is no later."""
        for search in self._searches:
            await search.part()

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Take what a search has found out."""
        for item in news:
            if isinstance(item, Completion):
                self._take_end(target, item)
            else:
                self._take_loss(target, item)
        self._see_whether_over()

    def _take_end(self, target: Target, completion: Completion) -> None:
        job_id = completion.job.job_id
        if job_id not in self._glimpses or job_id in self._ended:
            return
        event = events.finished(target, completion, execute_messages=self._execute_messages)
        self._unknown.pop(job_id, None)
        self._ended[job_id] = event
        self._glimpses.note(completion.job)
        self._settle(job_id)
        self._tell(event)

    def _take_loss(self, target: Target, lost: Unresolved) -> None:
        job_id = lost.job_id
        search = next(search for search in self._searches if search.target == target)
        if job_id not in search.sought:
            return
        # It goes on to be asked for now and then, as long as there is anything else to ask for.
        del search.sought[job_id]
        if any(job_id in other.sought for other in self._searches) or job_id in self._unknown or self._unreached:
            return
        self._unknown[job_id] = None
        self._glimpses.end(job_id)
        self._tell(_never_seen(target, lost) if job_id not in self._home else events.unresolved(target, lost))

    def _settle(self, job_id: str) -> None:
        self._glimpses.end(job_id)
        for search in self._searches:
            search.leave(job_id)

    def _note(self, search: Search, row: Sighting) -> None:
        """Take a row before its search does: the target that shows a job first is the one that tells its fate."""
        job_id = row.job_id
        if job_id not in search.sought:
            return
        self._glimpses.note(row)
        if job_id not in self._home:
            self._home[job_id] = search
            for other in self._searches:
                if other is not search:
                    other.leave(job_id)

    def _see_whether_over(self) -> None:
        if not any(search.seeks for search in self._searches):
            self._over.set()

    def result(self) -> Result:
        """Tell what has become of the jobs so far."""
        pending = [job_id for job_id in self._ids if job_id not in self._ended and job_id not in self._unknown]
        return Result(
            tuple(self._ended[job_id] for job_id in self._ids if job_id in self._ended),
            tuple(self._unknown),
            tuple(Open(job_id, self._glimpses.state(job_id), self._glimpses.tasks(job_id)) for job_id in pending),
            self._problem(pending),
        )

    def _problem(self, pending: Iterable[str]) -> str | None:
        """Tell why something could not be asked for that is still to be known."""
        for job_id in pending:
            for search in self._searches:
                if job_id in search.sought and (problem := self._trouble(search)):
                    return f"{search.target}: {problem}"
            if job_id not in self._home and self._unreached:
                return f"{self._unreached[0].target}: {self._unreached[0].problem}"
        return None

    def _trouble(self, search: Search) -> str | None:
        """Tell why a target has not answered. Where it never has, its first requests may be under way still."""
        trouble = self._stats.api.trouble
        return trouble.problem if not search.answered and trouble is not None else search.problem


def _never_seen(target: Target, lost: Unresolved) -> JobUnresolved:
    """Make the record of a job that no answer has ever shown."""
    record = events.unresolved(target, lost)
    return structs.replace(record, previous_state=None, message=f"Job {lost.job_id} is not known to the API")
