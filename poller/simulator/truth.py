"""What became of every run of every job: what a client's reports are to be judged by."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from poller.models import State
from poller.simulator.jobs import SimulatedJob


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One life of a job id, the first with ``number`` 1. Times are Unix seconds, ``math.inf`` what never came.

    A run that the API stopped knowing before it ended has neither ``ended`` nor ``outcome``. Its row, in whatever
    state it was last, is in no answer from ``shown_until``: it is removed, or the job is queued again; nor is it from
    the first to the second time of ``hidden``. ``end_shown`` is when the row first has its EndTime.
    """

    job_id: str
    number: int
    city_id: str
    product_type: str
    job_type: str
    created: float
    queued: float
    begun: float
    ended: float
    outcome: State | None
    end_shown: float
    shown_until: float
    hidden: tuple[float, float]
    shows_times: bool
    waits_unlisted: bool


def runs_of(job: SimulatedJob) -> Iterator[Run]:
    """Tell the runs of a job, the oldest first."""
    runs = [*job.runs()][::-1]
    untils = [*(following.since for following in runs[1:]), job.removed]
    for number, (run, until) in enumerate(zip(runs, untils, strict=True), start=1):
        ended = _if_before(run.ended, until)
        yield Run(
            job_id=run.job_id,
            number=number,
            city_id=run.city_id,
            product_type=run.product_type,
            job_type=run.job_type,
            created=run.created,
            queued=run.since,
            begun=_if_before(run.begun, until),
            ended=ended,
            outcome=run.outcome if ended < math.inf else None,
            end_shown=_if_before(run.end_known, until) if run.shows_end and run.shows_times else math.inf,
            shown_until=until,
            hidden=run.hidden,
            shows_times=run.shows_times,
            waits_unlisted=run.waits_as is not None,
        )


def _if_before(time: float, until: float) -> float:
    return time if time < until else math.inf
