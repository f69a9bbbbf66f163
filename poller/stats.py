"""What is counted and measured, as plain data: the edges and the cycle write it, a scrape reads it."""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from poller.models import State, Target

OTHER = "other"
"""The label value of all words past the bound, and of none."""

UNSET = "default"
"""The label value of what the configuration leaves to the API."""

KNOWN_JOB_TYPES: Final = (
    "INSTALL_APP",
    "UNINSTALL_APP",
    "RUN_ASYNC_COMMAND",
    "CREATE_SERVER_AND_UPHONE",
    "SET_UPHONE_GPS",
    "SET_UPHONE_CONFIG",
    "UPLOAD_FILE",
    "DELETE_UPHONE",
)
"""The eight that the vendor's page lists for ``Types.N``; sixteen actions return a JobId, so the set is open."""

JOB_SECONDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)
DETECTION_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900)
REQUEST_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 65)

NEWEST_ENDINGS: Final = 20
"""How many of the jobs that were reported last are kept in mind."""

MAX_ERRORS: Final = 20
"""How many kinds of errors are kept in mind."""

_MESSAGE_CHARS: Final = 400

Outcome = Literal["complete", "partial", "failed"]


class Histogram:
    """Observations in buckets, not cumulated: ``counts[i]`` is of those up to ``bounds[i]``, the last of the rest."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, *values: float) -> None:
        """Count observations, in the unit of the bounds; what clocks that disagree make negative counts as 0."""
        bounds, counts, total = self.bounds, self.counts, self.total
        for value in values:
            if value > 0:
                counts[bisect_left(bounds, value)] += 1
                total += value
            else:
                counts[0] += 1
        self.total = total

    @property
    def count(self) -> int:
        """How many observations there are."""
        return sum(self.counts)


class Histograms(dict[tuple[str, ...], Histogram]):
    """Histograms by label values; a series exists from its first observation."""

    def __init__(self, bounds: Iterable[float]) -> None:
        super().__init__()
        self._bounds = tuple(bounds)

    def __missing__(self, labels: tuple[str, ...]) -> Histogram:
        return self.setdefault(labels, Histogram(self._bounds))


class Vocabulary:
    """Bounds the words from outside that become label values: past ``limit`` different ones, ``other``."""

    __slots__ = ("_limit", "_max_length", "_words")

    def __init__(self, known: Iterable[str] = (), *, limit: int = 32, max_length: int = 64) -> None:
        self._limit = limit
        self._max_length = max_length
        self._words = set(known)

    def word(self, text: str) -> str:
        """Return the label value for a word; for an empty one ``other``, since to Prometheus it would be no label."""
        if text in self._words:
            return text
        if len(self._words) >= self._limit or not 0 < len(text) <= self._max_length:
            return OTHER
        self._words.add(text)
        return text


def label(text: str | None) -> str:
    """Return the label value for a part of a target that may not be set."""
    return text or UNSET


def labels(target: Target) -> tuple[str, str, str, str]:
    """Return the label values that tell a target from all others: project, region, city, product type."""
    return label(target.project_id), label(target.region), label(target.city_id), label(target.product_type)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a cycle was not complete: what the failed request counts as, or the outcome; and a line for people."""

    code: str
    message: str


class Ending(Struct, frozen=True, gc=False, kw_only=True):
    """A job as it was reported last; ``state`` is None where the API no longer knows it. Times in Unix seconds."""

    target: Target
    job_id: str
    job_type: str
    state: State | None
    seen_at: float
    begin_time: int | None
    end_time: int | None = None
    error_message: str | None = None


@dataclass(slots=True)
class ErrorStats:
    """Cycles that one kind of error has marred: how many, from when to when in Unix seconds, and the last of them."""

    first: float
    last: float
    target: Target
    message: str
    cycles: int = 0


class Errors(dict[str, ErrorStats]):
    """What has gone wrong, by code, the newest last; bounded, the oldest go."""

    def note(self, problem: Problem, target: Target, at: float) -> None:
        """Take note of a cycle that was not complete, at a Unix time in seconds."""
        kept = self.pop(problem.code, None) or ErrorStats(at, at, target, "")
        kept.last, kept.target, kept.message = at, target, problem.message[:_MESSAGE_CHARS]
        kept.cycles += 1
        self[problem.code] = kept
        if len(self) > MAX_ERRORS:
            del self[next(iter(self))]


