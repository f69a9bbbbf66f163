"""What Prometheus is told, read from the counters and trackers at the moment of the scrape."""

from poller.metrics.exposition import Metrics
from poller.metrics.families import FAMILIES, Family
from poller.metrics.scrape import ActiveJobs

__all__ = ["FAMILIES", "ActiveJobs", "Family", "Metrics"]
