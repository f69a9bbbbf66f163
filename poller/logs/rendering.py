"""From what a logger was told to one line, with nothing in it that may not be seen."""

from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import format_exc_info

MAX_TEXT: Final = 32_000
"""Characters of one text. A traceback's beginning and end say most."""

_DEPTH = 4
_OURS = frozenset({"timestamp", "level", "logger", "message", "event_name"})
_MANY_LINES = frozenset({"exception", "stack"})

_SEPARATORS = dict.fromkeys([0x7F, *range(0x80, 0xA0), 0x2028, 0x2029])
_CONTROLS = dict.fromkeys([*range(0x20), *_SEPARATORS])
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in _SEPARATORS}
_CONSOLE_ESCAPES = {code: repr(chr(code))[1:-1] for code in _CONTROLS}
_CONSOLE_ESCAPES_BUT_LINES = {code: text for code, text in _CONSOLE_ESCAPES.items() if chr(code) not in "\n\t"}

Finish = Callable[[dict[str, Any]], bytes]


class Renderer:
    """Makes one line of a log entry; never raises, whatever the entry holds.

    ``redact`` takes secrets out of a text; ``clock`` gives Unix seconds; ``console`` is for people, else it is JSON.
    """

    def __init__(
        self,
        redact: Callable[[str], str],
        *,
        clock: Callable[[], float],
        console: bool = False,
        colors: bool = False,
    ) -> None:
        self._redact = redact
        self._clock = clock
        self._console = console
        self._finish = _console(colors=colors) if console else _json

    def render(self, name: str, level: str, entry: MutableMapping[str, Any]) -> bytes:
        """Return the line, with its newline. ``entry`` is structlog's: ``event`` is the message."""
        try:
            return self._finish(self._fields(name, level, entry))
        except Exception as error:  # noqa: BLE001 (an object that cannot be shown must not stop who logs it)
            # Something of it could not be shown or redacted, so that nothing of it is.
            return self._finish(self._head("poller", level) | {"message": f"unprintable entry: {type(error).__name__}"})

    def _fields(self, name: str, level: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
        shown = format_exc_info(None, level, entry)
        head = self._head(self._text(name), level) | {"message": self._text(str(shown.pop("event", "")))}
        # A consumer tells events from diagnostics by event_name, and may read both from one stream.
        return head | {
            self._text(f"{key}_" if key in _OURS else str(key)): self._value(value, many_lines=key in _MANY_LINES)
            for key, value in shown.items()
        }

    def _head(self, name: str, level: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        return {"timestamp": now.removesuffix("+00:00") + "Z", "level": level, "logger": name}

    def _value(self, value: object, *, many_lines: bool = False, depth: int = _DEPTH) -> Any:  # noqa: ANN401 (JSON)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth and isinstance(value, Mapping):
            return {self._text(str(key)): self._value(item, depth=depth - 1) for key, item in value.items()}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [self._value(item, depth=depth - 1) for item in value]
        return self._text(str(value), many_lines=many_lines)

    def _text(self, text: str, *, many_lines: bool = False) -> str:
        # Redacted first: half a secret would not be known again.
        text = self._redact(text)
        if len(text) > MAX_TEXT:
            text = f"{text[: MAX_TEXT // 2]} … {text[-MAX_TEXT // 2 :]}"
        text = text.encode(errors="backslashreplace").decode()
        if not self._console:
            return text.translate(_JSON_ESCAPES)
        return text.translate(_CONSOLE_ESCAPES_BUT_LINES if many_lines else _CONSOLE_ESCAPES)


def _json(fields: dict[str, Any]) -> bytes:
    return msgspec.json.encode(fields) + b"\n"


def _console(*, colors: bool) -> Finish:
    renderer = ConsoleRenderer(
        colors=colors, event_key="message", sort_keys=False, exception_formatter=plain_traceback, pad_event_to=0
    )
    return lambda fields: renderer(None, "", fields).encode() + b"\n"