@dataclass(slots=True)
class TargetStats:
    """What one target's cycles have brought. Times: ``_at`` is monotonic, ``_timestamp`` Unix, in seconds.

    ``finished`` is by (job type, state), ``tasks_finished`` likewise, ``unresolved`` by job type: all in words of
    the vocabulary. ``listed`` is the API's own count by state, where it has proved to be one of that state.
    ``refusal`` is why the API refuses the target for good, in one line; None where it does not. ``late`` targets came
    to be known only after the start. ``full_scan`` tells that a listing has to be read whole again and again.
    ``outcome`` is that of the last cycle, None before the first, and ``problem`` why it was not complete.
    """

    finished: Counter[tuple[str, State]] = field(default_factory=Counter)
    tasks_finished: Counter[tuple[str, State]] = field(default_factory=Counter)
    unresolved: Counter[str] = field(default_factory=Counter)
    cycles: Counter[Outcome] = field(default_factory=Counter)
    listed: dict[State, int] = field(default_factory=dict)
    up: bool = False
    refusal: str | None = None
    late: bool = False
    full_scan: bool = False
    outcome: Outcome | None = None
    problem: Problem | None = None
    last_complete_at: float | None = None
    last_complete_timestamp: float | None = None
    last_cycle_seconds: float = 0.0

    def complete_within(self, now: float, *, interval: float) -> bool:
        """Tell whether a complete cycle is recent enough for its gauges to be shown.

        Stale is five times the larger of the interval and the last cycle's duration, and a minute at least.
        """
        if self.last_complete_at is None:
            return False
        return now - self.last_complete_at <= max(60.0, 5 * max(interval, self.last_cycle_seconds))


@dataclass(frozen=True, slots=True)
class Trouble:
    """The first of the requests that failed in a row: when it was sent, in monotonic seconds, and why it failed."""

    since: float
    problem: str


@dataclass(slots=True)
class DiscoveryStats:
    """What has come of asking for cities: ``done`` once an answer has told them; ``refusal`` as of a target."""

    done: bool = False
    refusal: str | None = None


@dataclass(slots=True)
class ApiStats:
    """What requests have cost. ``requests`` is by (action, code), ``request_seconds`` by (action,).

    ``trouble`` is there while no request succeeds.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    request_seconds: Histograms = field(default_factory=lambda: Histograms(REQUEST_SECONDS))
    rows_skipped: int = 0
    rate_limit: float = 0.0
    trouble: Trouble | None = None
    codes: Vocabulary = field(default_factory=lambda: Vocabulary(("0", "timeout", "connect", "malformed")))


@dataclass(slots=True)
class EventStats:
    """What became of events: ``pending`` are encoded and not yet written.

    ``obstacle`` is what keeps them from being written, once they have waited for a while.
    """

    written: int = 0
    pending: int = 0
    obstacle: str | None = None


@dataclass(slots=True)
class StateStats:
    """What became of saves of the state: ``last_save`` is when all of it was last in the file, in Unix seconds.

    ``problem`` is why the last save has failed; None if it has not.
    """

    failures: int = 0
    last_save: float | None = None
    problem: str | None = None


class Stats:
    """All of it, in one place that outlives every cycle.

    ``queue_seconds`` is by (project id, product type, job type), ``run_seconds`` by those and the state,
    ``detection_seconds`` and ``cycle_seconds`` by (project id, product type), with `label` applied to what may not be
    set: they stay when a target goes. ``discoveries`` is by the target that stands for all cities. ``newest`` are the
    jobs that were reported last, the newest at the end.
    """

    def __init__(self, targets: Iterable[Target] = (), *, interval: float, sweep_interval: float | None = None) -> None:
        self.interval = interval
        self.sweep_interval = interval if sweep_interval is None else sweep_interval
        self.targets = {target: TargetStats() for target in targets}
        self.discoveries: dict[Target, DiscoveryStats] = {}
        self.api = ApiStats()
        self.events = EventStats()
        self.state = StateStats()
        self.errors = Errors()
        self.newest: deque[Ending] = deque(maxlen=NEWEST_ENDINGS)
        self.job_types = Vocabulary(KNOWN_JOB_TYPES)
        self.queue_seconds = Histograms(JOB_SECONDS)
        self.run_seconds = Histograms(JOB_SECONDS)
        self.detection_seconds = Histograms(DETECTION_SECONDS)
        self.cycle_seconds = Histograms(DETECTION_SECONDS)


class Deadlines:
    """What each task has promised to be back from, so that a probe can tell a slow loop from a stuck one."""

    def __init__(self) -> None:
        self._by: dict[str, float] = {}

    def declare(self, task: str, by: float) -> None:
        """Promise to declare again before ``by``, a monotonic time in seconds."""
        self._by[task] = by

    def lift(self, task: str) -> None:
        """Promise nothing: the task has ended, or waits for something that may take any time."""
        self._by.pop(task, None)

    def missed(self, now: float) -> Iterator[str]:
        """Name the tasks that are late."""
        return (task for task, by in self._by.items() if by < now)
