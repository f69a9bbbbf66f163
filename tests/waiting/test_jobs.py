"""Listing jobs, in virtual time."""

import json
from collections.abc import Callable, Iterable, Sequence

import pytest

from poller.errors import RetryLater
from poller.models import Job, Page, Query, Sighting, State, Target
from poller.waiting import JobRow, Listed, Wanted, encode_row, list_jobs, row_of
from tests.waiting.bench import EPOCH, HERE, PS, THERE, Api, F, Life, P, R, S, now

pytestmark = pytest.mark.anyio

Listing = Callable[[list[Job]], Iterable[Job]]


async def listed(api: Api, *targets: Target, limit: int = 10, since: float = 0, **wanted: object) -> Listed:
    """List jobs."""
    filters = Wanted(limit=limit, since=since, **wanted)  # type: ignore[arg-type]
    return await list_jobs(targets or (HERE,), filters, api, now=now, window=4)


def ids(found: Listed) -> list[str]:
    """Return the ids in their order."""
    return [each.job.job_id for each in found.jobs]


def backlog(count: int, outcome: State = S) -> Sequence[Life]:
    """Return jobs that ended ten seconds apart; the last one is the newest."""
    return [
        Life(f"{outcome}{number}", created=-20 - 10 * age, begun=-15 - 10 * age, ended=-10 - 10 * age, outcome=outcome)
        for number, age in enumerate(reversed(range(count)))
    ]


def by_end(rows: list[Job]) -> list[Job]:
    """List the newest first."""
    return sorted(rows, key=lambda row: -(row.end_time or 0))


def by_creation(rows: list[Job]) -> list[Job]:
    """List those created last first."""
    return sorted(rows, key=lambda row: -(row.create_time or 0))


def oldest_first(rows: list[Job]) -> list[Job]:
    """List the newest last."""
    return by_end(rows)[::-1]


def unordered(rows: list[Job]) -> list[Job]:
    """List by a key that has nothing to do with time."""
    return sorted(rows, key=lambda row: hash(("x", row.create_time)) % 1009)


async def test_active_jobs_come_first() -> None:
    """Then those that have ended, and of each kind the newest first."""
    api = Api(
        [
            Life("old", created=-500, begun=-490, ended=-400),
            Life("runs", created=-300),
            Life("waits", created=-200, begun=99),
            Life("new", created=-600, begun=-590, ended=-5, outcome=F),
        ]
    )
    assert ids(await listed(api)) == ["waits", "runs", "new", "old"]


@pytest.mark.parametrize("order", [by_end, by_creation, oldest_first, unordered])
async def test_the_newest_are_found_in_any_order(order: Listing) -> None:
    """Whatever end of the listing they are at, or none."""
    api = Api(backlog(1000), listed=order)
    assert ids(await listed(api, limit=5)) == [f"SUCCESS{number}" for number in range(999, 994, -1)]


@pytest.mark.parametrize(("order", "most"), [(by_end, 3), (by_creation, 3), (oldest_first, 6)])
async def test_no_more_is_read_than_needed(order: Listing, most: int) -> None:
    """Where the first page shows which end is the newest."""
    api = Api(backlog(1000), listed=order)
    await listed(api, limit=5, states=frozenset({S}))
    assert len(api.asked) <= most


async def test_a_job_that_ran_for_long_is_among_the_newest() -> None:
    """A listing by creation has it further down."""
    lives = [*backlog(300), Life("long", created=-1500, begun=-1490, ended=-1)]
    assert ids(await listed(Api(lives, listed=by_creation), limit=150))[0] == "long"


async def test_more_than_the_limit_is_said() -> None:
    """Not what there is exactly."""
    assert (await listed(Api(backlog(11)), limit=10)).more
    assert not (await listed(Api(backlog(10)), limit=10)).more


async def test_only_some_states() -> None:
    """No other listing is read."""
    api = Api([Life("a"), *backlog(2, F), *backlog(2, PS), *backlog(2)])
    assert ids(await listed(api, states=frozenset({F, PS}))) == [
        "FAILED1",
        "PARTIAL_SUCCESS1",
        "FAILED0",
        "PARTIAL_SUCCESS0",
    ]
    assert {query.state for query in api.asked} == {F, PS}


async def test_only_some_types() -> None:
    """The API is asked for these alone."""
    api = Api([Life("a"), Life("b", job_type="UPLOAD_FILE")])
    assert ids(await listed(api, job_types=("UPLOAD_FILE",))) == ["b"]


async def test_only_what_ended_lately() -> None:
    """And what is active."""
    api = Api([*backlog(1000), Life("a")], listed=by_end)
    assert ids(await listed(api, since=EPOCH - 25)) == ["a", "SUCCESS999", "SUCCESS998"]


async def test_some_jobs_by_id() -> None:
    """Those that no target knows are named."""
    api = Api([Life("a"), Life("b", city="there", begun=-9, ended=-5), Life("c")])
    found = await listed(api, HERE, THERE, job_ids=("a", "b", "nope"))
    assert [(each.job.job_id, each.target) for each in found.jobs] == [("a", HERE), ("b", THERE)]
    assert found.missing == ("nope",)


async def test_the_tasks_of_running_jobs_are_told() -> None:
    """Their listing has none, so those that are shown are looked up."""

    class Slim(Api):
        async def page(self, query: Query) -> Page:
            page = await super().page(query)
            if query.state not in (P, R):
                return page
            rows = [Sighting(row.job_id, row.state, row.job_type, row.created, row.begun) for row in page.jobs]
            return Page(rows, page.received, total_count=page.total_count)

    [found] = (await listed(Slim([Life("a")]), limit=1)).jobs
    assert found.row.tasks is not None
    assert found.row.tasks.total == 2


async def test_a_target_that_does_not_answer_hides_no_other() -> None:
    """Why it does not is told."""

    def fault(query: Query) -> None:
        if query.target == THERE:
            raise RetryLater("connect", "no connection")

    found = await listed(Api([Life("a")], fault=fault), HERE, THERE)
    assert (ids(found), found.problems) == (["a"], ((THERE, "no connection"),))


async def test_a_job_of_two_targets_is_listed_once() -> None:
    """They overlap."""
    assert ids(await listed(Api([Life("a")]), HERE, Target())) == ["a"]


async def test_a_hole_is_said() -> None:
    """Rows that are counted and not shown may be missing."""

    class Blind(Api):
        async def page(self, query: Query) -> Page:
            page = await super().page(query)
            return Page([], 0, total_count=3) if query.state is P else page

    assert (await listed(Blind([Life("a")]))).holes == ("city here, uphone-server: PENDING",)


def test_a_row_has_the_fields_of_the_event_line() -> None:
    """Those that make sense of a job in any state."""
    row = row_of(HERE, Life("a", begun=-50, ended=-20, outcome=F).row(0))
    encoded = json.loads(encode_row(row))
    assert list(encoded) == list(JobRow.__struct_fields__)
    assert encoded["end_time"] == "2001-09-09T01:46:20Z"
    assert (encoded["queue_seconds"], encoded["run_seconds"]) == (40, 30)
    assert encoded["tasks"] == {"total": 2, "success": 1, "failed": 1, "other": 0}
    assert encoded["failed_tasks"][0] == {
        "task_id": "a-0",
        "uphone_id": "up-0",
        "server_id": None,
        "state": "FAILED",
        "error_message": "device is offline",
    }


def test_a_row_is_one_line_of_ascii() -> None:
    """Whatever an id holds."""
    line = encode_row(row_of(HERE, Sighting("a\n\x9b\udc80", P)))
    assert line.isascii()
    assert line.isprintable()
