"""Asks every target once, and adds up what polling them will cost."""

from collections.abc import Callable, Sequence
from math import ceil

import anyio
from msgspec import Struct

from poller.config import Settings
from poller.errors import ApiError
from poller.lister import Gate, Lister, open_client
from poller.models import MAX_PAGE_ROWS, Query, State, Target
from poller.reading import OVERLAP
from poller.signature import Credentials
from poller.stats import ApiStats

_EMPTY_LISTING = 1
_PROOF_OF_THE_END = 1
_LOOK_UP = 1


class Finding(Struct, frozen=True):
    """How a target answered. ``running`` is the API's count of running jobs, ``seconds`` the time the answer took."""

    target: Target
    seconds: float
    running: int | None = None
    problem: str | None = None


async def ask_all(settings: Settings, credentials: Callable[[], Credentials]) -> list[Finding]:
    """Make one signed request to every target, without retries."""
    findings: dict[Target, Finding] = {}
    async with open_client(
        timeout=settings.timeout, concurrency=settings.concurrency, trust_env=settings.trust_env
    ) as client:
        lister = Lister(
            client,
            Gate(max_rps=settings.max_rps, concurrency=settings.concurrency),
            ApiStats(),
            base_url=settings.base_url,
            timeout=settings.timeout,
            credentials=credentials,
            attempts=1,
        )

        async def ask(target: Target) -> None:
            findings[target] = await _ask(lister, target)

        async with anyio.create_task_group() as group:
            for target in settings.targets:
                group.start_soon(ask, target)
    return [findings[target] for target in settings.targets]


async def _ask(lister: Lister, target: Target) -> Finding:
    began = anyio.current_time()
    try:
        page = await lister.page(Query(target, State.RUNNING))
    except ApiError as error:
        return Finding(target, anyio.current_time() - began, problem=str(error))
    running = page.received if page.total_count is None else page.total_count
    return Finding(target, anyio.current_time() - began, running=running)


def requests_a_second(findings: Sequence[Finding], interval: float) -> float:
    """Estimate what the targets that answered need, in requests a second, at the jobs that run now.

    A cycle reads PENDING and RUNNING, pages overlapping, proves the end of what is not empty, and looks up once.
    """
    cycles = sum(
        _EMPTY_LISTING + _pages(finding.running) + _LOOK_UP for finding in findings if finding.running is not None
    )
    return cycles / interval


def _pages(rows: int) -> int:
    if not rows:
        return _EMPTY_LISTING
    return 1 + ceil(max(0, rows - MAX_PAGE_ROWS) / (MAX_PAGE_ROWS - OVERLAP)) + _PROOF_OF_THE_END
