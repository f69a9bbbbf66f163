"""Rows as sightings, and moments at which they come, for what is to remember them."""

from collections.abc import Sequence

from poller.models import Instant, Job, Sighting, State, Unresolved
from poller.stats import Vocabulary
from poller.tracker import Tracker

P, R, S, F, PS, U = State.PENDING, State.RUNNING, State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS, State.UNKNOWN
ENDS = (S, F, PS)


def at(mono: float) -> Instant:
    """Name a moment; the wall clock is a billion seconds ahead."""
    return Instant(wall=1_000_000_000 + mono, mono=mono)


def row(job_id: str, state: State, *, begun: int | None = None, ended: int | None = None) -> Sighting:
    """Make a row; one of a job that has ended tells all."""
    begun = 100 if begun is None and state is not P else begun
    if state in ENDS:
        return Job(job_id, state, "INSTALL_APP", created=50, begun=begun, ended=200 if ended is None else ended)
    return Sighting(job_id, state, "INSTALL_APP", created=50, begun=begun)


def done(
    job_id: str,
    *,
    state: State = S,
    created: int | None = None,
    begun: int | None = None,
    ended: int | None = None,
    job_type: str = "A",
) -> Job:
    """Make the row of a finished job that tells no more times than these."""
    return Job(job_id, state, job_type, created=created, begun=begun, ended=ended)


def tracker(frontier: float | None = None) -> Tracker:
    """Make a tracker that knows no job; with a frontier for each listing, if one is given."""
    known = Tracker(Vocabulary())
    if frontier is not None:
        known.ledger.frontiers.update(dict.fromkeys(ENDS, frontier))
    return known


def reported(*, begun: int | None = 100, ended: int | None = 200, frontier: float | None = None) -> Tracker:
    """Make a tracker that has reported job a, at 1 s."""
    known = tracker(frontier)
    known.sight([row("a", R, begun=begun)], at(0))
    assert len(known.sight([Job("a", S, "INSTALL_APP", created=50, begun=begun, ended=ended)], at(1))) == 1
    return known


def lost(known: Tracker, job_id: str, control: str | None, times: Sequence[float]) -> list[Unresolved]:
    """Ask for a job at each time, and get an answer without it."""
    news: list[Unresolved] = []
    for time in times:
        news += known.absent([job_id], {control} if control else set(), control, at(time))
    return news
