"""The truth about one simulated job: its whole story, from which its state at any time follows."""

import math
from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedJob:
    """One job. Times are Unix seconds with their fractions; ``math.inf`` is never.

    The job is PENDING from ``created``, RUNNING from ``begun``, in its ``outcome`` from ``ended``, and no longer known
    to the API from ``removed``. It has a task for each phone, the last ``failed_tasks`` of which fail, with
    ``error_message`` where one is given. ``number`` is the order of arrival among jobs of the same second.
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

    def state_at(self, time: float) -> State | None:
        """Tell the job's state, None while the API does not know the job."""
        if not self.created <= time < self.removed:
            return None
        if time < self.begun:
            return State.PENDING
        return State.RUNNING if time < self.ended else self.outcome

    def next_change(self, time: float) -> float:
        """Tell when the state next changes after ``time``."""
        if time >= self.removed:
            return math.inf
        return min(moment for moment in (self.created, self.begun, self.ended, self.removed) if moment > time)
