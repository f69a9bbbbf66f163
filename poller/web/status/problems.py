"""What is amiss, in lines for people, and what that makes of the whole."""

from collections.abc import Iterator, Sequence
from typing import Final

from poller.web.status.record import ApiStatus, Condition, TargetCounts
from poller.web.status.source import Source
from poller.web.status.words import MESSAGE_CHARS, counted, cut, duration

FAILING_SECONDS: Final = 10
"""A request that fails is made again; only where that goes on is it worth a line."""

_MOST: Final = 20


def problems(source: Source, targets: TargetCounts, api: ApiStatus) -> list[str]:
    """Name all that is amiss, the causes before what comes of them."""
    found = [*_of_requests(api), *_of_cities(source), *_of_targets(targets), *_of_output(source)]
    return [cut(each, MESSAGE_CHARS) for each in found[:_MOST]]


def _of_requests(api: ApiStatus) -> Iterator[str]:
    if api.failing_seconds is not None and api.failing_seconds >= FAILING_SECONDS:
        yield f"No request has succeeded for {duration(api.failing_seconds)}: {api.error_message}"
    if api.throttled:
        yield f"The API throttles requests: {api.rate_limit:g} a second instead of {api.max_rps:g}"


def _of_cities(source: Source) -> Iterator[str]:
    for template, own in source.stats.discoveries.items():
        if own.refusal is not None:
            yield f"The cities of {template} cannot be discovered: {own.refusal}"


def _of_targets(targets: TargetCounts) -> Iterator[str]:
    if targets.refused:
        yield f"The API refuses {counted(targets.refused, 'target')}"
    if targets.stale:
        yield f"{counted(targets.stale, 'target')} without a complete cycle for too long; nothing is said of their jobs"
    if targets.failing:
        yield f"{counted(targets.failing, 'target')} whose last cycle was not complete"


def _of_output(source: Source) -> Iterator[str]:
    events, state = source.stats.events, source.stats.state
    if events.obstacle is not None:
        yield f"{counted(events.pending, 'event')} cannot be written: {events.obstacle}"
    if state.problem is not None:
        yield f"The state cannot be saved: {state.problem}"


def condition(*, ready: bool, known: int, problems: Sequence[str]) -> Condition:
    """Sum it up in a word; ``known`` targets are known well enough."""
    if problems:
        return "degraded" if known else "down"
    return "ok" if ready else "starting"
