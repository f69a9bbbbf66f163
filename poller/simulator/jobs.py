"""The truth about one simulated job: its whole story, from which its state at any time follows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from poller.models import State

JOB_TYPES: Final = (
    "INSTALL_APP",
    "UNINSTALL_APP",
    "RUN_ASYNC_COMMAND",
    "CREATE_SERVER_AND_UPHONE",
    "SET_UPHONE_GPS",
    "SET_UPHONE_CONFIG",
    "UPLOAD_FILE",
    "DELETE_UPHONE",
)
"""Those that ``Types.N`` may ask for (vendor's page)."""

UNLISTED_JOB_TYPES: Final = ("REBOOT_UPHONE", "RESET_UPHONE", "POWER_OFF_UPHONE")
"""Some that the page does not list and that exist all the same."""

APP_JOB_TYPES: Final = frozenset({"INSTALL_APP", "UNINSTALL_APP"})

UNLISTED_STATE: Final = "QUEUING"
"""A state that the page does not list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedJob:
    """One run of a job, and through ``previous`` those before it. Times are Unix seconds; ``math.inf`` is never.

    The job is PENDING from ``created``, RUNNING from ``begun``, in its ``outcome`` from ``ended``, and no longer known
    to the API from ``removed``. Run again under its old id, it is PENDING from ``queued``, and before that what its
    ``previous`` run was. It has a task for each phone, the last ``failed_tasks`` of which fail, with
    ``error_message`` where one is given. ``number`` is the order of arrival among jobs of the same second.

    What is odd about it: no answer has it from the first to the second time of ``hidden``. Its EndTime comes
    ``end_delay`` seconds after its end. Without ``shows_end`` its row never has an EndTime, without ``shows_times``
    neither that nor any other time. While it waits, its state is written ``waits_as``, if that is set; such a job
    is in no listing of PENDING ones.
    """

    job_id: str
    created: float
    begun: float
    ended: float = math.inf
    removed: float = math.inf
    outcome: State = State.SUCCESS
    job_type: str = "INSTALL_APP"
    city_id: str = "cn-hangzhou"
    product_type: str = "uphone-server"
    uphone_ids: tuple[str, ...] = ("uphone-0001",)
    failed_tasks: int = 0
    error_message: str | None = None
    app_version_id: str | None = None
    number: int = 0

    queued: float = -math.inf
    previous: Self | None = None

    hidden: tuple[float, float] = (math.inf, math.inf)
    end_delay: float = 0.0
    shows_end: bool = True
    shows_times: bool = True
    waits_as: str | None = None

    @property
    def since(self) -> float:
        """When this run was queued: the first one with the job's creation."""
        return max(self.created, self.queued)

    @property
    def end_known(self) -> float:
        """When the API gets to know the EndTime."""
        return self.ended + self.end_delay

    def runs(self) -> Iterator[Self]:
        """Go through this run and those before it, the newest first."""
        run: Self | None = self
        while run is not None:
            yield run
            run = run.previous

    def run_at(self, time: float) -> Self:
        """Return the run that a time falls into, the first one for a time before all."""
        run = self
        while run.previous is not None and time < run.since:
            run = run.previous
        return run

    def state_at(self, time: float) -> State | None:
        """Tell the job's state, None while the API does not know the job; UNKNOWN is one that nobody documents."""
        run = self.run_at(time)
        if not run.since <= time < run.removed or run.hidden[0] <= time < run.hidden[1]:
            return None
        if time < run.begun:
            return State.PENDING if run.waits_as is None else State.UNKNOWN
        return State.RUNNING if time < run.ended else run.outcome

    def next_change(self, time: float) -> float:
        """Tell when the state or the EndTime next changes after ``time``."""
        if time >= self.removed:
            return math.inf
        return min(moment for run in self.runs() for moment in _changes(run) if moment > time)

    def again(
        self,
        *,
        queued: float,
        begun: float,
        ended: float = math.inf,
        removed: float = math.inf,
        outcome: State = State.SUCCESS,
        failed_tasks: int = 0,
    ) -> Self:
        """Run the job again under its id; ``ValueError`` unless it has ended and is still known when it is queued."""
        if not self.ended <= queued < self.removed:
            raise ValueError(f"job {self.job_id} cannot be run again at {queued}: it has not ended, or is gone")
        return replace(
            self,
            previous=self,
            queued=queued,
            begun=begun,
            ended=ended,
            removed=removed,
            outcome=outcome,
            failed_tasks=failed_tasks,
        )


def _changes(run: SimulatedJob) -> tuple[float, ...]:
    return run.since, run.begun, run.ended, run.end_known, *run.hidden, run.removed
