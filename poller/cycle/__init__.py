"""One target's cycles: sweep what is active, read the heads of what has ended, look up the rest, report."""

from poller.cycle.listing import Listing
from poller.cycle.memory import check_entries, cities_of, scope
from poller.cycle.ports import Cities, Edges, Pages, Reports, Saves
from poller.cycle.pulse import Pulse
from poller.cycle.reader import PAGE_WITHIN
from poller.cycle.target import TargetPoller, refused_pause

__all__ = [
    "PAGE_WITHIN",
    "Cities",
    "Edges",
    "Listing",
    "Pages",
    "Pulse",
    "Reports",
    "Saves",
    "TargetPoller",
    "check_entries",
    "cities_of",
    "refused_pause",
    "scope",
]
