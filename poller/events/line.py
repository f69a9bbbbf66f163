"""One record, one line: valid JSON whatever the texts hold, and never longer than a container runtime keeps whole."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from poller.events.record import FailedTask, JobEvent, JobFinished, TaskOutput
from poller.models import State

MAX_LINE_BYTES: Final = 16_384
"""Of a line with its newline: container runtimes split longer ones."""

_ROOM = MAX_LINE_BYTES - 1
_WORTH_KEEPING = 256
"""Bytes that a text within a list keeps before entries are dropped for it."""

_ENCODER = msgspec.json.Encoder()

# What JSON allows bare, but naive readers take for a line's end or a terminal for a command: DEL, U+0080 to U+009F
# and U+2028, U+2029. In UTF-8 a lead byte stands nowhere else, and JSON has these within strings alone.
_UNSAFE = re.compile(rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]")

_TEXTS = (
    "message",
    "job_type",
    "project_id",
    "region",
    "city_id",
    "product_type",
    "app_version_id",
    "error_message",
)


def encode(event: JobEvent) -> bytes:
    r"""Encode an event as one line of UTF-8 JSON, at most 16 384 bytes with its ``\n``.

    Lone surrogates become U+FFFD. What does not fit is cut from the longest texts and lists first, and ``truncated``
    set; identifiers of the event and the job, states, times and counts stay whole.
    """
    if _may_fit(event):
        try:
            line = _ENCODER.encode(event)
        except UnicodeEncodeError:
            pass  # a lone surrogate: the slow way mends it
        else:
            if len(line) <= _ROOM and len(line := _escape(line)) <= _ROOM:
                return line + b"\n"
    return _encode_slowly(event)


def _may_fit(event: JobEvent) -> bool:
    """Tell whether no list has more entries than a line can hold."""
    outputs = event.execute_messages if isinstance(event, JobFinished) else None
    return (
        len(event.uphone_ids) <= _MOST_PHONES
        and len(event.failed_tasks) <= _MOST_FAILED
        and (not outputs or len(outputs) <= _MOST_OUTPUTS)
    )


def _encode_slowly(event: JobEvent) -> bytes:
    # What is clamped here could not have fitted anyhow, so that it is cut below and the line says so.
    counted = structs.replace(event, **{name: entries[: _MOST_ENTRIES[name] + 1] for name, entries in _lists(event)})
    fields: dict[str, Any] = msgspec.to_builtins(counted)
    fields = _mend(fields | {name: _clamp(fields[name]) for name, _ in _lists(event)})
    line = _json(fields)
    return (line if len(line) <= _ROOM else _json(_cut(fields))) + b"\n"


def _clamp(entries: list[Any]) -> list[Any]:
    """Drop entries from the end while the rest would not fit either: mending and measuring then cost little."""
    return entries[: bisect_right(list(accumulate(map(_least, entries))), MAX_LINE_BYTES) + 1]


def _least(entry: str | dict[str, Any]) -> int:
    """Return less than what an entry takes with its texts at what is worth keeping: a character is a byte or more."""
    if isinstance(entry, str):
        return len(entry) + len('"",')
    texts = _texts(entry)
    kept = sum(min(len(entry[name]), _WORTH_KEEPING) for name in texts)
    return len(_json(entry | dict.fromkeys(texts, ""))) + kept


def _cut(fields: dict[str, Any]) -> dict[str, Any]:
    """Cut the longest first: lists to the level that all texts and lists share, then texts to what those left."""
    texts = [name for name in _TEXTS if fields[name]]
    lists = [name for name in _MOST_ENTRIES if fields.get(name)]
    bare: dict[str, object] = dict.fromkeys(texts, "") | {name: [] for name in lists} | {"truncated": True}
    room = _ROOM - len(_json(fields | bare))
    sizes = {name: _size(fields[name]) for name in (*texts, *lists)}
    level = _level(sizes.values(), room)
    cut = fields | {"truncated": True}
    for name in lists:
        cut[name] = fields[name] if sizes[name] <= level else _shorten_list(fields[name], level)
        room -= _size(cut[name])
    level = _level((sizes[name] for name in texts), room)
    for name in texts:
        cut[name] = _shorten(fields[name], level)
    return cut


def _shorten_list(entries: list[Any], room: int) -> list[Any]:
    """Keep as many entries as go into the room with their texts at what is worth keeping, then fill it with text."""
    entries = entries[: _keepable(entries, room)]
    sizes = [{name: _size(entry[name]) for name in _texts(entry)} for entry in entries]
    fixed = sum(_size([entry]) + 1 - sum(texts.values()) for entry, texts in zip(entries, sizes, strict=True))
    level = _level(chain.from_iterable(texts.values() for texts in sizes), room - fixed)
    return [_shorten_entry(entry, level) for entry in entries]


def _keepable(entries: list[Any], room: int) -> int:
    """Count the entries, from the first, that go into the room with their texts at what is worth keeping."""
    least = (_size([_shorten_entry(entry, _WORTH_KEEPING)]) + 1 for entry in entries)
    return bisect_right(list(accumulate(least)), room)


def _shorten_entry(entry: Any, room: int) -> Any:  # noqa: ANN401 (a text or an object)
    texts = _texts(entry)
    return entry | {name: _shorten(entry[name], room) for name in texts} if texts else entry


def _texts(entry: Any) -> list[str]:  # noqa: ANN401 (a text or an object)
    """Name the texts that may be cut: none of a phone's id, which is whole or is another."""
    return [name for name, text in entry.items() if text and name != "state"] if isinstance(entry, dict) else []


