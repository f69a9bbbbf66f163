"""What a cycle needs of the edges."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from poller.models import Instant, News, Page, Query, Target
from poller.reading import Ask


class Pages(Protocol):
    """Brings a page, or raises the `poller.errors.ApiError` that names the remedy once retries are used up."""

    async def page(self, query: Query) -> Page:
        """Fetch one page."""
        ...


class Cities(Protocol):
    """Brings the ids of the cities that there are, or raises `poller.errors.ApiError` likewise."""

    async def cities(self, target: Target) -> tuple[str, ...]:
        """Ask for those of a target's project and product type."""
        ...


class ReadingLike(Protocol):
    """Decides which pages to ask for: `poller.reading.Reading`, and others that are driven likewise."""

    def asks(self) -> list[Ask]:
        """Return the pages to ask for now."""
        ...

    def take(self, ask: Ask, page: Page, *, enough: bool = False) -> None:
        """Take a page that was asked for; with ``enough`` nothing behind it is wanted."""
        ...

    def abandon(self) -> None:
        """Give up."""
        ...


class Saves(Protocol):
    """Keeps what has changed beyond the process, in scopes of keys and values."""

    def attach(self, scope: str, collect: Callable[[], Iterable[tuple[str, bytes | None]]]) -> None:
        """Ask for a scope's changes at each save: values by key, None for those that are gone."""
        ...

    def forget(self, scope: str) -> None:
        """Delete all of a scope, and ask no more."""
        ...

    async def save(self) -> bool:
        """Return when it is kept, or has failed for now, which is False."""
        ...


class Reports(Protocol):
    """Writes events."""

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Return when every event is written; wait as long as nobody reads them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """What a poller is connected to. ``keys`` returns the credentials in force, the same object until they change.

    ``saves`` is None where nothing outlives the process.
    """

    pages: Pages
    reports: Reports
    keys: Callable[[], object]
    now: Callable[[], Instant]
    saves: Saves | None = None
