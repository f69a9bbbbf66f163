"""The API for a command that ends: one client, and the places where jobs may be."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

import anyio
from msgspec import Struct, structs

from poller.config import Settings
from poller.cycle import Cities, Pages
from poller.errors import ApiError
from poller.lister import Gate, Lister, open_client
from poller.models import ALL_CITIES, Target
from poller.signature import Credentials
from poller.stats import ApiStats


class Api(Pages, Cities, Protocol):
    """Brings pages, and the cities that there are."""


@asynccontextmanager
async def open_api(
    settings: Settings, credentials: Callable[[], Credentials], stats: ApiStats
) -> AsyncIterator[Lister]:
    """Connect to the API within the configured budget of requests. Raises ConfigError."""
    client = open_client(
        settings.base_url,
        timeout=settings.timeout,
        concurrency=settings.concurrency,
        trust_env=settings.trust_env,
    )
    async with aclosing(client):
        gate = Gate(max_rps=settings.max_rps, concurrency=settings.concurrency)
        yield Lister(client, gate, stats, credentials=credentials)


class Place(Struct, frozen=True):
    """A target that could not be expanded into its cities, and why."""

    target: Target
    problem: str


class Places(Struct, frozen=True):
    """Where to ask, and what is not known of that."""

    targets: tuple[Target, ...]
    unknown: tuple[Place, ...] = ()


async def find_places(targets: Sequence[Target], api: Cities) -> Places:
    """Put every city that the API lists in the place of a target that stands for all of them."""
    found: dict[Target, Sequence[Target] | Place] = {}

    async def find(target: Target) -> None:
        found[target] = await _cities(target, api)

    async with anyio.create_task_group() as group:
        for target in targets:
            if target.city_id == ALL_CITIES:
                group.start_soon(find, target)
            else:
                found[target] = (target,)
    answers = [found[target] for target in targets]
    return Places(
        tuple(dict.fromkeys(target for some in answers if not isinstance(some, Place) for target in some)),
        tuple(answer for answer in answers if isinstance(answer, Place)),
    )


async def _cities(target: Target, api: Cities) -> Sequence[Target] | Place:
    try:
        city_ids = await api.cities(target)
    except ApiError as error:
        return Place(target, str(error))
    if not city_ids:
        return Place(target, "the API lists no city")
    return tuple(structs.replace(target, city_id=city_id) for city_id in city_ids)
