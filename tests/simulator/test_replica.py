"""Listings: sorted as asked for, cut into pages, filtered."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from poller.models import State
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import Options, Order
from poller.simulator.replica import Filter, Replica
from poller.simulator.world import World

AT = 100
EVERYTHING = Filter(city_id="cn-hangzhou", product_type="uphone-server")


def replica(start: float, order: Order = Order.NEWEST_FIRST) -> Replica:
    """Look at a busy world some time after its start."""
    world = World(Options(arrival_rate=4, active_jobs=100, finished_jobs=200, order=order), start=start)
    world.replica(start + AT / 2)
    return world.replica(start + AT)


def listing(replica: Replica, wanted: Filter = EVERYTHING) -> list[SimulatedJob]:
    """Read a listing whole."""
    return replica.page(wanted, offset=0, limit=10**6).jobs


def whole(seconds: float) -> int:
    """Cut a time to what the API stores."""
    return int(seconds)


@pytest.mark.parametrize(
    ("order", "key"),
    [
        (Order.NEWEST_FIRST, lambda job, _: -whole(job.created)),
        (Order.OLDEST_FIRST, lambda job, _: whole(job.created)),
        (Order.LAST_BEGUN_FIRST, lambda job, now: -whole(job.begun) if job.begun <= now else 0),
        (Order.LAST_ENDED_FIRST, lambda job, now: -whole(job.ended) if job.ended <= now else 0),
        (Order.FIRST_ENDED_FIRST, lambda job, now: whole(job.ended) if job.ended <= now else 0),
        (Order.NONE, lambda job, _: job.job_id),
    ],
)
@pytest.mark.parametrize("state", [None, State.RUNNING, State.SUCCESS])
def test_orders(start: float, order: Order, key: Callable[[SimulatedJob, float], Any], state: State | None) -> None:
    """A listing is sorted by its order, in one state and over all."""
    wanted = replace(EVERYTHING, state=state)
    keys = [key(job, start + AT) for job in listing(replica(start, order), wanted)]
    assert len(keys) > 20
    assert keys == sorted(keys)


def test_two_halves(start: float) -> None:
    """Two shards follow each other, each newest first."""
    created = [whole(job.created) for job in listing(replica(start, Order.TWO_HALVES))]
    rises = [index for index, (one, other) in enumerate(pairwise(created)) if one < other]
    assert len(rises) == 1
    assert len(created) * 0.4 < rises[0] < len(created) * 0.6


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_make_up_the_listing(start: float, order: Order, limit: int) -> None:
    """Page after page, a listing that stands still is read whole."""
    shown = replica(start, order)
    jobs = listing(shown)
    pages = [shown.page(EVERYTHING, offset=offset, limit=limit).jobs for offset in range(0, len(jobs) + limit, limit)]
    assert [job for page in pages for job in page] == jobs
    assert shown.page(EVERYTHING, offset=len(jobs), limit=limit, ties=Random(0)).jobs == []


@pytest.mark.parametrize("order", [order for order in Order if order is not Order.NONE])
def test_ties_are_shuffled_and_nothing_else(start: float, order: Order) -> None:
    """Rows of one second change places from request to request, and stay in their second."""
    shown = replica(start, order)
    plain = listing(shown)
    shuffled = [
        [shown.page(EVERYTHING, offset=offset, limit=1, ties=Random(0)).jobs[0] for offset in range(len(plain))],
        shown.page(EVERYTHING, offset=0, limit=10**6, ties=Random(1)).jobs,
        shown.page(EVERYTHING, offset=0, limit=10**6, ties=Random(2)).jobs,
    ]
    assert shuffled[1] != shuffled[2]
    seconds = [shown._key(job, shown.time) for job in plain]
    for jobs in shuffled:
        assert [shown._key(job, shown.time) for job in jobs] == seconds


@pytest.mark.parametrize("order", [Order.LAST_BEGUN_FIRST, Order.LAST_ENDED_FIRST, Order.FIRST_ENDED_FIRST])
@pytest.mark.parametrize("limit", [7, 10**6])
def test_rows_without_a_time_are_no_ties(start: float, order: Order, limit: int) -> None:
    """Jobs without the time that is sorted by keep their places, whatever becomes of those that have it."""
    shown = replica(start, order)
    plain = listing(shown)
    pages = [shown.page(EVERYTHING, offset=at, limit=limit, ties=Random(at)).jobs for at in range(0, len(plain), limit)]
    places = [at for at, job in enumerate(plain) if not shown._key(job, shown.time)]
    shuffled = [job for page in pages for job in page]
    assert len(places) > 5
    assert [shuffled[at] for at in places] == [plain[at] for at in places]


def test_counts(start: float) -> None:
    """A page knows how many rows its listing has, with the filters and without."""
    shown = replica(start)
    wanted = replace(EVERYTHING, state=State.SUCCESS)
    page = shown.page(wanted, offset=3, limit=2)
    assert len(page.jobs) == 2
    assert page.filtered == len(listing(shown, wanted))
    assert page.unfiltered == len(listing(shown))


def test_types_filter(start: float) -> None:
    """Only jobs of the types asked for are listed, and all of them."""
    shown = replica(start)
    types = frozenset({"INSTALL_APP", "UPLOAD_FILE"})
    wanted = replace(EVERYTHING, job_types=types)
    assert listing(shown, wanted) == [job for job in listing(shown) if job.job_type in types]


@pytest.mark.parametrize("order", list(Order))
def test_look_up(start: float, order: Order) -> None:
    """Known ids come back in the listing's order; unknown ones don't."""
    shown = replica(start, order)
    some = listing(shown)[::7]
    wanted = frozenset({job.job_id for job in some} | {"unknown"})
    found = replace(EVERYTHING, job_ids=wanted)
    assert listing(shown, found) == some


def test_a_look_up_has_filters_too(start: float) -> None:
    """An id in another city, state or of another type does not come back."""
    shown = replica(start)
    job = listing(shown)[0]
    wanted = replace(EVERYTHING, job_ids=frozenset({job.job_id}))
    assert listing(shown, wanted) == [job]
    assert listing(shown, replace(wanted, city_id="oversea")) == []
    assert listing(shown, replace(wanted, product_type="uphone")) == []
    assert listing(shown, replace(wanted, state=State.UNKNOWN)) == []
    assert listing(shown, replace(wanted, job_types=frozenset({"other"}))) == []
