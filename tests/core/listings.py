"""Listings as a server serves them, page by page."""

import random
from collections.abc import Callable

from poller.models import Page, Sighting, State
from poller.reading import Ask, Reading

Serve = Callable[[Ask], Page]


def page(ids: list[str], total: int | None = None, *, bad: int = 0) -> Page:
    """Make a page of running jobs, with bad rows at its end."""
    jobs = [Sighting(job_id=job_id, state=State.RUNNING) for job_id in ids]
    return Page(jobs=jobs, received=len(ids) + bad, skipped=bad, total_count=total)


def names(count: int, start: int = 0) -> list[str]:
    """Name jobs j0, j1 and so on."""
    return [f"j{number}" for number in range(start, start + count)]


def read(reading: Reading, serve: Serve, *, shuffle: random.Random | None = None) -> tuple[set[str], int]:
    """Drive a reading to its end; pages under way together may arrive in any order."""
    seen: set[str] = set()
    requests = 0
    under_way = reading.asks()
    while under_way:
        ask = under_way.pop(shuffle.randrange(len(under_way)) if shuffle else 0)
        requests += 1
        assert ask.offset >= 0
        assert 1 <= ask.limit <= 100
        answer = serve(ask)
        seen.update(job.job_id for job in answer.jobs)
        reading.take(ask, answer)
        under_way += reading.asks()
        assert requests < 10_000
    assert reading.done
    return seen, requests


def still(listing: list[str], *, cap: int = 100, total: int | None = None) -> Serve:
    """Serve a listing that does not move."""
    return lambda ask: page(listing[ask.offset : ask.offset + min(ask.limit, cap)], total)
