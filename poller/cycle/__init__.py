"""One target's cycles: sweep what is active, look up what was not sighted, report what has ended."""

from poller.cycle.listing import Listing
from poller.cycle.ports import Pages, Reports
from poller.cycle.target import TargetPoller

__all__ = ["Listing", "Pages", "Reports", "TargetPoller"]
