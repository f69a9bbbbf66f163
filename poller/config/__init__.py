"""Settings: one table of them, read once, from text that knows where it came from."""

from poller.config.settings import Settings, parse
from poller.config.sources import (
    Given,
    from_document,
    from_environment,
    from_flags,
    merge,
    target_tables,
    unknown_variables,
)
from poller.config.table import SETTINGS, Setting, markdown_table
from poller.config.values import Listen, duration

__all__ = [
    "SETTINGS",
    "Given",
    "Listen",
    "Setting",
    "Settings",
    "duration",
    "from_document",
    "from_environment",
    "from_flags",
    "markdown_table",
    "merge",
    "parse",
    "target_tables",
    "unknown_variables",
]
