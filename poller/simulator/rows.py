"""Writes jobs as the rows of ``DescribeUPhoneJob``, in each of the shapes that the vendor's API may give them."""

import json
import math
from typing import Final, NamedTuple

from poller.models import State
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import NoItems, Number, Options, Unset

Row = dict[str, object]

# Not msgspec: a scripted lone surrogate must come out as the escape that real APIs send.
encode: Final = json.JSONEncoder(separators=(",", ":")).encode

_ERRORS = ("not enough space on the device", "device is offline", "task timed out", "adb: connection refused")
_UNSET = {Unset.ZERO: 0, Unset.EMPTY: "", Unset.NULL: None}
_NO_ITEMS: dict[NoItems, list[Row] | None] = {NoItems.EMPTY: [], NoItems.NULL: None}
_MOST_WRITTEN = 4096

BAD_ROWS: Final = tuple(
    encode(row)
    for row in (
        {"State": "RUNNING", "JobType": "INSTALL_APP", "CreateTime": 1_700_000_000},
        {"JobId": "", "State": "SUCCESS", "JobType": "INSTALL_APP"},
        {"JobId": None, "State": "PENDING"},
        {"JobId": 7, "State": "RUNNING"},
        {"JobId": "j" * 300, "State": "SUCCESS", "JobType": "INSTALL_APP", "EndTime": 1_700_000_000},
        {},
        None,
        "uj-0",
        ["uj-0"],
        300,
    )
)
"""Rows that tell of no job, as JSON: none has an id that a client can use."""


def integer(value: int, form: Number) -> int | str:
    """Write a number in one of the two ways in which they have been seen."""
    return value if form is Number.INTEGER else str(value)


class _Written(NamedTuple):
    """A row as it is from one time to another."""

    job: SimulatedJob
    since: float
    until: float
    text: str


class RowWriter:
    """Writes rows in the shapes that the options ask for, and remembers those that it has written of late."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._written: dict[str, _Written] = {}

    def job(self, job: SimulatedJob, at: float) -> str:
        """Write a run, as it is at a time at which the API knows it, as JSON."""
        written = self._written.get(job.job_id)
        if written is None or written.job is not job or not written.since <= at < written.until:
            if len(self._written) >= _MOST_WRITTEN:
                self._written.clear()
            written = _Written(job, at, _unchanged_until(job, at), encode(self._job(job, at)))
            self._written[job.job_id] = written
        return written.text

    def array(self, rows: list[str]) -> str | None:
        """Write the list of an answer as JSON, None if the answer goes without."""
        if rows:
            return f"[{','.join(rows)}]"
        no_items = self._options.no_items
        return None if no_items is NoItems.ABSENT else encode(_NO_ITEMS[no_items])

    def _job(self, job: SimulatedJob, at: float) -> Row:
        state = job.state_at(at)
        row: Row = {
            "JobId": job.job_id,
            "State": job.waits_as if state is State.UNKNOWN else state,
            "JobType": job.job_type,
        }
        shown = at if job.shows_times else -math.inf
        self._put_time(row, "CreateTime", job.created, come=job.created <= shown)
        self._put_time(row, "BeginTime", job.begun, come=job.begun <= shown)
        self._put_time(row, "EndTime", job.ended, come=job.shows_end and job.end_known <= shown)
        self._put_list(row, "Tasks", self._tasks(job, at) if job.begun <= at else [])
        self._put_list(row, "UPhoneIds", job.uphone_ids)
        if job.app_version_id is not None:
            row["AppVersionId"] = job.app_version_id
        return row

    def _put_list(self, row: Row, name: str, items: list[Row] | tuple[str, ...]) -> None:
        if items:
            row[name] = items
        elif self._options.no_items is not NoItems.ABSENT:
            row[name] = _NO_ITEMS[self._options.no_items]

    def _put_time(self, row: Row, name: str, time: float, *, come: bool) -> None:
        if come:
            row[name] = integer(int(time), self._options.times)
        elif self._options.unset_times is not Unset.ABSENT:
            row[name] = _UNSET[self._options.unset_times]

    def _tasks(self, job: SimulatedJob, at: float) -> list[Row]:
        return [self._task(job, index, ended, at) for index, ended in enumerate(_task_ends(job))]

    def _task(self, job: SimulatedJob, index: int, ended: float, at: float) -> Row:
        fails = index >= len(job.uphone_ids) - job.failed_tasks
        over = ended <= at
        row: Row = {
            "TaskId": f"{job.job_id}-{index}",
            "State": (State.FAILED if fails else State.SUCCESS) if over else State.RUNNING,
            "UPhoneId": job.uphone_ids[index],
            "ErrorMsg": (job.error_message or _ERRORS[(job.number + index) % len(_ERRORS)]) if over and fails else "",
        }
        self._put_time(row, "BeginTime", job.begun, come=True)
        self._put_time(row, "EndTime", ended, come=over)
        _put_details(row, job, over=over)
        return row


def _task_ends(job: SimulatedJob) -> list[float]:
    """Tell when tasks end: they begin together and end one after the other, the last with the job."""
    count = len(job.uphone_ids)
    return [job.begun + (job.ended - job.begun) * nth / count for nth in range(1, count)] + [job.ended]


def _unchanged_until(job: SimulatedJob, at: float) -> float:
    moments = (job.begun, job.end_known, *_task_ends(job), job.removed)
    return min(moment for moment in moments if moment > at)


def _put_details(row: Row, job: SimulatedJob, *, over: bool) -> None:
    if job.job_type == "RUN_ASYNC_COMMAND" and over:
        row["ExecuteMsg"] = f"$ uptime\n up {job.number} min, load average: 0.42\n"
    if job.job_type == "CREATE_SERVER_AND_UPHONE":
        row["ServerId"] = f"server-{job.job_id}"
    if job.app_version_id is not None:
        row["AppVersionId"] = job.app_version_id
