"""The shape of ``/status.json``; the page for people is made of the same."""

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

SCHEMA_VERSION: Final = 1

Condition = Literal["ok", "starting", "degraded", "down"]
"""``degraded`` when anything is amiss, ``down`` when nothing is known of any target, ``starting`` before that."""

Standing = Literal["refused", "stale", "failing", "waiting", "ok"]
"""A target's: refused by the API for good; without a complete cycle for too long; with a last cycle that was not
complete; without a cycle so far. In the order in which targets are listed."""


class Located(Struct, frozen=True, gc=False, kw_only=True):
    """Which target something belongs to; null is what the configuration leaves to the API."""

    project_id: str | None
    region: str | None
    city_id: str | None
    product_type: str


class ActiveCounts(Struct, frozen=True, gc=False):
    """Active jobs."""

    pending: int
    running: int
    unknown: int


class EndedCounts(Struct, frozen=True, gc=False):
    """Jobs reported since the start."""

    success: int
    failed: int
    partial_success: int
    unresolved: int


class TargetStatus(Located, frozen=True, gc=False, kw_only=True):
    """One target. ``active_jobs`` is null while it is not known well enough.

    ``listed_jobs`` is the API's own count by state, where it has proved to be one of that state; ``outcome`` is of the
    last cycle, and null before the first.
    """

    standing: Standing
    outcome: Literal["complete", "partial", "failed"] | None
    last_complete_time: datetime | None
    last_complete_age_seconds: int | None
    cycle_seconds: float
    full_scan: bool
    error_code: str | None
    error_message: str | None
    active_jobs: ActiveCounts | None
    listed_jobs: dict[str, int] | None


class TargetCounts(Struct, frozen=True, gc=False):
    """How many targets there are of each standing."""

    total: int
    ok: int
    waiting: int
    failing: int
    stale: int
    refused: int


class TypeStatus(Struct, frozen=True, gc=False, kw_only=True):
    """One job type over all targets that are known; the ages are null where there is no job or no time."""

    job_type: str
    active_jobs: ActiveCounts
    oldest_pending_seconds: int | None
    oldest_running_seconds: int | None
    ended_jobs: EndedCounts


class JobStatus(Struct, frozen=True, gc=False, kw_only=True):
    """Jobs of all targets; the active ones are those of ``targets_known`` targets.

    ``listed`` is the API's own count by state, where every one of them has one.
    """

    targets_known: int
    active: ActiveCounts
    listed: dict[str, int]
    ended: EndedCounts
    by_type: list[TypeStatus]


class ActiveJob(Located, frozen=True, gc=False, kw_only=True):
    """An active job; its age is since its creation while it waits, and since its begin once it runs."""

    job_id: str
    job_type: str | None
    state: str
    create_time: datetime | None
    begin_time: datetime | None
    age_seconds: int


class EndedJob(Located, frozen=True, gc=False, kw_only=True):
    """A job that was reported; ``state`` is null for one that the API no longer knows."""

    job_id: str
    job_type: str | None
    state: str | None
    timestamp: datetime
    age_seconds: int
    end_time: datetime | None
    run_seconds: int | None
    error_message: str | None


class CodeCount(Struct, frozen=True, gc=False):
    """API requests by what came of them."""

    action: str
    code: str
    requests: int


class ApiStatus(Struct, frozen=True, gc=False, kw_only=True):
    """Requests to the API. ``failing_since`` and ``error_message`` are there while none succeeds."""

    requests: int
    failed_requests: int
    rows_skipped: int
    rate_limit: float
    max_rps: float
    throttled: bool
    failing_since: datetime | None
    failing_seconds: int | None
    error_message: str | None
    codes: list[CodeCount]


class ErrorStatus(Located, frozen=True, gc=False, kw_only=True):
    """Cycles that one kind of error has marred; target and message are the last one's."""

    error_code: str
    error_message: str
    cycles: int
    first_time: datetime
    last_time: datetime
    last_age_seconds: int


class EventStatus(Struct, frozen=True, gc=False):
    """Event lines. ``obstacle`` is what keeps them from being written, once they have waited for a while."""

    written: int
    pending: int
    obstacle: str | None


class StateFileStatus(Struct, frozen=True, gc=False):
    """Saves of the state file; ``error_message`` is there while they fail."""

    last_save_time: datetime | None
    last_save_age_seconds: int | None
    save_failures: int
    error_message: str | None


class Status(Struct, frozen=True, gc=False, kw_only=True):
    """All of it. Lists are bounded: ``targets`` has those in trouble first, and ``target_counts`` all of them.

    Texts are cut. Durations are in seconds, times in RFC 3339.
    """

    schema_version: int
    timestamp: datetime
    status: Condition
    problems: list[str]
    ready: bool
    ready_reason: str | None
    version: str
    start_time: datetime
    uptime_seconds: int
    interval_seconds: float
    target_counts: TargetCounts
    targets: list[TargetStatus]
    jobs: JobStatus
    oldest_jobs: list[ActiveJob]
    newest_completions: list[EndedJob]
    api: ApiStatus
    errors: list[ErrorStatus]
    events: EventStatus
    state_file: StateFileStatus | None
