"""Asks every target once, and adds up what polling them will cost."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from math import ceil
from typing import TypeVar

import anyio
import msgspec
from msgspec import Struct

from poller.config import Settings
from poller.errors import ApiError
from poller.lister import Gate, Lister, open_client
from poller.models import ALL_CITIES, MAX_PAGE_ROWS, Query, State, Target
from poller.reading import OVERLAP
from poller.signature import Credentials
from poller.stats import ApiStats

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_EMPTY_LISTING = 1
_PROOF_OF_THE_END = 1
_HEADS = 3
_LOOK_UP = 1


class Finding(Struct, frozen=True):
    """How a target answered. ``running`` is the API's count of running jobs, ``seconds`` the time the answer took."""

    target: Target
    seconds: float
    running: int | None = None
    problem: str | None = None


async def ask_all(settings: Settings, credentials: Callable[[], Credentials]) -> list[Finding]:
    """Make one signed request to every target, without retries; find out about its cities first, where it has all.

    Findings are in the order of the configuration.
    """
    opened = open_client(
        settings.base_url,
        timeout=settings.timeout,
        concurrency=settings.concurrency,
        trust_env=settings.trust_env,
    )
    async with aclosing(opened) as client:
        lister = Lister(
            client,
            Gate(max_rps=settings.max_rps, concurrency=settings.concurrency),
            ApiStats(),
            credentials=credentials,
            attempts=1,
        )

        found = await _side_by_side(partial(_cities, lister), settings.targets)
        return await _side_by_side(partial(_ask, lister), [each for some in found for each in some])


async def _cities(lister: Lister, target: Target) -> list[Target | Finding]:
    """Return what a target stands for: itself, or every city that the API lists, or why that is not known."""
    if target.city_id != ALL_CITIES:
        return [target]
    began = anyio.current_time()
    try:
        city_ids = await lister.cities(target)
        problem = "the API lists no city"
    except ApiError as error:
        city_ids, problem = (), str(error)
    if not city_ids:
        return [Finding(target, anyio.current_time() - began, problem=problem)]
    return [msgspec.structs.replace(target, city_id=city_id) for city_id in city_ids]


async def _side_by_side(ask: Callable[[Asked], Awaitable[Answer]], questions: Sequence[Asked]) -> list[Answer]:
    answers: dict[int, Answer] = {}

    async def put(number: int, question: Asked) -> None:
        answers[number] = await ask(question)

    async with anyio.create_task_group() as group:
        for number, question in enumerate(questions):
            group.start_soon(put, number, question)
    return [answers[number] for number in range(len(questions))]


async def _ask(lister: Lister, target: Target | Finding) -> Finding:
    if isinstance(target, Finding):
        return target
    began = anyio.current_time()
    try:
        page = await lister.page(Query(target, State.RUNNING))
    except ApiError as error:
        return Finding(target, anyio.current_time() - began, problem=str(error))
    running = page.received if page.total_count is None else page.total_count
    return Finding(target, anyio.current_time() - began, running=running)


def requests_a_second(findings: Sequence[Finding], interval: float) -> float:
    """Estimate what the targets that answered need, in requests a second, at the jobs that run now.

    A cycle reads PENDING and RUNNING, pages overlapping, proves the end of what is not empty, reads a page of the jobs
    that have ended in each of three states, and looks up once.
    """
    fixed = _EMPTY_LISTING + _HEADS + _LOOK_UP
    return sum(fixed + _pages(finding.running) for finding in findings if finding.running is not None) / interval


def _pages(rows: int) -> int:
    if not rows:
        return _EMPTY_LISTING
    return 1 + ceil(max(0, rows - MAX_PAGE_ROWS) / (MAX_PAGE_ROWS - OVERLAP)) + _PROOF_OF_THE_END
