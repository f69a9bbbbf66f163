"""Everything that ``poller run`` runs: one task group owns every task, and every way out leads through the drain."""

from poller.daemon.composition import Daemon
from poller.daemon.memory import Memory
from poller.daemon.watch import Keys, Outlet

__all__ = ["Daemon", "Keys", "Memory", "Outlet"]
