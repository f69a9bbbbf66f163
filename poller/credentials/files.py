"""Reading small files whole, with errors that name the setting that led to them."""

from pathlib import Path
from typing import Final

from poller.errors import ConfigError

_MAX_BYTES: Final = 1024 * 1024
"""No file of ours is that long; a device that was named by mistake is."""

Stamp = tuple[int, int, int, int] | None


def resolve(path: str, home: str | None) -> Path:
    """Return a path as it was given, where a leading ``~/`` is the home directory."""
    return Path(home, path[2:]) if home and path.startswith("~/") else Path(path)


def read_bytes(file: Path, name: str) -> bytes:
    """Read a file. Raises ConfigError, which names the setting, where that is not possible."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConfigError(name, f"cannot read {file} ({problem}): name a file that can be read") from None
    if len(data) > _MAX_BYTES:
        raise ConfigError(name, f"{file} is longer than {_MAX_BYTES} bytes: name the right file")
    return data


def read_text(file: Path, name: str) -> str:
    """Read a file as UTF-8. Raises ConfigError, which names the setting and shows nothing of what was read."""
    try:
        return read_bytes(file, name).decode()
    except UnicodeDecodeError:
        raise ConfigError(name, f"{file} is not UTF-8: write it as that") from None


def stamp(file: Path) -> Stamp:
    """Return what changes when a file does, behind symbolic links too; None where there is no file to be seen."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
