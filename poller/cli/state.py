"""``POLLER_STATE_FILE``, from its opening to its entries."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from poller.config import Settings
from poller.cycle import check_entries
from poller.errors import ConfigError
from poller.logs import get_logger
from poller.stats import StateStats

if TYPE_CHECKING:
    from poller.checkpoint import Checkpoint, StateFile

_SETTING = "POLLER_STATE_FILE"


class State:
    """An open state file, and the entries that were in it."""

    def __init__(self, file: "StateFile") -> None:
        self.file = file
        self.entries = {scope: list(file.entries(scope)) for scope in file.scopes()}
        for entries in self.entries.values():
            try:
                check_entries(entries)
            except ValueError:
                file.close()
                raise ConfigError(
                    _SETTING, f"{file.name} is damaged: restore it, or move it away to start afresh"
                ) from None

    def checkpoint(self, stats: StateStats) -> "Checkpoint":
        """Begin to save. Only in an event loop."""
        from poller.checkpoint import Checkpoint  # noqa: PLC0415 (see below)

        return Checkpoint(self.file, stats, log=get_logger("poller.checkpoint"), wall=time.time)


def open_state(settings: Settings) -> State | None:
    """Open the state file, if there is to be one. Raises ConfigError where it cannot be used."""
    if settings.state_file is None:
        return None
    # Whoever keeps no state need not pay for a database in memory.
    from poller.checkpoint import StateFile  # noqa: PLC0415 (that is why)

    path, events = Path(settings.state_file), Path(settings.events)
    if path.exists() and events.exists() and path.samefile(events):
        raise ConfigError(_SETTING, f"{path} is the file of POLLER_EVENTS: name another")
    return State(StateFile.open(path))
