"""The vendor's profile files on disk: which of them there are, and which profile counts."""

from dataclasses import dataclass
from pathlib import Path

from poller.config import profile, table
from poller.config.reading import optional, with_default
from poller.config.sources import Values
from poller.config.table import Setting
from poller.credentials import files
from poller.errors import ConfigError


@dataclass(frozen=True, slots=True)
class VendorFile:
    """One of the vendor's files and its name in errors. ``path`` is None where it is the default one and not there."""

    name: str
    path: Path | None

    def entries(self, entry: type[profile.Entry]) -> list[profile.Entry]:
        """Read and decode it. Raises ConfigError."""
        if self.path is None:
            return []
        return profile.decode(files.read_bytes(self.path, self.name), entry, self.name)


@dataclass(frozen=True, slots=True)
class ChosenProfile:
    """The profile that counts: its settings, and the file that may hold its key pair."""

    name: str
    values: Values
    credential_file: VendorFile

    def pair(self) -> profile.CredentialEntry | None:
        """Read the profile's keys, as they now are; None where it has none. Raises ConfigError."""
        entry = profile.find(self.credential_file.entries(profile.CredentialEntry), self.name)
        return entry if entry and (entry.public_key or entry.private_key) else None


def choose(given: Values, home: str | None) -> ChosenProfile:
    """Find the profile that was asked for, else the active one, else ``default``. Raises ConfigError."""
    config_file = _locate(table.SHARED_CONFIG_FILE, given, home)
    credential_file = _locate(table.SHARED_CREDENTIAL_FILE, given, home)
    entries = config_file.entries(profile.ConfigEntry)
    pairs = credential_file.entries(profile.CredentialEntry)
    wanted = optional(table.PROFILE, given)
    known = {entry.profile for entry in entries} | {pair.profile for pair in pairs}
    if wanted and wanted not in known:
        names = ", ".join(repr(name) for name in sorted(known)) or "none"
        problem = f"no profile {wanted!r} in the vendor's files: name one that they have ({names})"
        raise ConfigError(given[table.PROFILE.variable].name, problem)
    name = wanted or profile.active(entries)
    entry = profile.find(entries, name)
    values = profile.from_profile(entry, str(config_file.path)) if entry else {}
    return ChosenProfile(name, values, credential_file)


def _locate(setting: Setting[str], given: Values, home: str | None) -> VendorFile:
    path = with_default(setting, given)
    if raw := given.get(setting.variable):
        return VendorFile(f"{raw.name} ({path})", files.resolve(path, home))
    # A default file that we cannot even see is as good as none: nobody named it.
    file = files.resolve(path, home) if home else None
    return VendorFile(f"{setting.variable} ({path})", file if file and files.stamp(file) else None)
