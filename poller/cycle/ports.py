"""What a cycle needs of the edges."""

from collections.abc import Sequence
from typing import Protocol

from poller.models import News, Page, Query, Target


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


class Reports(Protocol):
    """Writes events."""

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Return when every event is written; wait as long as nobody reads them."""
        ...
