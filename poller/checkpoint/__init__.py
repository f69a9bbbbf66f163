"""The state file: what the poller knows, and the lines it has yet to write, kept across restarts and kills."""

from poller.checkpoint.checkpoint import Checkpoint, Collect, Store
from poller.checkpoint.file import StateFile
from poller.checkpoint.unsaved import SaveLater, Staged, Unsaved

__all__ = ["Checkpoint", "Collect", "SaveLater", "Staged", "StateFile", "Store", "Unsaved"]
