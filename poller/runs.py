"""What is kept of a run in each part of its life: tracked, held, missed, dormant, reported."""

from typing import NamedTuple

from msgspec import Struct

from poller.models import Instant, Job, State


class Tracked(Struct, gc=False):
    """A run that is active as far as we know. ``sighted`` is monotonic, the other times Unix seconds.

    A row in the same state has nothing to teach about a ``complete`` one.
    """

    state: State
    job_type: str
    create_time: int | None
    begin_time: int | None
    sighted: float
    complete: bool = False

    def tells_all(self) -> bool:
        """Tell whether everything is known that can be in this state."""
        begun = self.begin_time is not None or self.state is State.PENDING
        return bool(self.job_type) and self.create_time is not None and begun


class Held(Struct, gc=False):
    """A run that is over, as ``job`` shows it, but for the time of its end; ``seen`` is when that was first shown."""

    job: Job
    previous_state: State
    seen: Instant


class Missed(Struct, gc=False):
    """Answers without a job that was asked for: how many proved it, since when, and since when any did not."""

    since: float
    counted: int = 0
    counted_since: float = 0.0
    uncontrolled: int = 0


class Reported(NamedTuple):
    """A run that was reported: when it was last sighted (monotonic), and when it ended (Unix)."""

    sighted: float
    ended: int | None


class Dormant(Struct, gc=False):
    """A run that the API no longer knows, since when, and when to ask for it again; monotonic."""

    run: Tracked
    since: float
    ask_at: float
