"""News in, lines out: a structlog logger whose renderer is the event line."""

from collections.abc import MutableMapping, Sequence
from typing import Any, Final, Protocol

import structlog

from poller import events
from poller.errors import SinkClosed
from poller.models import News, Target

_BATCH_LINES: Final = 500
"""What may be encoded and held at a time, at most 8 MiB: it takes milliseconds, in the event loop."""


class LineSink(Protocol):
    """What becomes of the lines."""

    async def write(self, lines: Sequence[bytes]) -> None:
        """Return when all lines are written."""


class _Collector:
    """What structlog logs to: collects the lines that go out together."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.info = self.warning = self.lines.append


class EventLog:
    """Reports news, one event line each. ``execute_messages`` includes tasks' command output."""

    def __init__(self, sink: LineSink, *, execute_messages: bool) -> None:
        self._sink = sink
        self._execute_messages = execute_messages

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Return when all of it is written. Raises SinkClosed, after the sink was told of all of it."""
        closed: SinkClosed | None = None
        for start in range(0, len(news), _BATCH_LINES):
            try:
                await self._sink.write(self._encode(target, news[start : start + _BATCH_LINES]))
            except SinkClosed as error:
                closed = error
        if closed is not None:
            raise closed

    def _encode(self, target: Target, news: Sequence[News]) -> list[bytes]:
        collector = _Collector()
        log = structlog.wrap_logger(collector, processors=[_render], wrapper_class=structlog.BoundLogger)
        for item in news:
            event = events.compose(target, item, execute_messages=self._execute_messages)
            emit = log.info if event.level == "info" else log.warning
            emit(event.event_name, record=event)
        return collector.lines


def _render(_logger: object, _level: str, entry: MutableMapping[str, Any]) -> bytes:
    return events.encode(entry["record"])
