"""What is kept of a run in each part of its life: tracked, held, missed, dormant, reported."""

from typing import Final

from msgspec import Struct

from poller.models import Instant, Job, Sighting, State

_RECKONING: Final = 10.0
"""Seconds by which a begin must be after another run was seen to be over: our reckoning of the API's clock is late."""


class Tracked(Struct, gc=False):
    """A run that is active as far as we know. ``sighted`` is monotonic, the other times Unix seconds.

    ``first`` is when it was first seen, by the API's clock. ``after`` is when the job's reported run ended, for a run
    that followed one. ``said`` tells that it has been called unresolved before. A row in the same state has nothing to
    teach about a ``complete`` one.
    """

    state: State
    job_type: str
    create_time: int | None
    begin_time: int | None
    sighted: float
    first: float | None = None
    after: int | None = None
    said: bool = False
    complete: bool = False

    def __post_init__(self) -> None:
        self.complete = self._tells_all()

    def learn(self, state: State, create_time: int | None, begin_time: int | None) -> None:
        """Take what a row tells of it."""
        self.state, self.create_time, self.begin_time = state, create_time, begin_time
        self.complete = self._tells_all()

    def _tells_all(self) -> bool:
        begun = self.begin_time is not None or self.state is State.PENDING
        return bool(self.job_type) and self.create_time is not None and begun


class Held(Struct, gc=False):
    """A run that is over, as ``job`` shows it, but for the time of its end; ``seen`` is when that was first shown.

    ``after`` is as of a tracked run. ``doubted`` is the monotonic time at which the job was last shown active since:
    one of the two was a lagging replica's view.
    """

    job: Job
    previous_state: State | None
    seen: Instant
    after: int | None = None
    doubted: float | None = None

    def precedes(self, row: Sighting) -> bool:
        """Tell whether a row is of a run that began after this one was over."""
        return self.seen.server is not None and _began_after(
            row.begin_time, self.job.begin_time, None, self.seen.server
        )

    def differs(self, row: Sighting) -> bool:
        """Tell whether a row has ended otherwise, and no begin shows it to be of this run all the same."""
        begun = self.job.begin_time
        return row.state is not self.job.state and (begun is None or row.begin_time != begun)

    def follows(self, row: Sighting) -> bool:
        """Tell whether a row is of a run before this one."""
        reported = self.after is not None and row.end_time is not None and row.end_time <= self.after
        return reported or ran_before(row.begin_time, row.end_time, self.job.begin_time)


class Missed(Struct, gc=False):
    """Answers without a job that was asked for: how many proved it, since when, and since when any did not."""

    since: float
    counted: int = 0
    counted_since: float = 0.0
    uncontrolled: int = 0


class Dormant(Struct, gc=False):
    """A run that the API no longer knows, since when, and when to ask for it again; monotonic."""

    run: Tracked
    since: float
    ask_at: float


class Reported(Struct, gc=False):
    """A run that was reported, as it was then; times in Unix seconds, but ``at``, when that was, monotonic.

    ``bound`` is a time of the API's clock at which it had ended: its EndTime, or when it was seen to be over. It was
    ``amended`` if the API has shown another state or end of the same run since.
    """

    state: State
    begun: int | None
    ended: int | None
    bound: float
    at: float
    timeless: bool = False
    amended: bool = False

    def precedes(self, row: Sighting) -> bool:
        """Tell whether a row is of a run that began after this one had ended."""
        return _began_after(row.begin_time, self.begun, self.ended, self.bound)


def _began_after(begins: int | None, begun: int | None, ended: int | None, over: float) -> bool:
    """Tell whether a run begins after another, with its begin and end, if they are known, was seen to be over.

    That was by our reckoning of the API's clock. A begin that is not known to be another may be one that was amended.
    """
    if begins is None or (begun is not None and begins <= begun):
        return False
    if ended is None:
        return begins > over + _RECKONING
    # Within the second of the end only a begin that is known to be another is one.
    return begins > ended or (begins == ended and begun is not None)


def ran_before(begins: int | None, ends: int | None, begun: int | None) -> bool:
    """Tell whether a run began, or even ended, before another began."""
    if begun is None:
        return False
    return (begins is not None and begins < begun) or (ends is not None and ends < begun)
