"""The vendor's own profile files: ``~/.ucloud/config.json`` and ``~/.ucloud/credential.json``.

Their shape is that of the vendor's command line and SDKs: arrays of objects, each with a ``profile``. An empty
text in them counts as unset, and what the poller does not know is of no concern to it.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from poller.config import table
from poller.config.sources import Given, Values
from poller.errors import ConfigError

_FALLBACK: Final = "default"


class ConfigEntry(Struct, frozen=True):
    """One object of ``config.json``."""

    profile: str = ""
    active: bool = False
    project_id: str | None = None
    region: str | None = None
    base_url: str | None = None
    timeout_sec: int | float | str | None = None


class CredentialEntry(Struct, frozen=True):
    """One object of ``credential.json``. Shows none of itself when printed."""

    profile: str = ""
    public_key: str | None = None
    private_key: str | None = None

    def __repr__(self) -> str:
        return "CredentialEntry(…)"


Entry = TypeVar("Entry", ConfigEntry, CredentialEntry)


def decode(data: bytes, entry: type[Entry], name: str) -> list[Entry]:
    """Decode a file's bytes. Raises ConfigError, which calls the file ``name`` and shows none of what is in it."""
    try:
        return msgspec.json.decode(data, type=list[entry])  # type: ignore[valid-type]  # a type made at run time
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = f"is no JSON array of profiles ({error})" if isinstance(error, msgspec.DecodeError) else "is no UTF-8"
        raise ConfigError(name, f"{problem}: mend or remove the file") from None


def active(entries: Iterable[ConfigEntry]) -> str:
    """Name the profile that counts when none was asked for."""
    return next((entry.profile for entry in entries if entry.active), _FALLBACK)


def find(entries: Iterable[Entry], profile: str) -> Entry | None:
    """Return a profile's first object."""
    return next((entry for entry in entries if entry.profile == profile), None)


def from_profile(entry: ConfigEntry, path: str) -> Values:
    """Take the settings that a profile of ``config.json`` has, named by their keys in it."""
    fields = (
        (table.PROJECT_ID, "project_id", entry.project_id),
        (table.REGION, "region", entry.region),
        (table.API_BASE_URL, "base_url", entry.base_url),
        (table.TIMEOUT_SECOND, "timeout_sec", entry.timeout_sec),
    )
    return {
        setting.variable: Given(str(value), f"{key} of profile {entry.profile!r} in {path}")
        for setting, key, value in fields
        if value not in {None, ""}
    }