def _shorten(text: str, room: int) -> str:
    """Return the longest beginning whose encoded form goes into the room, in bytes."""
    # No character takes less than a byte, and no fewer characters take more.
    candidates = range(1, min(len(text), room) + 1)
    return text[: bisect_right(candidates, room, key=lambda length: _size(text[:length]))]


def _level(sizes: Iterable[int], room: int) -> int:
    """Return how much each may keep so that all go into the room: water finding its level."""
    ascending = sorted(sizes)
    for index, size in enumerate(ascending):
        share = room // (len(ascending) - index)
        if size > share:
            return max(0, share)
        room -= size
    return _ROOM


def _size(value: str | list[Any]) -> int:
    """Return the bytes that a text or list takes within its quotes or brackets."""
    return len(_json(value)) - 2


def _json(value: object) -> bytes:
    return _escape(_ENCODER.encode(value))


def _escape(line: bytes) -> bytes:
    if line.isascii() and 0x7F not in line:
        return line
    return _UNSAFE.sub(lambda match: b"\\u%04x" % ord(match[0].decode()), line)


def _mend(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Clamp texts to what could fit at all, join surrogate pairs and replace lone ones."""
    if isinstance(value, str):
        return _mend_text(value[:MAX_LINE_BYTES])
    if isinstance(value, dict):
        return {name: _mend(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_mend(item) for item in value]
    return value


def _mend_text(text: str) -> str:
    if text.isascii():
        return text
    sound = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return sound.encode()[:MAX_LINE_BYTES].decode(errors="ignore")


def _lists(event: JobEvent) -> Iterable[tuple[str, list[Any]]]:
    for name in _MOST_ENTRIES:
        entries = getattr(event, name, None)
        if isinstance(entries, list):
            yield name, entries


def _most(least: str | Struct) -> int:
    """Return how many entries a line can hold, if each is as short as this one."""
    return MAX_LINE_BYTES // (len(_ENCODER.encode(least)) + 1)


_MOST_PHONES: Final = _most("")
_MOST_FAILED: Final = _most(FailedTask(None, None, None, State.FAILED, None))
_MOST_OUTPUTS: Final = _most(TaskOutput(None, None, None, State.SUCCESS, " "))
_MOST_ENTRIES: Final[Mapping[str, int]] = MappingProxyType(
    {"uphone_ids": _MOST_PHONES, "failed_tasks": _MOST_FAILED, "execute_messages": _MOST_OUTPUTS}
)
