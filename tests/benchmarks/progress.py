"""Tells on a terminal how far a run has come."""

import sys
import time

_began = time.monotonic()


def say(what: str) -> None:
    """Show what is being done in one line, which the next one takes the place of; nothing where nobody watches."""
    if sys.stderr.isatty():
        elapsed = int(time.monotonic() - _began)
        print(f"\r\033[K{elapsed // 60}:{elapsed % 60:02} {what}", end="", file=sys.stderr, flush=True)


def clear() -> None:
    """Make room for the result."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
