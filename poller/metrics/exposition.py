"""The answer to a scrape: which format the scraper asks for, and the metrics in it."""

import platform
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from poller.metrics.families import FAMILIES, Family
from poller.metrics.lines import heading
from poller.metrics.scrape import ActiveJobs, Scrape, read_target
from poller.models import Instant, Target
from poller.stats import Stats


class _Format(NamedTuple):
    """How the library writes, for what is its own, and whether a counter is headed without its suffix."""

    encode: Callable[[Collector], bytes]
    content_type: str
    bare_counters: bool


_TEXT: Final = _Format(generate_latest, "text/plain; version=0.0.4; charset=utf-8", bare_counters=False)
_OPENMETRICS: Final = _Format(openmetrics.generate_latest, openmetrics.CONTENT_TYPE_LATEST, bare_counters=True)

_FORMATS: Final = {
    ("application/openmetrics-text", "1.0.0"): _OPENMETRICS,
    ("application/openmetrics-text", ""): _OPENMETRICS,
    ("text/plain", "0.0.4"): _TEXT,
    ("text/plain", ""): _TEXT,
}
"""By media type and version. Escaping needs no say: our names are letters and underscores."""


class Metrics:
    """The poller's metrics, and the process's as the library has them.

    ``trackers`` has every target of ``stats``; both are read anew at every scrape.
    """

    def __init__(
        self, stats: Stats, trackers: Mapping[Target, ActiveJobs], now: Callable[[], Instant], version: str
    ) -> None:
        self._stats = stats
        self._trackers = trackers
        self._now = now
        self._versions = (version, platform.python_version())
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the body and its content type, for the value of the request's Accept header."""
        format_, scrape = _choose(accept), self._scrape()
        own = "".join(chain.from_iterable(_write(family, scrape, format_) for family in FAMILIES))
        # In this order: what the library writes ends with the end of the whole, in OpenMetrics.
        return own.encode() + format_.encode(self._process), format_.content_type

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


def _write(family: Family, scrape: Scrape, format_: _Format) -> Iterator[str]:
    bare = format_.bare_counters and family.kind == "counter"
    yield heading(family.name.removesuffix("_total") if bare else family.name, family.kind, family.help)
    yield from family.lines(scrape)


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
