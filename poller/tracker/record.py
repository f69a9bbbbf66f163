"""What of a target's memory outlives the process, as bytes: a record a job, and one for the target itself.

Monotonic times mean nothing to another process: they are kept as wall time, or not at all.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from msgspec import Struct

from poller.models import Instant, Job, State
from poller.runs import Dormant, Held, Reported, Tracked


class ActiveRecord(Struct, frozen=True, gc=False, tag="active", array_like=True):
    """A tracked run."""

    state: State
    job_type: str
    create_time: int | None
    begin_time: int | None
    first: float | None
    after: int | None
    said: bool


class HeldRecord(Struct, frozen=True, gc=False, tag="held", array_like=True):
    """A run that waits for its EndTime, since a wall time and one by the API's clock."""

    job: Job
    previous_state: State | None
    seen: float
    server: float | None
    after: int | None


class DormantRecord(Struct, frozen=True, gc=False, tag="dormant", array_like=True):
    """A run that the API no longer knows, since a wall time."""

    run: ActiveRecord
    since: float


class ReportedRecord(Struct, frozen=True, gc=False, tag="reported", array_like=True):
    """A run that was reported."""

    state: State
    begun: int | None
    ended: int | None
    bound: float
    timeless: bool


class BaselineRecord(Struct, frozen=True, gc=False, tag="baseline", array_like=True):
    """A job without any time that is none of ours."""


JobRecord = ActiveRecord | HeldRecord | DormantRecord | ReportedRecord | BaselineRecord


class TargetRecord(Struct, frozen=True, gc=False, kw_only=True):
    """What is kept of a target as a whole.

    ``started`` is the wall time at which it was polled first. ``frontiers`` are Unix seconds by the API's clock,
    ``saved`` is the newest time of that clock that was covered. ``orders`` has the `poller.ordering.Order` of a
    listing, where that has been learnt, ``audited`` the wall time of the last whole reading, ``expected`` how many rows
    it had. ``waiting_seen`` tells whether a PENDING job has ever been listed, ``counted`` whether a TotalCount has
    proved to be of one listing.
    """

    started: float
    job_types: tuple[str, ...] = ()
    covered: tuple[str, ...] | None = None
    since: float | None = None
    saved: float | None = None
    frontiers: Mapping[State, float] = {}
    surveyed: tuple[State, ...] = ()
    orders: Mapping[State, tuple[bool, bool]] = {}
    audited: Mapping[State, float] = {}
    expected: Mapping[State, int] = {}
    waiting_seen: bool = False
    counted: bool = False


_job_decoder: Final = msgspec.msgpack.Decoder(JobRecord)
_target_decoder: Final = msgspec.msgpack.Decoder(TargetRecord)


encode: Final[Callable[[JobRecord | TargetRecord], bytes]] = msgspec.msgpack.Encoder().encode
"""Encodes a record."""


def decode_job(data: bytes) -> JobRecord:
    """Decode a job's record; ``msgspec.MsgspecError`` where it is none."""
    record: JobRecord = _job_decoder.decode(data)
    return record


def decode_target(data: bytes) -> TargetRecord:
    """Decode a target's record; ``msgspec.MsgspecError`` where it is none."""
    return _target_decoder.decode(data)


def active(run: Tracked) -> ActiveRecord:
    """Record a tracked run."""
    return ActiveRecord(run.state, run.job_type, run.create_time, run.begin_time, run.first, run.after, run.said)


def held(run: Held) -> HeldRecord:
    """Record a held run."""
    return HeldRecord(run.job, run.previous_state, run.seen.wall, run.seen.server, run.after)


def dormant(run: Dormant, now: Instant) -> DormantRecord:
    """Record a dormant run."""
    return DormantRecord(active(run.run), now.wall - (now.mono - run.since))


def reported(run: Reported) -> ReportedRecord:
    """Record a reported run."""
    return ReportedRecord(run.state, run.begun, run.ended, run.bound, run.timeless)


def tracked(record: ActiveRecord, sighted: float) -> Tracked:
    """Take a tracked run up again, last sighted at a monotonic time."""
    return Tracked(
        record.state,
        record.job_type,
        record.create_time,
        record.begin_time,
        sighted,
        first=record.first,
        after=record.after,
        said=record.said,
    )
