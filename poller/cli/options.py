"""Command line options, made from the table of settings.

Click only collects their texts: `poller.config` parses them, so that every source of a setting gets the same errors.
"""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

import click

from poller import credentials
from poller.config import SETTINGS, Setting, Settings
from poller.config.table import BOOLEAN, described
from poller.credentials import CredentialSource

Returned = TypeVar("Returned")

_SHOWN: Final = tuple(setting for setting in SETTINGS if setting.flag is not None)

EPILOG: Final = "\b\nCredentials come from the environment; options would show in the process list:\n" + (
    "\n".join(f"  {setting.variable:<28}{setting.help}" for setting in SETTINGS if setting.flag is None)
)
"""For the ``epilog`` of commands that need credentials."""


class Loaded(list[CredentialSource]):
    """What a run has read: the root context's object, by which a crash is told without the keys in it."""


def with_settings(command: Callable[..., Returned]) -> Callable[..., Returned]:
    """Give a command an option for every setting; it gets those given as ``flags``, texts by variable."""

    @wraps(command)
    def collect(**arguments: Any) -> Returned:  # noqa: ANN401 (a command's other arguments are its own affair)
        texts = {setting.variable: arguments.pop(setting.variable.lower()) for setting in _SHOWN}
        flags = {variable: _text(value) for variable, value in texts.items() if value is not None}
        return command(flags=flags, **arguments)

    for setting in reversed(_SHOWN):
        _option(setting)(collect)
    return collect


def load(flags: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> tuple[Settings, CredentialSource]:
    """Read the settings and credentials of the command that is running. Raises ConfigError."""
    settings, source = credentials.load(flags, environ)
    if (loaded := click.get_current_context().find_object(Loaded)) is not None:
        loaded.append(source)
    return settings, source


def _option(setting: Setting[object]) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    flag = setting.flag or ""
    shown = "; ".join(
        [f"env var: {setting.variable}", *([f"default: {setting.shown_default}"] if setting.shown_default else [])]
    )
    # Named by the variable, so that a command's own options cannot collide with it.
    parameter, text = setting.variable.lower(), f"{described(setting)}  [{shown}]"
    if setting.kind is BOOLEAN:
        return click.option(f"{flag}/--no-{flag[2:]}", parameter, default=None, help=text)
    return click.option(flag, parameter, metavar=setting.kind.metavar, help=text)


def _text(value: str | bool) -> str:  # noqa: FBT001 (what click made of a flag)
    return value if isinstance(value, str) else "on" if value else "off"
