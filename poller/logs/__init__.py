"""Diagnostics: lines on stderr that hold no secret and hold up nothing."""

from poller.logs.redaction import Redaction
from poller.logs.setup import Diagnostics, configure, get_logger

__all__ = ["Diagnostics", "Redaction", "configure", "get_logger"]
