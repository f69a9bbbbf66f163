"""What one scrape reads, and how each metric's samples are read off it: plain values, no library, no clock."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, Protocol, TypeVar

from poller.lifecycle import ACTIVE, TERMINAL
from poller.models import Instant, State, Target
from poller.stats import KNOWN_JOB_TYPES, Histogram, Histograms, Outcome, Stats, TargetStats, labels
from poller.wire import ACTION, CITIES_ACTION

Labels = tuple[str, ...]
Numbers = Iterator[tuple[Labels, float]]
Distributions = Iterator[tuple[Labels, Histogram]]

_K = TypeVar("_K", bound=Hashable)

# In the order of the enumeration: sets have none, and an exposition should not differ from run to run.
_ACTIVE: Final = tuple(state for state in State if state in ACTIVE)
_TERMINAL: Final = tuple(state for state in State if state in TERMINAL)
_TASK_ENDS: Final = (State.SUCCESS, State.FAILED)
_OUTCOMES: Final[tuple[Outcome, ...]] = ("complete", "partial", "failed")
_CODES: Final = ("0", "timeout", "connect", "malformed")


class ActiveJobs(Protocol):
    """A target's active jobs, counted. Job types are words of the vocabulary."""

    @property
    def counts(self) -> Mapping[tuple[str, State], int]:
        """How many there are, by (job type, state); what is 0 may be missing."""

    @property
    def oldest(self) -> Mapping[tuple[str, State], int]:
        """Since when the oldest waits (PENDING) or runs (RUNNING), in Unix seconds; missing when not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReading:
    """One target at the moment of the scrape. ``fresh`` is whether its gauges may be shown."""

    labels: Labels
    stats: TargetStats
    active: ActiveJobs
    job_types: tuple[str, ...]
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """All that one scrape reads. ``versions`` are the poller's and Python's."""

    now: Instant
    stats: Stats
    targets: tuple[TargetReading, ...]
    versions: tuple[str, str]


def read_target(target: Target, stats: Stats, active: ActiveJobs, now: Instant) -> TargetReading:
    """Look at one target. Its job types are the documented ones and every other that it has shown."""
    own = stats.targets[target]
    shown = {job_type for counted in (active.counts, own.finished, own.tasks_finished) for job_type, _ in counted}
    return TargetReading(
        labels=labels(target),
        stats=own,
        active=active,
        job_types=KNOWN_JOB_TYPES + tuple(sorted(shown.union(own.unresolved).difference(KNOWN_JOB_TYPES))),
        fresh=own.complete_within(now.mono, interval=stats.interval),
    )


def jobs(scrape: Scrape) -> Numbers:
    """Count the active jobs, zeros included, of every target that is known well enough."""
    for target in scrape.targets:
        if target.fresh:
            for key in product(target.job_types, _ACTIVE):
                yield (*target.labels, *key), target.active.counts.get(key, 0)


def jobs_listed(scrape: Scrape) -> Numbers:
    """Give the API's own counts of every target that is known well enough."""
    for target in scrape.targets:
        if target.fresh:
            for state, count in target.stats.listed.items():
                yield (*target.labels, state), count


def oldest_job_age(scrape: Scrape) -> Numbers:
    """Give the age of the oldest job; never negative, though the API's clock may be ahead of ours."""
    for target in scrape.targets:
        if target.fresh:
            for key, since in target.active.oldest.items():
                yield (*target.labels, *key), max(0.0, scrape.now.wall - since)


def jobs_finished(scrape: Scrape) -> Numbers:
    """Count completions, from 0 for every job type that the target is known to have."""
    for target in scrape.targets:
        for key, count in _counted(product(target.job_types, _TERMINAL), target.stats.finished):
            yield (*target.labels, *key), count


def tasks_finished(scrape: Scrape) -> Numbers:
    """Count tasks of finished jobs, from 0 likewise."""
    for target in scrape.targets:
        for key, count in _counted(product(target.job_types, _TASK_ENDS), target.stats.tasks_finished):
            yield (*target.labels, *key), count


def jobs_unresolved(scrape: Scrape) -> Numbers:
    """Count jobs that the API no longer knows, from 0 likewise."""
    for target in scrape.targets:
        for job_type, count in _counted(target.job_types, target.stats.unresolved):
            yield (*target.labels, job_type), count


def cycles(scrape: Scrape) -> Numbers:
    """Count cycles by outcome, from 0."""
    for target in scrape.targets:
        for outcome, count in _counted(_OUTCOMES, target.stats.cycles):
            yield (*target.labels, outcome), count


def target_up(scrape: Scrape) -> Numbers:
    """Tell whether each target's last cycle was complete."""
    for target in scrape.targets:
        yield target.labels, target.stats.up


def full_scan(scrape: Scrape) -> Numbers:
    """Tell whether each target has a listing that is read whole again and again."""
    for target in scrape.targets:
        yield target.labels, target.stats.full_scan


def last_success(scrape: Scrape) -> Numbers:
    """Give the time of each target's last complete cycle; stays when the target goes stale, to be measured from."""
    for target in scrape.targets:
        if target.stats.last_complete_timestamp is not None:
            yield target.labels, target.stats.last_complete_timestamp


def api_requests(scrape: Scrape) -> Numbers:
    """Count requests, from 0 for success and the failures that have no number."""
    actions = (ACTION, CITIES_ACTION) if scrape.stats.discoveries else (ACTION,)
    return _counted(product(actions, _CODES), scrape.stats.api.requests)


def last_save(scrape: Scrape) -> Numbers:
    """Give the time of the last save, once there has been one."""
    if scrape.stats.state.last_save is not None:
        yield (), scrape.stats.state.last_save


def observed(histograms: Histograms) -> Distributions:
    """Give the histograms that have an observation."""
    return ((labels, histogram) for labels, histogram in histograms.items() if histogram.count)


def one(value: float, labels: Labels = ()) -> Numbers:
    """Give the only sample of a metric."""
    yield labels, value


def _counted(known: Iterable[_K], counts: Mapping[_K, int]) -> Iterator[tuple[_K, int]]:
    """Give every known key, at 0 if need be, then whatever else was counted."""
    for key in dict.fromkeys((*known, *counts)):
        yield key, counts.get(key, 0)
