"""What the status is read from, at the moment of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from poller.models import Instant, State, Target
from poller.runs import Tracked
from poller.stats import Stats


class ActiveJobs(Protocol):
    """A target's active jobs. Job types of ``counts`` and ``oldest`` are words of the vocabulary."""

    @property
    def counts(self) -> Mapping[tuple[str, State], int]:
        """How many there are, by (job type, state); what is 0 may be missing."""

    @property
    def oldest(self) -> Mapping[tuple[str, State], int]:
        """Since when the oldest waits (PENDING) or runs (RUNNING), in Unix seconds; missing when not known."""

    @property
    def jobs(self) -> Mapping[str, Tracked]:
        """The runs, by job id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """``trackers`` has every target of ``stats``; ``max_rps`` is the ceiling of requests a second.

    ``keeps_state`` tells whether there is a state file.
    """

    stats: Stats
    trackers: Mapping[Target, ActiveJobs]
    now: Callable[[], Instant]
    started: Instant
    version: str
    max_rps: float
    keeps_state: bool = False
