"""Where raw values come from, each under the name that its user knows it by."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from poller.config.table import CONFIG, CREDENTIALS, SETTINGS, TARGET_KEYS, Kind, Setting
from poller.errors import ConfigError

_TABLES: Final = "targets"
_BY_VARIABLE: Final = {setting.variable: setting for setting in SETTINGS}
_BY_KEY: Final = {setting.key: setting for setting in SETTINGS}
_OTHER_FORM: Final = {a.variable: b.variable for pair in CREDENTIALS for a, b in (pair, pair[::-1])}

# What Kubernetes sets in every container of a namespace for a Service that is called poller, or poller-something.
_SERVICE_LINK: Final = re.compile(
    r"POLLER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


_SLIP: Final = 0.9
"""How alike two variables must be for one to be a slip of the other."""


@dataclass(frozen=True, slots=True)
class Given:
    """A raw value and the name of its setting as the user wrote it. It may be secret, so it does not print."""

    text: str = field(repr=False)
    name: str


Values = Mapping[str, Given]
"""Raw values by variable, whatever they were called where they came from."""


@dataclass(frozen=True, slots=True)
class TargetTable:
    """A ``[[targets]]`` table: its name in errors, and its raw values by key."""

    name: str
    values: Values


def from_flags(flags: Mapping[str, str]) -> Values:
    """Name the values of the command line, keyed by variable, by their flags."""
    return {variable: Given(text, _BY_VARIABLE[variable].flag or variable) for variable, text in flags.items()}


def from_environment(environ: Mapping[str, str]) -> Values:
    """Take the settings from the environment; empty ones count as unset."""
    return {
        variable: Given(text, variable)
        for variable in _BY_VARIABLE
        if (text := environ.get(variable, "")) and not text.isspace()
    }


def from_document(document: Mapping[str, object], path: str) -> Values:
    """Take the settings from a decoded TOML file. Raises ConfigError for what is no setting, or of the wrong type."""
    return dict(_of_entry(key, value, path) for key, value in document.items() if key != _TABLES)


def target_tables(document: Mapping[str, object], path: str) -> tuple[TargetTable, ...]:
    """Take the ``[[targets]]`` tables from a decoded TOML file. Raises ConfigError likewise."""
    if _TABLES not in document:
        return ()
    tables = document[_TABLES]
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise ConfigError(f"{_TABLES} in {path}", f"wrong type: write a table under [[{_TABLES}]] for each")
    return tuple(
        TargetTable(name := f"[[{_TABLES}]] {number} in {path}", _of_table(table, name))
        for number, table in enumerate(tables, start=1)
    )


def _of_table(table: Mapping[str, object], name: str) -> Values:
    values = {}
    for key, value in table.items():
        within = f"{_printable(key)} of {name}"
        if key not in TARGET_KEYS:
            raise ConfigError(within, f"no such key: write {', '.join(TARGET_KEYS)}, or remove it")
        values[key] = Given(_as_text(TARGET_KEYS[key], value, within), within)
    return values


def _of_entry(key: str, value: object, path: str) -> tuple[str, Given]:
    name = f"{_printable(key)} in {path}"
    if key == CONFIG.key:
        raise ConfigError(name, f"a file cannot name another: use {CONFIG.variable} or {CONFIG.flag}")
    if key not in _BY_KEY and isinstance(value, dict):
        raise ConfigError(name, "no such section: settings stand at the top level, so take its heading away")
    if key not in _BY_KEY:
        meant = _meant(key)
        raise ConfigError(name, f"no such setting: {f'did you mean {meant.key}?' if meant else 'remove it'}")
    setting = _BY_KEY[key]
    return setting.variable, Given(_as_text(setting.kind, value, name), name)


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)


def _meant(name: str) -> Setting[object] | None:
    # Without the prefix, which would make any two names alike.
    plain = name.lower().replace("-", "_").removeprefix("poller_").removeprefix("ucloud_")
    matches = get_close_matches(plain, _BY_KEY, n=1)
    return _BY_KEY[matches[0]] if matches else None


def _as_text(kind: Kind[object], value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    # By exact type, because a bool is an int to isinstance.
    if type(value) in kind.native:
        if isinstance(value, bool):
            return "on" if value else "off"
        if not isinstance(value, list):
            return str(value)
        if all(isinstance(item, str) for item in value):
            return ",".join(value)
    raise ConfigError(name, f"wrong type: write {_wanted(kind)}")


def _wanted(kind: Kind[object]) -> str:
    words = {bool: "true or false", int: "a number", list: "an array of strings"}
    # A bare number is no duration, though it is let through to the error that says so.
    native = () if kind.metavar == "DURATION" else kind.native
    return " or ".join(["a string in quotes", *(words[each] for each in native if each in words)])


def merge(*layers: Values) -> dict[str, Given]:
    """Lay sources over each other; earlier ones win.

    A credential and the file that holds it are two forms of one setting. Raises ConfigError where one source has both.
    """
    merged: dict[str, Given] = {}
    for layer in layers:
        _refuse_both_forms(layer)
        new = {
            variable: given
            for variable, given in layer.items()
            if variable not in merged and _OTHER_FORM.get(variable) not in merged
        }
        merged.update(new)
    return merged


def _refuse_both_forms(layer: Values) -> None:
    for plain, mounted in CREDENTIALS:
        if plain.variable in layer and mounted.variable in layer:
            other = layer[mounted.variable].name
            raise ConfigError(layer[plain.variable].name, f"{other} is set too: keep one of the two")


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Warn of variables that look like settings and are none, in a line each."""
    return tuple(_unknown_variables(environ))


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    for variable in sorted(environ):
        if variable in _BY_VARIABLE or not environ[variable] or _SERVICE_LINK.fullmatch(variable):
            continue
        meant = _meant(variable)
        # The vendor's other tools have variables of their own: one that is only like ours may be theirs.
        if variable.startswith("POLLER_") or (variable.startswith("UCLOUD_") and _is_slip(variable, meant)):
            hint = f"did you mean {meant.variable}?" if meant else "remove it"
            yield f"{variable} is not a setting and has no effect: {hint}"


def _is_slip(variable: str, meant: Setting[object] | None) -> bool:
    return meant is not None and bool(get_close_matches(variable, [meant.variable], cutoff=_SLIP))
