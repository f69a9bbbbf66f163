"""The poller's own fetching and decoding, without a cycle around it: eight at a time, as a sweep does it.

``python -m tests.benchmarks.contenders.fetch PORT PAGES`` prints what it took.
"""

import sys
from collections.abc import Iterator
from contextlib import aclosing
from typing import Final

import anyio

from poller.lister import Gate, Lister, open_client
from poller.models import MAX_PAGE_ROWS, Query, State, Target
from poller.simulator.options import DEMO_CREDENTIALS
from poller.stats import ApiStats
from tests.benchmarks.contenders.taking import report

_CONCURRENCY: Final = 8
_STEP: Final = 80  # a sweep's pages overlap by 20 rows
_RATE: Final = 1_000_000.0
_TIMEOUT: Final = 65.0


async def _read(port: int, pages: int) -> int:
    url = f"http://127.0.0.1:{port}"
    client = open_client(url, timeout=_TIMEOUT, concurrency=_CONCURRENCY, trust_env=False)
    lister = Lister(
        client,
        Gate(max_rps=_RATE, concurrency=_CONCURRENCY),
        ApiStats(),
        credentials=lambda: DEMO_CREDENTIALS,
    )
    target = Target(city_id="city-0")
    jobs = 0

    async def fetch(numbers: Iterator[int]) -> None:
        nonlocal jobs
        for number in numbers:
            page = await lister.page(Query(target, State.RUNNING, (), number * _STEP, MAX_PAGE_ROWS))
            jobs += len(page.jobs)

    numbers = iter(range(pages))
    async with aclosing(client), anyio.create_task_group() as group:
        for _ in range(_CONCURRENCY):
            group.start_soon(fetch, numbers)
    return jobs


def read(port: int, pages: int) -> int:
    """Read so many pages, and return how many rows there were."""
    return anyio.run(_read, port, pages)


if __name__ == "__main__":
    report(read, *map(int, sys.argv[1:3]))
