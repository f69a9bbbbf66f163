"""Lists jobs: the active ones whole, and the newest of those that have ended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

import anyio
from msgspec import Struct, structs

from poller.cycle import Pages
from poller.errors import ApiError
from poller.lifecycle import ACTIVE, TERMINAL
from poller.models import Instant, Job, Sighting, State, Target
from poller.waiting.listing import Listings
from poller.waiting.rows import JobRow, row_of

_SWEEP = (State.PENDING, State.RUNNING)
_HEADS = (State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs to list: none in ``states``, ``job_types`` or ``job_ids`` are all.

    ``since`` is a time in Unix seconds before which no job that is listed has ended. ``limit`` is the most rows.
    """

    limit: int
    states: frozenset[State] = frozenset()
    job_types: tuple[str, ...] = ()
    job_ids: tuple[str, ...] = ()
    since: float = 0.0

    def takes(self, row: Sighting) -> bool:
        """Tell whether a row is wanted."""
        if self.states and row.state not in self.states:
            return False
        if self.job_types and row.job_type not in self.job_types:
            return False
        return row.state in ACTIVE or ended(row) >= self.since


class Found(Struct, frozen=True):
    """A job that is wanted, and the target that listed it."""

    target: Target
    job: Sighting

    @property
    def row(self) -> JobRow:
        """What is told of it."""
        return row_of(self.target, self.job)


class Listed(Struct, frozen=True):
    """The jobs, active ones first, each kind from the newest on.

    ``more`` tells that there are others, ``holes`` names the listings that could not be read without one, ``missing``
    are the ids that no target knows, and ``problems`` tell, by target, why one did not answer.
    """

    jobs: tuple[Found, ...]
    more: bool
    holes: tuple[str, ...]
    missing: tuple[str, ...]
    problems: tuple[tuple[Target, str], ...]


def ended(row: Sighting) -> int:
    """Return when a job that is over had ended at the least, in Unix seconds; 0 where nothing tells."""
    return row.end_time or row.begin_time or row.create_time or 0


async def list_jobs(
    targets: Sequence[Target], wanted: Wanted, pages: Pages, *, now: Callable[[], Instant], window: int
) -> Listed:
    """Ask every target. ``window`` is how many pages of one listing are asked for side by side."""
    listings = {target: Listings(_filtered(target, wanted), pages, now=now, window=window) for target in targets}
    jobs: dict[str, Found] = {}
    holes: list[str] = []
    problems: dict[Target, str] = {}

    async def ask(target: Target) -> None:
        listing = listings[target]
        try:
            rows = await _ask(listing, wanted)
        except ApiError as error:
            problems[target] = str(error)
            return
        holes.extend(f"{target}: {state or 'look-up'}" for state in listing.holes)
        for row in rows:
            jobs.setdefault(row.job_id, Found(target, row))

    async with anyio.create_task_group() as group:
        for target in targets:
            group.start_soon(ask, target)
    chosen = sorted(filter(lambda found: wanted.takes(found.job), jobs.values()), key=_rank)
    shown = await _refreshed(chosen[: wanted.limit], listings, wanted)
    return Listed(
        tuple(shown),
        len(chosen) > wanted.limit,
        tuple(holes),
        tuple(job_id for job_id in wanted.job_ids if job_id not in jobs),
        tuple(problems.items()),
    )


def _filtered(target: Target, wanted: Wanted) -> Target:
    return structs.replace(target, job_types=wanted.job_types) if wanted.job_types else target


async def _ask(listings: Listings, wanted: Wanted) -> Iterable[Sighting]:
    """Return one target's rows, the last view of each job."""
    if wanted.job_ids:
        return await listings.look_up(wanted.job_ids)
    rows: dict[str, Sighting] = {}
    states = wanted.states or ACTIVE | TERMINAL
    # A job that moves on meanwhile is seen twice rather than never, and the later view counts.
    for state in filter(states.__contains__, _SWEEP):
        rows |= {row.job_id: row for row in await listings.whole(state)}
    for state in filter(states.__contains__, _HEADS):
        newest = await listings.newest(state, partial(_cutoff, wanted))
        rows |= {row.job_id: row for row in newest}
    return rows.values()


def _cutoff(wanted: Wanted, rows: Iterable[Sighting]) -> float:
    """Return the time before which no job that has ended can be shown any more, given those that were found.

    One more than can be shown tells that there are more.
    """
    ends = sorted((ended(row) for row in rows if wanted.takes(row)), reverse=True)
    return max(wanted.since, ends[wanted.limit] if len(ends) > wanted.limit else 0)


def _rank(found: Found) -> tuple[bool, int, str]:
    job = found.job
    active = job.state in ACTIVE
    return (not active, -((job.create_time or 0) if active else ended(job)), job.job_id)


async def _refreshed(chosen: Sequence[Found], listings: Mapping[Target, Listings], wanted: Wanted) -> list[Found]:
    """Look those up whose listing tells nothing of tasks; one that is not wanted any more is left out.

    What is known of them does without where that fails: the listing has told the rest.
    """
    fresh: dict[str, Sighting] = {}
    for target, listing in listings.items():
        ids = [found.job.job_id for found in chosen if found.target == target and not isinstance(found.job, Job)]
        with suppress(ApiError):
            fresh |= {row.job_id: row for row in await listing.look_up(ids)}
    renewed = (Found(found.target, fresh.get(found.job.job_id, found.job)) for found in chosen)
    return sorted((found for found in renewed if wanted.takes(found.job)), key=_rank)
