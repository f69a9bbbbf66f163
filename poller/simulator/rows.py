"""Writes jobs as the rows of ``DescribeUPhoneJob``, in each of the shapes that the vendor's API may give them."""

from poller.models import State
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import NoItems, Number, Options, Unset

Row = dict[str, object]

_ERRORS = ("not enough space on the device", "device is offline", "task timed out", "adb: connection refused")
_UNSET = {Unset.ZERO: 0, Unset.EMPTY: "", Unset.NULL: None}
_NO_ITEMS: dict[NoItems, list[Row] | None] = {NoItems.EMPTY: [], NoItems.NULL: None}


class RowWriter:
    """Writes rows in the shapes that the options ask for."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def job(self, job: SimulatedJob, at: float) -> Row:
        """Write a job as it is at a time at which the API knows it."""
        state = job.state_at(at)
        row: Row = {"JobId": job.job_id, "State": state, "JobType": job.job_type}
        self._put_times(row, at, CreateTime=job.created, BeginTime=job.begun, EndTime=job.ended)
        self.put_list(row, "Tasks", [] if state is State.PENDING else self._tasks(job, at))
        self.put_list(row, "UPhoneIds", job.uphone_ids)
        if job.app_version_id is not None:
            row["AppVersionId"] = job.app_version_id
        return row

    def put_list(self, row: Row, name: str, items: list[Row] | tuple[str, ...]) -> None:
        """Add a list to a row or an answer."""
        if items:
            row[name] = items
        elif self._options.no_items is not NoItems.ABSENT:
            row[name] = _NO_ITEMS[self._options.no_items]

    def integer(self, value: int, form: Number) -> int | str:
        """Write a number in one of the two ways in which they have been seen."""
        return value if form is Number.INTEGER else str(value)

    def _put_times(self, row: Row, at: float, **times: float) -> None:
        for name, time in times.items():
            if time <= at:
                row[name] = self.integer(int(time), self._options.times)
            elif self._options.unset_times is not Unset.ABSENT:
                row[name] = _UNSET[self._options.unset_times]

    def _tasks(self, job: SimulatedJob, at: float) -> list[Row]:
        return [self._task(job, index, at) for index in range(len(job.uphone_ids))]

    def _task(self, job: SimulatedJob, index: int, at: float) -> Row:
        """Write a task; the tasks of a job begin together and end one after the other."""
        count = len(job.uphone_ids)
        ended = job.ended if index == count - 1 else job.begun + (job.ended - job.begun) * (index + 1) / count
        fails = index >= count - job.failed_tasks
        over = ended <= at
        row: Row = {
            "TaskId": f"{job.job_id}-{index}",
            "State": (State.FAILED if fails else State.SUCCESS) if over else State.RUNNING,
            "UPhoneId": job.uphone_ids[index],
            "ErrorMsg": (job.error_message or _ERRORS[(job.number + index) % len(_ERRORS)]) if over and fails else "",
        }
        self._put_times(row, at, BeginTime=job.begun, EndTime=ended)
        _put_details(row, job, over=over)
        return row


def _put_details(row: Row, job: SimulatedJob, *, over: bool) -> None:
    if job.job_type == "RUN_ASYNC_COMMAND" and over:
        row["ExecuteMsg"] = f"$ uptime\n up {job.number} min, load average: 0.42\n"
    if job.job_type == "CREATE_SERVER_AND_UPHONE":
        row["ServerId"] = f"server-{job.job_id}"
    if job.app_version_id is not None:
        row["AppVersionId"] = job.app_version_id
