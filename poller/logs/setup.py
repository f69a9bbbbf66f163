"""Everything that would go to stderr, on one road."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, MutableMapping
from types import TracebackType
from typing import Any, Final, cast

import structlog
from structlog.typing import FilteringBoundLogger

from poller.logs.outlet import Outlet
from poller.logs.redaction import Redaction
from poller.logs.rendering import Renderer

_STDERR = 2
_NAME = "poller"
_LAST_WORDS_SECONDS: Final = 1.0


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module; it follows ``configure``, whenever that is called."""
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def configure(
    level: str,
    log_format: str,
    *,
    redact: Callable[[], Collection[str]],
    fd: int = _STDERR,
    clock: Callable[[], float] = time.time,
) -> "Diagnostics":
    """Send all diagnostics of the process to stderr: structlog's, logging's, warnings and uncaught exceptions.

    ``redact`` names the secrets of the moment. Other libraries are held at warnings.
    """
    terminal = os.isatty(fd)
    renderer = Renderer(
        Redaction(redact),
        clock=clock,
        console=log_format == "console" or (log_format == "auto" and terminal),
        colors=terminal and not os.environ.get("NO_COLOR"),
    )
    return Diagnostics(level, renderer, fd=fd)


class Diagnostics:
    """The road, from when it is laid until ``close``. ``fd`` is where it leads."""

    def __init__(self, level: str, renderer: Renderer, *, fd: int) -> None:
        self._renderer = renderer
        self._outlet = Outlet(fd, notice=self._dropped)
        self._bridge = _Bridge(self._say)
        self._take_structlog(level)
        self._take_logging(level)
        self._take_last_words()

    def flush(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until all is written; tell whether it is."""
        return self._outlet.flush(timeout)

    def close(self, timeout: float = _LAST_WORDS_SECONDS) -> None:
        """Flush, and give everything back to whom it was taken from.

        A process that ends needs ``flush`` alone: an exception on its way out would meet the interpreter's own hook.
        """
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        logging.captureWarnings(capture=False)
        logging.root.removeHandler(self._bridge)
        logging.root.setLevel(self._root_level)
        for handler in self._root_handlers:
            logging.root.addHandler(handler)
        structlog.reset_defaults()
        self._outlet.close(timeout)

    def _say(self, name: str, level: str, entry: MutableMapping[str, Any]) -> None:
        self._outlet.put(self._renderer.render(name, level, entry))

    def _dropped(self, count: int) -> bytes:
        return self._renderer.render(_NAME, "warning", {"event": "stderr had stalled, lines dropped", "dropped": count})

    def _take_structlog(self, level: str) -> None:
        structlog.configure(
            processors=[structlog.processors.add_log_level, self._render],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            logger_factory=lambda *args: _Voice(args[0] if args else _NAME, self._outlet.put),
            cache_logger_on_first_use=False,
        )

    def _render(self, logger: Any, _method: str, entry: MutableMapping[str, Any]) -> bytes:  # noqa: ANN401 (structlog's)
        return self._renderer.render(logger.name, entry.pop("level"), entry)

    def _take_logging(self, level: str) -> None:
        root = logging.root
        self._root_handlers, self._root_level = list(root.handlers), root.level
        root.handlers[:] = [self._bridge]
        # Below warnings, what libraries log tells of requests and headers more than of trouble.
        quiet = max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()])
        root.setLevel(quiet)
        self._bridge.setLevel(quiet)
        logging.captureWarnings(capture=True)

    def _take_last_words(self) -> None:
        # The interpreter's own would print messages of exceptions, which may hold what a request held, as they are.
        # faulthandler needs no care: it prints names of files and functions, never values.
        self._hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        sys.unraisablehook = self._unraisable

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self._say(_NAME, "critical", {"event": "uncaught exception", "exc_info": (kind, error, trace)})
        self.flush(_LAST_WORDS_SECONDS)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            return
        name = "?" if args.thread is None else args.thread.name
        self._say(_NAME, "critical", {"event": "uncaught exception in a thread", "thread": name} | _exception(args))

    def _unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        entry = {"event": args.err_msg or "exception ignored", "object": args.object}
        self._say(_NAME, "error", entry | _exception(args))


class _Voice:
    """What structlog logs to: one name's way to the outlet."""

    __slots__ = ("critical", "debug", "error", "info", "name", "warning")

    def __init__(self, name: str, put: Callable[[bytes], None]) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = self.critical = put


class _Bridge(logging.Handler):
    """Takes the records of the standard library's logging to where ours go."""

    def __init__(self, say: Callable[[str, str, MutableMapping[str, Any]], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record. One whose arguments don't fit is said without them."""
        entry: dict[str, Any] = {"event": _message(record)}
        if record.exc_info:
            entry["exc_info"] = record.exc_info
        if record.stack_info:
            entry["stack"] = record.stack_info
        self._say(record.name, _level_name(record.levelno), entry)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 (logging's own way out prints the arguments to stderr, as they are)
        return str(record.msg)


def _level_name(number: int) -> str:
    for floor, name in ((50, "critical"), (40, "error"), (30, "warning"), (20, "info")):
        if number >= floor:
            return name
    return "debug"


def _exception(args: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> dict[str, Any]:
    if args.exc_value is None:
        return {"exception": args.exc_type.__name__}
    return {"exc_info": (args.exc_type, args.exc_value, args.exc_traceback)}
