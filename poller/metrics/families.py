"""Every metric beside its help text, in one table. The names are a contract."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, Final

from poller.metrics import scrape as read
from poller.metrics.lines import number, sample
from poller.metrics.scrape import Distributions, Labels, Numbers, Scrape


@dataclass(frozen=True, slots=True)
class Family(ABC):
    """A metric's name as Prometheus stores it, its label names and its help text, which says the unit."""

    kind: ClassVar[str]

    name: str
    labels: Labels
    help: str

    @abstractmethod
    def lines(self, scrape: Scrape) -> Iterator[str]:
        """Write the samples that the scrape reads, a line each."""


@dataclass(frozen=True, slots=True)
class Gauge(Family):
    """A number that goes up and down."""

    kind: ClassVar[str] = "gauge"

    read: Callable[[Scrape], Numbers]

    def lines(self, scrape: Scrape) -> Iterator[str]:
        """Write the gauge's samples."""
        return (sample(self.name, self.labels, labels, value) for labels, value in self.read(scrape))


@dataclass(frozen=True, slots=True)
class Counter(Family):
    """A number that only grows, until the process starts anew."""

    kind: ClassVar[str] = "counter"

    read: Callable[[Scrape], Numbers]

    def lines(self, scrape: Scrape) -> Iterator[str]:
        """Write the counter's samples."""
        return (sample(self.name, self.labels, labels, value) for labels, value in self.read(scrape))


@dataclass(frozen=True, slots=True)
class Distribution(Family):
    """A histogram with fixed buckets."""

    kind: ClassVar[str] = "histogram"

    read: Callable[[Scrape], Distributions]

    def lines(self, scrape: Scrape) -> Iterator[str]:
        """Write the histogram's samples: a bucket each, the count and the sum."""
        for labels, histogram in self.read(scrape):
            bounds = (*map(number, histogram.bounds), "+Inf")
            for most, count in zip(bounds, accumulate(histogram.counts), strict=True):
                yield sample(f"{self.name}_bucket", (*self.labels, "le"), (*labels, most), count)
            yield sample(f"{self.name}_count", self.labels, labels, histogram.count)
            yield sample(f"{self.name}_sum", self.labels, labels, histogram.total)


_TARGET: Final = ("project_id", "region", "city_id", "product_type")
_BY_PRODUCT: Final = ("project_id", "product_type")

FAMILIES: Final[tuple[Family, ...]] = (
    Gauge(
        "uphone_jobs",
        (*_TARGET, "job_type", "state"),
        "Jobs known to be active now.",
        read.jobs,
    ),
    Gauge(
        "uphone_jobs_listed",
        (*_TARGET, "state"),
        "Jobs that the API itself counts in a state, where its count has proved to be of that state.",
        read.jobs_listed,
    ),
    Gauge(
        "uphone_oldest_job_age_seconds",
        (*_TARGET, "job_type", "state"),
        "Age of the oldest active job in seconds: waiting since its creation, or running since its begin.",
        read.oldest_job_age,
    ),
    Counter(
        "uphone_jobs_finished_total",
        (*_TARGET, "job_type", "state"),
        "Jobs seen to have finished.",
        read.jobs_finished,
    ),
    Counter(
        "uphone_jobs_unresolved_total",
        (*_TARGET, "job_type"),
        "Jobs that were active and that the API no longer knows.",
        read.jobs_unresolved,
    ),
    Counter(
        "uphone_tasks_finished_total",
        (*_TARGET, "job_type", "state"),
        "Tasks of finished jobs, one for each phone or server.",
        read.tasks_finished,
    ),
    Distribution(
        "uphone_job_queue_seconds",
        (*_BY_PRODUCT, "job_type"),
        "Time in seconds that finished jobs had waited, from creation to begin.",
        lambda scrape: read.observed(scrape.stats.queue_seconds),
    ),
    Distribution(
        "uphone_job_run_seconds",
        (*_BY_PRODUCT, "job_type", "state"),
        "Time in seconds that finished jobs had run, from begin to end.",
        lambda scrape: read.observed(scrape.stats.run_seconds),
    ),
    Distribution(
        "uphone_job_detection_seconds",
        _BY_PRODUCT,
        "Time in seconds from a job's end to its event.",
        lambda scrape: read.observed(scrape.stats.detection_seconds),
    ),
    Gauge(
        "uphone_targets",
        (),
        "Targets that are polled: combinations of project, region, city and product type.",
        lambda scrape: read.one(len(scrape.targets)),
    ),
    Gauge(
        "uphone_target_up",
        _TARGET,
        "1 if the target's last cycle was complete, else 0.",
        read.target_up,
    ),
    Gauge(
        "uphone_target_full_scan",
        _TARGET,
        "1 while a listing of the target's finished jobs has to be read whole, again and again, for want of an order.",
        read.full_scan,
    ),
    Gauge(
        "uphone_target_last_success_timestamp_seconds",
        _TARGET,
        "When the target's last complete cycle ended, in seconds since the Unix epoch.",
        read.last_success,
    ),
    Counter(
        "uphone_poll_cycles_total",
        (*_TARGET, "outcome"),
        "Polling cycles by outcome: complete, partial or failed.",
        read.cycles,
    ),
    Distribution(
        "uphone_poll_cycle_duration_seconds",
        _BY_PRODUCT,
        "Duration of a target's polling cycle in seconds.",
        lambda scrape: read.observed(scrape.stats.cycle_seconds),
    ),
    Gauge(
        "uphone_poller_interval_seconds",
        (),
        "Configured time in seconds from the start of one cycle to the start of the next.",
        lambda scrape: read.one(scrape.stats.interval),
    ),
    Counter(
        "uphone_poller_events_written_total",
        (),
        "Event lines written.",
        lambda scrape: read.one(scrape.stats.events.written),
    ),
    Gauge(
        "uphone_poller_events_pending",
        (),
        "Event lines encoded and not yet written.",
        lambda scrape: read.one(scrape.stats.events.pending),
    ),
    Counter(
        "uphone_poller_state_save_failures_total",
        (),
        "Failed attempts to save the state file.",
        lambda scrape: read.one(scrape.stats.state.failures),
    ),
    Gauge(
        "uphone_poller_state_last_save_timestamp_seconds",
        (),
        "When all of the state was last in the state file, in seconds since the Unix epoch.",
        read.last_save,
    ),
    Counter(
        "uphone_api_requests_total",
        ("action", "code"),
        "API requests by RetCode, or by what came in its place: http_503, timeout, connect, malformed.",
        read.api_requests,
    ),
    Distribution(
        "uphone_api_request_duration_seconds",
        ("action",),
        "Duration of an API request in seconds.",
        lambda scrape: read.observed(scrape.stats.api.request_seconds),
    ),
    Gauge(
        "uphone_api_rate_limit",
        (),
        "API requests a second that the poller allows itself now.",
        lambda scrape: read.one(scrape.stats.api.rate_limit),
    ),
    Counter(
        "uphone_api_rows_skipped_total",
        (),
        "Rows of API answers that could not be read and were skipped.",
        lambda scrape: read.one(scrape.stats.api.rows_skipped),
    ),
    Gauge(
        "uphone_poller_build_info",
        ("version", "python_version"),
        "Always 1; the labels tell the poller's version and Python's.",
        lambda scrape: read.one(1, scrape.versions),
    ),
)
"""In the order of an exposition. ``process_*`` are not here: they are the client library's own."""
