"""How a scrape is written, and in which format."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_latest
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from poller.metrics import Metrics
from poller.models import Instant, State, Target
from poller.stats import Stats

Parse = Callable[[str], Iterable[Metric]]

parse_openmetrics = cast(Parse, openmetrics.text_string_to_metric_families)  # the library has no type for it


@dataclass
class Jobs:
    """A tracker as a scrape sees it."""

    counts: Mapping[tuple[str, State], int] = field(default_factory=dict)
    oldest: Mapping[tuple[str, State], int] = field(default_factory=dict)


@dataclass
class Made:
    """Metrics, and what they are read from."""

    stats: Stats
    metrics: Metrics

    def render(self, accept: str) -> tuple[bytes, str]:
        """Scrape."""
        return self.metrics.render(accept)


def metrics(job_type: str = "INSTALL_APP") -> Made:
    """Return the metrics of a target with 7 jobs of a type running."""
    target = Target()
    stats = Stats([target], interval=10)
    stats.targets[target].last_complete_at = 0
    jobs = {target: Jobs({(job_type, State.RUNNING): 7})}
    return Made(stats, Metrics(stats, jobs, lambda: Instant(0, 0), "1.2.3"))


class Read(Collector):
    """What a parser has read, for the library to write again."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        """Give it."""
        return self._families


@pytest.mark.parametrize(
    ("accept", "parse", "write"),
    [("", parse_text, generate_latest), ("application/openmetrics-text", parse_openmetrics, openmetrics_latest)],
)
def test_every_byte_is_as_the_library_would_write_it(
    accept: str, parse: Parse, write: Callable[[Collector], bytes]
) -> None:
    """In either format: ours is the faster way to the same."""
    made = metrics('a"b')
    made.stats.queue_seconds["org-x", "uphone-server", "A"].observe(3)
    made.stats.run_seconds["org-x", "uphone-server", "A", "SUCCESS"].observe(0.1)
    made.stats.detection_seconds["org-x", "uphone-server"].observe(1e9)
    text = made.metrics.render(accept)[0]
    assert text == write(Read(parse(text.decode())))


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), ("application/openmetrics-text", parse_openmetrics)])
@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "a\\nb", "重启", 'a"}', "a\r\x00\u2028b"])
def test_hostile_label_values_come_through(name: str, accept: str, parse: Parse) -> None:
    """Whatever a job type is called, a parser gets it back as it was."""
    text = metrics(name).render(accept)[0].decode()
    samples = [sample for family in parse(text) for sample in family.samples]
    assert [sample.labels["job_type"] for sample in samples if sample.value == 7] == [name]


def test_a_lone_surrogate_does_not_fail_the_scrape() -> None:
    """A text that is no UTF-8 is shown escaped."""
    assert r'job_type="a\\ud800"' in metrics("a\ud800").render("")[0].decode()


OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROTOBUF_FIRST = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.5,"
    "application/openmetrics-text;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (PROTOBUF_FIRST, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT),
        ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0", TEXT),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=x", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=much", TEXT),
        (";;=,=;q=nan,", TEXT),
    ],
)
def test_the_scraper_gets_the_format_that_it_prefers(accept: str, content_type: str) -> None:
    """Of what it accepts and we speak, by its own weights; the classic text format to anyone else."""
    assert metrics().render(accept)[1] == content_type


@pytest.mark.parametrize("escaping", ["allow-utf-8", "underscores", "dots", "values"])
def test_names_stay_as_documented_whatever_escaping_is_asked_for(escaping: str) -> None:
    """Our names need no escaping, and are a contract."""
    text = metrics().render(f"application/openmetrics-text;version=1.0.0;escaping={escaping}")[0].decode()
    assert "\nuphone_targets 1.0\n" in text
