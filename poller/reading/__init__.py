"""Reads a listing, which has offsets and no cursor, while its rows move: from its beginning, or from its end."""

from poller.reading.reading import Reading
from poller.reading.stretch import MAX_ROWS, OVERLAP, Ask
from poller.reading.trailing import TrailingReading

__all__ = ["MAX_ROWS", "OVERLAP", "Ask", "Reading", "TrailingReading"]
