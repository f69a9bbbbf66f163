"""How distributions are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from poller.metrics import Metrics
from poller.models import Instant, State, Target
from poller.stats import Stats

TARGET = Target(project_id="org-x")


@dataclass
class NoJobs:
    """A tracker that tracks nothing."""

    counts: Mapping[tuple[str, State], int] = field(default_factory=dict)
    oldest: Mapping[tuple[str, State], int] = field(default_factory=dict)


def scrape(stats: Stats) -> str:
    """Return the exposition of some counters."""
    return Metrics(stats, dict.fromkeys(stats.targets, NoJobs()), lambda: Instant(0, 0), "1").render("")[0].decode()


@pytest.fixture
def busy() -> Stats:
    """Return counters with one observation each."""
    stats = Stats([TARGET], interval=10)
    stats.run_seconds["org-x", "uphone-server", "UPLOAD_FILE", "FAILED"].observe(117)
    stats.detection_seconds["org-x", "uphone-server"].observe(2.456)
    stats.api.request_seconds["DescribeUPhoneJob",].observe(0.2)
    return stats


def test_a_histogram_appears_with_its_first_observation() -> None:
    """Twenty series of zeros per job type would say nothing."""
    assert "_bucket" not in scrape(Stats([TARGET], interval=10))


def buckets(stats: Stats, name: str) -> list[tuple[float, float]]:
    """Return the histogram's (upper bound, cumulated count) in the order of the exposition."""
    found = [
        sample for family in parse_text(scrape(stats)) for sample in family.samples if sample.name == f"{name}_bucket"
    ]
    return [(float(sample.labels["le"]), sample.value) for sample in found]


def test_buckets_are_cumulated_and_end_in_infinity(busy: Stats) -> None:
    """117 s is in every bucket from 120 s on."""
    found = buckets(busy, "uphone_job_run_seconds")
    bounds = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, float("inf")]
    assert found == [(bound, float(bound >= 120)) for bound in bounds]


def test_a_histogram_has_its_sum_and_count(busy: Stats) -> None:
    """The mean can be had from it."""
    lines, labels = scrape(busy).splitlines(), '{product_type="uphone-server",project_id="org-x"}'
    assert f"uphone_job_detection_seconds_sum{labels} 2.456" in lines
    assert f"uphone_job_detection_seconds_count{labels} 1.0" in lines


def test_detection_has_the_buckets_of_the_contract(busy: Stats) -> None:
    """Alerts and dashboards name bucket bounds, so that they are part of the interface."""
    bounds = [bound for bound, _ in buckets(busy, "uphone_job_detection_seconds")]
    assert bounds == [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900, float("inf")]


def test_request_buckets_reach_from_10_ms_to_the_time_limit(busy: Stats) -> None:
    """Bounds rise from 0.01 to 65 s."""
    bounds = [bound for bound, _ in buckets(busy, "uphone_api_request_duration_seconds")]
    assert (bounds[0], bounds[-2]) == (0.01, 65)
    assert all(low < high for low, high in pairwise(bounds))


def test_what_a_target_has_added_to_a_histogram_outlives_it() -> None:
    """Counts that fell when a city is no longer polled would look like a restart."""
    stats = Stats([Target(city_id="cn-a")], interval=10)
    for seconds in (1, 2):
        stats.cycle_seconds["default", "uphone-server"].observe(seconds)
    stats.targets.clear()
    lines = scrape(stats).splitlines()
    labels = '{product_type="uphone-server",project_id="default"}'
    assert f"uphone_poll_cycle_duration_seconds_count{labels} 2.0" in lines
    assert f"uphone_poll_cycle_duration_seconds_sum{labels} 3.0" in lines
