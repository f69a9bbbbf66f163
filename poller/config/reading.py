"""From a setting's raw value, or its default, to what it means."""

from typing import TypeVar

from poller.config.sources import Given, Values
from poller.config.table import SECRET, Kind, Setting
from poller.config.values import Unacceptable
from poller.errors import ConfigError

T = TypeVar("T")


def optional(setting: Setting[T], given: Values) -> T | None:
    """Read one setting; None where it was not given. Raises ConfigError."""
    raw = given.get(setting.variable)
    return None if raw is None else read(setting.kind, raw)


def with_default(setting: Setting[T], given: Values) -> T:
    """Read one setting, or its default, which it must have. Raises ConfigError."""
    return read(setting.kind, given.get(setting.variable) or Given(setting.default or "", setting.variable))


def read(kind: Kind[T], raw: Given) -> T:
    """Read a raw value. Raises ConfigError."""
    # A secret is taken as it is: a blank at its edge is a mistake to be told of.
    text = raw.text if kind is SECRET else raw.text.strip()
    if not text:
        raise ConfigError(raw.name, "is empty: give it a value, or leave it out")
    try:
        return kind.parse(text)
    except Unacceptable as problem:
        raise ConfigError(raw.name, str(problem)) from None
