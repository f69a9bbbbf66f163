"""The nouns: what the API answers with, and what we ask it about.

Field names on the wire are those of the vendor's page ``DescribeUPhoneJob``. That page documents times as
integers and shows them as strings, so they are kept as received and read through a property: a sweep over
100 000 jobs then pays for the times of those that changed only.
"""

from enum import StrEnum
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, field

MAX_JOB_ID_BYTES = 256
"""A job id is never cut in an event line, so a row with a longer one is a bad row."""

MAX_PAGE_ROWS = 100
"""The most rows a page may ask for, and the most ids a look-up (vendor's page, ``Limit``)."""

_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one an RFC 3339 timestamp can show

RawTime = int | float | str | None
JobId = Annotated[str, Meta(min_length=1, max_length=MAX_JOB_ID_BYTES)]


class State(StrEnum):
    """A job's or a task's state. What the vendor's page does not list is UNKNOWN."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    PARTIAL_SUCCESS = "PARTIAL_SUCCESS"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> "State":  # noqa: ARG003 (the enum protocol's signature)
        return cls.UNKNOWN


class Instant(NamedTuple):
    """One moment on three clocks, in seconds: ``wall`` and ``server`` since the Unix epoch, ``mono`` since anything.

    ``server`` is the API's clock as far as its answers have told it, and late rather than early; None before any has.
    """

    wall: float
    mono: float
    server: float | None = None


class Sighting(Struct, frozen=True, gc=False, rename="pascal"):
    """A row of a listing as a sweep needs it: no tasks, no phones."""

    job_id: JobId
    state: State = State.UNKNOWN
    job_type: str = ""
    created: RawTime = field(name="CreateTime", default=None)
    begun: RawTime = field(name="BeginTime", default=None)
    ended: RawTime = field(name="EndTime", default=None)

    @property
    def create_time(self) -> int | None:
        """When the job was created, in Unix seconds; None where the API did not say."""
        return unix_time(self.created)

    @property
    def begin_time(self) -> int | None:
        """When the job began to run, in Unix seconds; None where it has not, or the API did not say."""
        return unix_time(self.begun)

    @property
    def end_time(self) -> int | None:
        """When the job ended, in Unix seconds; None where it has not, or the API did not say."""
        return unix_time(self.ended)

    @property
    def dated(self) -> bool:
        """Tell whether any of the three is known."""
        return self.end_time is not None or self.begin_time is not None or self.create_time is not None


class Task(Struct, frozen=True, gc=False, rename="pascal"):
    """A job's work on one phone or server."""

    task_id: str | None = None
    state: State = State.UNKNOWN
    uphone_id: str | None = field(name="UPhoneId", default=None)
    server_id: str | None = None
    error_message: str | None = field(name="ErrorMsg", default=None)
    execute_message: str | None = field(name="ExecuteMsg", default=None)


class Job(Sighting, frozen=True, gc=False, rename="pascal"):
    """A row with all that an event tells."""

    tasks: list[Task] | None = None
    app_version_id: str | None = None
    uphone_ids: list[str] | None = field(name="UPhoneIds", default=None)


class Page(Struct, frozen=True, gc=False):
    """One answer of ``DescribeUPhoneJob``.

    ``received`` counts every row, the ``skipped`` bad ones too: offsets advance by rows, not by jobs.
    ``unlisted_states`` are the states in it that the vendor's page does not list. ``date`` is the server's clock when
    it answered, in Unix seconds (RFC 9110, 6.6.1); None where it did not say.
    """

    jobs: tuple[Sighting, ...] | list[Sighting] | list[Job]
    received: int
    skipped: int = 0
    total_count: int | None = None
    unlisted_states: tuple[str, ...] = ()
    date: int | None = None


class Target(Struct, frozen=True, gc=False):
    """One combination of project, region, city and product type, as configured."""

    product_type: str = "uphone-server"
    project_id: str | None = None
    region: str | None = None
    city_id: str | None = None
    job_types: tuple[str, ...] = ()

    def may_overlap(self, other: "Target") -> bool:
        """Tell whether both may list the same jobs: what one leaves to the API may be what the other names."""
        own, its = ((target.project_id, target.region, target.city_id) for target in (self, other))
        agree = all(mine is None or theirs is None or mine == theirs for mine, theirs in zip(own, its, strict=True))
        return agree and self.product_type == other.product_type

    def __str__(self) -> str:
        parts = {"project": self.project_id, "region": self.region, "city": self.city_id}
        set_ones = [f"{name} {value}" for name, value in parts.items() if value is not None]
        return ", ".join([*set_ones, self.product_type])


ALL_CITIES = "all"
"""In place of a city id: every city that the API lists. Such a target is asked for its cities, never for jobs."""


MAX_CITIES = 1000
"""More cities than this are not polled, whatever an answer lists: there are about ten."""


class Query(Struct, frozen=True, gc=False):
    """One page to ask for: a listing of one state, or a look-up of ids."""

    target: Target
    state: State | None = None
    job_ids: tuple[str, ...] = ()
    offset: int = 0
    limit: int = MAX_PAGE_ROWS


class Completion(Struct, frozen=True, gc=False):
    """A run seen in a terminal state. ``seen_at`` is the wall time of the first such sighting.

    ``previous_state`` is the last state that it was seen in before; None where it was never seen active.
    """

    job: Job
    previous_state: State | None
    seen_at: float


class Unresolved(Struct, frozen=True, gc=False):
    """A job that was active and that the API no longer knows: said, never guessed."""

    job_id: str
    job_type: str
    previous_state: State
    create_time: int | None
    begin_time: int | None
    seen_at: float


News = Completion | Unresolved


def unix_time(raw: RawTime) -> int | None:
    """Read a time as the API may send it: integer, string, 0, empty or missing; None is "not said"."""
    if type(raw) is int:  # what nearly all are
        return raw if 0 < raw <= _LAST_SECOND else None
    if not raw:
        return None
    try:
        seconds = int(raw)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds <= _LAST_SECOND else None
