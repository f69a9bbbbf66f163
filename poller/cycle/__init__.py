"""One target's cycles: sweep what is active, look up what was not sighted, report what has ended."""

from poller.cycle.listing import Listing
from poller.cycle.ports import Cities, Pages, Reports
from poller.cycle.pulse import Pulse
from poller.cycle.reader import PAGE_WITHIN
from poller.cycle.target import TargetPoller, refused_pause

__all__ = ["PAGE_WITHIN", "Cities", "Listing", "Pages", "Pulse", "Reports", "TargetPoller", "refused_pause"]
