"""From the command line, the environment and files to settings and credentials."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from poller.config import (
    Settings,
    from_document,
    from_environment,
    from_flags,
    merge,
    parse,
    table,
    target_tables,
    unknown_variables,
)
from poller.config.reading import optional, with_default
from poller.config.sources import TargetTable, Values
from poller.config.table import Setting
from poller.config.values import Unacceptable, secret
from poller.credentials import files
from poller.credentials.source import CredentialSource
from poller.credentials.vendor import ChosenProfile, choose
from poller.errors import ConfigError
from poller.signature import Credentials


def load(flags: Mapping[str, str], environ: Mapping[str, str]) -> tuple[Settings, CredentialSource]:
    """Read every source of settings. ``flags`` are the command line's values, by variable (``POLLER_INTERVAL``).

    Raises ConfigError: one line that names the setting as its user wrote it.
    """
    home = environ.get("HOME") or None
    given = merge(from_flags(flags), from_environment(environ))
    tables: tuple[TargetTable, ...] = ()
    if table.CONFIG.variable in given:
        document, path = _configuration_file(given, home)
        given, tables = merge(given, from_document(document, path)), target_tables(document, path)
    chosen = choose(given, home)
    settings = parse(merge(given, chosen.values), tables, warnings=unknown_variables(environ))
    return settings, _source(given, chosen, home)


def _configuration_file(given: Values, home: str | None) -> tuple[Mapping[str, object], str]:
    path = with_default(table.CONFIG, given)
    name = given[table.CONFIG.variable].name
    text = files.read_text(files.resolve(path, home), name)
    try:
        return tomllib.loads(text), path
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(name, f"{path} is not TOML: {error}: mend it") from None


@dataclass(frozen=True, slots=True)
class _Part:
    """One credential: a text, or a file to read it from."""

    name: str
    text: str = field(default="", repr=False)
    file: Path | None = None

    def read(self) -> str:
        if self.file is None:
            return _checked(self.name, self.text)
        name = f"{self.name} ({self.file})"
        return _checked(name, files.read_text(self.file, self.name).rstrip("\r\n"))


def _source(given: Values, chosen: ChosenProfile, home: str | None) -> CredentialSource:
    public, private, token = (_part(plain, mounted, given, home) for plain, mounted in table.CREDENTIALS)
    if public and private:
        return _source_of_parts(public, private, token)
    # The profile's pair is taken whole: half of it beside half of another would only be refused by the API.
    for missing, other in ((table.PUBLIC_KEY, private), (table.PRIVATE_KEY, public)):
        if other:
            raise ConfigError(missing.variable, f"is not set, but {other.name} is: set it or {missing.variable}_FILE")
    if chosen.pair() is None:
        raise ConfigError(
            f"{table.PUBLIC_KEY.variable}, {table.PRIVATE_KEY.variable}",
            f"not set: set both in the environment, or {table.PUBLIC_KEY_FILE.variable} and "
            f"{table.PRIVATE_KEY_FILE.variable} to files of them, or keep them in profile {chosen.name!r} of "
            f"{chosen.credential_file.path or table.SHARED_CREDENTIAL_FILE.default}",
        )
    return _source_of_profile(chosen, token)


def _part(plain: Setting[str], mounted: Setting[str], given: Values, home: str | None) -> _Part | None:
    if raw := given.get(plain.variable):
        return _Part(raw.name, text=raw.text)
    path = optional(mounted, given)
    return None if path is None else _Part(given[mounted.variable].name, file=files.resolve(path, home))


def _source_of_parts(public: _Part, private: _Part, token: _Part | None) -> CredentialSource:
    def read() -> Credentials:
        return Credentials(public.read(), private.read(), token.read() if token else None)

    return CredentialSource(read, _present(public.file, private.file, token.file if token else None))


def _source_of_profile(chosen: ChosenProfile, token: _Part | None) -> CredentialSource:
    return CredentialSource(
        _profile_reading(chosen, token), _present(chosen.credential_file.path, token.file if token else None)
    )


def _profile_reading(chosen: ChosenProfile, token: _Part | None) -> Callable[[], Credentials]:
    def read() -> Credentials:
        pair = chosen.pair()
        if pair is None:
            raise ConfigError(chosen.credential_file.name, f"profile {chosen.name!r} has lost its keys: put them back")
        where = f"of profile {chosen.name!r} in {chosen.credential_file.path}"
        public_key = _checked(f"public_key {where}", pair.public_key)
        private_key = _checked(f"private_key {where}", pair.private_key)
        return Credentials(public_key, private_key, token.read() if token else None)

    return read


def _present(*paths: Path | None) -> tuple[Path, ...]:
    return tuple(path for path in paths if path is not None)


def _checked(name: str, text: str | None) -> str:
    if not text:
        raise ConfigError(name, "is empty: write the key or token there")
    try:
        return secret(text)
    except Unacceptable as problem:
        raise ConfigError(name, str(problem)) from None
