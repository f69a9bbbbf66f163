# ruff: noqa: INP001 (a program, in no package)
"""Append lines of the form {"event": ...} from stdin to a file, each event_id once: a program for rsyslog's omprog.

The file itself, as far as it has not been rotated away, is the memory across restarts.
"""

import json
import sys
from collections import OrderedDict, deque
from pathlib import Path

_REMEMBERED = 100_000
"""Ids: as many as a poller reports in a day at one a second."""


def main() -> None:
    """Read lines until stdin ends, and confirm each: rsyslog sends what is not confirmed again."""
    path = Path(sys.argv[1])
    seen: OrderedDict[str, None] = OrderedDict()
    if path.exists():
        with path.open(encoding="utf-8") as written:
            for line in deque(written, _REMEMBERED):
                _is_new(line, seen)
    _confirm()
    for line in sys.stdin:
        if _is_new(line, seen):
            # Opened each time, so that the file may be rotated.
            with path.open("a", encoding="utf-8") as file:
                file.write(line)
        _confirm()


def _is_new(line: str, seen: OrderedDict[str, None]) -> bool:
    event_id = json.loads(line)["event"]["event_id"]
    if event_id in seen:
        return False
    seen[event_id] = None
    if len(seen) > _REMEMBERED:
        seen.popitem(last=False)
    return True


def _confirm() -> None:
    sys.stdout.write("OK\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
