"""One job as a line of JSON: the fields of the event line that make sense of a job in any state."""

import json
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from poller.events import FailedTask, TaskCounts
from poller.models import Job, Sighting, State, Target


class JobRow(Struct, frozen=True, kw_only=True):
    """A job as it was seen. Every field has the name, unit and meaning that it has in the event line.

    ``state`` is any of the five, or UNKNOWN. ``tasks`` is None where they were not told.
    """

    job_id: str
    job_type: str | None
    state: State
    project_id: str | None
    region: str | None
    city_id: str | None
    product_type: str
    create_time: datetime | None
    begin_time: datetime | None
    end_time: datetime | None
    queue_seconds: int | None
    run_seconds: int | None
    app_version_id: str | None
    uphone_ids: list[str]
    tasks: TaskCounts | None
    error_message: str | None
    failed_tasks: list[FailedTask]


def row_of(target: Target, job: Sighting) -> JobRow:
    """Make the row of a job; a `Sighting` that is no `Job` tells nothing of phones and tasks."""
    tasks = (job.tasks or []) if isinstance(job, Job) else []
    failed = [task for task in tasks if task.state is State.FAILED]
    success = sum(task.state is State.SUCCESS for task in tasks)
    return JobRow(
        job_id=job.job_id,
        job_type=job.job_type or None,
        state=job.state,
        project_id=target.project_id,
        region=target.region,
        city_id=target.city_id,
        product_type=target.product_type,
        create_time=_moment(job.create_time),
        begin_time=_moment(job.begin_time),
        end_time=_moment(job.end_time),
        queue_seconds=_between(job.create_time, job.begin_time),
        run_seconds=_between(job.begin_time, job.end_time),
        app_version_id=(job.app_version_id or None) if isinstance(job, Job) else None,
        uphone_ids=(job.uphone_ids or []) if isinstance(job, Job) else [],
        tasks=TaskCounts(len(tasks), success, len(failed), len(tasks) - success - len(failed)) if tasks else None,
        error_message=failed[0].error_message or None if failed else None,
        failed_tasks=[
            FailedTask(task.task_id, task.uphone_id, task.server_id, task.state, task.error_message or None)
            for task in failed
        ],
    )


def encode_row(row: JobRow) -> str:
    """Encode a row as one line of JSON, in ASCII: whatever the texts hold, no terminal and no reader trips over it."""
    return json.dumps(msgspec.to_builtins(row), separators=(",", ":"))


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)
