"""The answer to a scrape: which format the scraper asks for, and the metrics in it."""

import platform
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from poller.metrics.families import FAMILIES
from poller.metrics.scrape import ActiveJobs, Scrape, read_target
from poller.models import Instant, Target
from poller.stats import Stats


class _Format(NamedTuple):
    encode: Callable[[Collector], bytes]
    content_type: str


_TEXT: Final = _Format(generate_latest, "text/plain; version=0.0.4; charset=utf-8")
_OPENMETRICS: Final = _Format(openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST)

_FORMATS: Final = {
    ("application/openmetrics-text", "1.0.0"): _OPENMETRICS,
    ("application/openmetrics-text", ""): _OPENMETRICS,
    ("text/plain", "0.0.4"): _TEXT,
    ("text/plain", ""): _TEXT,
}
"""By media type and version. Escaping needs no say: our names are letters and underscores."""


class Metrics:
    """The poller's metrics and the process's, in a registry of their own.

    ``trackers`` has every target of ``stats``; both are read anew at every scrape.
    """

    def __init__(
        self, stats: Stats, trackers: Mapping[Target, ActiveJobs], now: Callable[[], Instant], version: str
    ) -> None:
        self._stats = stats
        self._trackers = trackers
        self._now = now
        self._versions = (version, platform.python_version())
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self._scrape))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the body and its content type, for the value of the request's Accept header."""
        encode, content_type = _choose(accept)
        return encode(self._registry), content_type

    def _scrape(self) -> Scrape:
        now = self._now()
        return Scrape(
            now=now,
            stats=self._stats,
            targets=tuple(
                read_target(target, self._stats, self._trackers[target], now) for target in self._stats.targets
            ),
            versions=self._versions,
        )


class _Families(Collector):
    """What the library asks for metrics; it asks with no arguments, once a scrape."""

    def __init__(self, scrape: Callable[[], Scrape]) -> None:
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        scrape = self._scrape()
        return (family.collect(scrape) for family in FAMILIES)


def _choose(accept: str) -> _Format:
    # Not the library's choose_encoder: it heeds no quality, repeats any version back, fails with a TypeError on one
    # that is no number, and with escaping=values renames the samples but not their headers.
    best, format_ = 0.0, _TEXT
    for part in accept.lower().split(","):
        media_type, *parameters = (text.strip() for text in part.split(";"))
        given = dict(text.split("=", 1) for text in parameters if "=" in text)
        found = _FORMATS.get((media_type, given.get("version", "")))
        if found and (quality := _quality(given.get("q", "1"))) > best:
            best, format_ = quality, found
    return format_


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
