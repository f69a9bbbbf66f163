"""News in, lines out: a structlog logger whose renderer makes the event lines."""

from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from poller import events
from poller.errors import SinkClosed
from poller.models import News, Target

_BATCH_LINES: Final = 500
"""What one who reports may have on its way at a time, at most 8 MiB."""

Entry = TypeVar("Entry")


class LineSink(Protocol):
    """What becomes of the lines."""

    async def write(self, lines: Sequence[bytes]) -> None:
        """Return when all lines are written."""


class Outbox(Protocol[Entry]):
    """Keeps lines from before they are written until after, so that a kill between loses none."""

    def stage(self, lines: Sequence[bytes]) -> Entry:
        """Take lines, to be kept with all that is saved from now on."""

    async def save(self) -> bool:
        """Save what is staged and written by now; False if that has failed, and will be tried again."""

    def written(self, entry: Entry) -> None:
        """Let go of lines that are written, with the next save."""


class NoOutbox:
    """For a poller whose memory ends with the process."""

    def stage(self, _lines: Sequence[bytes]) -> None:
        """Keep nothing."""

    async def save(self) -> bool:
        """Do nothing."""
        return True

    def written(self, _entry: None) -> None:
        """Do nothing."""


class EventLog(Generic[Entry]):
    """Reports news, one event line each. ``execute_messages`` includes tasks' command output."""

    def __init__(self, sink: LineSink, outbox: Outbox[Entry], *, execute_messages: bool) -> None:
        self._sink = sink
        self._outbox = outbox
        self._under_way = 0
        self._log = structlog.wrap_logger(
            structlog.ReturnLogger(), processors=[_render], wrapper_class=structlog.BoundLogger
        ).bind(execute_messages=execute_messages)

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Return when all of it is written. Raises SinkClosed, after the sink was told of all of it.

        Every line is staged before anything else can run: whoever saves what is known of the jobs saves the lines too.
        """
        lines = self._encode(target, news)
        entry = self._outbox.stage(lines)
        with self._counted():
            # Where that fails for now, lines are written all the same: events must not wait for a disk to have room.
            await self._outbox.save()
            await self._write(lines)
        await self._let_go(entry)

    async def write(self, lines: Sequence[bytes], entry: Entry) -> None:
        """Write lines that are in the outbox already. Raises as `report` does."""
        with self._counted():
            await self._write(lines)
        await self._let_go(entry)

    async def _write(self, lines: Sequence[bytes]) -> None:
        closed: SinkClosed | None = None
        for start in range(0, len(lines), _BATCH_LINES):
            try:
                await self._sink.write(lines[start : start + _BATCH_LINES])
            except SinkClosed as error:
                closed = error
        if closed is not None:
            raise closed

    async def _let_go(self, entry: Entry) -> None:
        """Let lines leave the outbox, with the next save of those that are under way, or the last of them does it."""
        self._outbox.written(entry)
        if not self._under_way:
            await self._outbox.save()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _encode(self, target: Target, news: Sequence[News]) -> list[bytes]:
        # One entry for all of them: structlog takes a third of the time for one that it takes to make a line.
        lines: list[bytes] = self._log.msg(target=target, news=news)
        return lines


def _render(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> tuple[tuple[list[bytes]], dict[str, Any]]:
    """Make the lines of an entry, in the form that structlog hands to the logger: arguments by position and by name."""
    target, execute_messages = entry["target"], entry["execute_messages"]
    lines = [events.encode(events.compose(target, item, execute_messages=execute_messages)) for item in entry["news"]]
    return (lines,), {}
