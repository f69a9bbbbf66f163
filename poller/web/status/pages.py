"""Both forms of the status, each made anew for whoever asks."""

from typing import Any, Final

import msgspec

from poller.web.status.oldest import Oldest
from poller.web.status.page import render
from poller.web.status.reading import known_well, read
from poller.web.status.record import Status
from poller.web.status.source import Source

_REFRESH_SECONDS: Final = (5, 60)


class Pages:
    """Reads a source when asked."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._oldest = Oldest()

    async def html(self, *, refresh: bool) -> str:
        """Return the page; with ``refresh`` it reloads itself about once an interval."""
        least, most = _REFRESH_SECONDS
        every = min(max(least, round(self._source.stats.interval)), most)
        return render(await self._read(), refresh_seconds=every if refresh else None)

    async def data(self) -> dict[str, Any]:
        """Return what ``/status.json`` says."""
        found: dict[str, Any] = msgspec.to_builtins(await self._read())
        return found

    async def _read(self) -> Status:
        now = self._source.now().mono
        oldest = await self._oldest.find(known_well(self._source, now), now)
        return read(self._source, oldest)
