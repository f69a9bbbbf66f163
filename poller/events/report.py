"""From what was seen of a job to the record that tells it."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from msgspec import UNSET, UnsetType

from poller.events.identity import event_id
from poller.events.record import (
    SCHEMA_VERSION,
    FailedTask,
    JobEvent,
    JobFinished,
    JobUnresolved,
    Level,
    TaskCounts,
    TaskOutput,
    TerminalState,
)
from poller.models import Completion, Job, News, State, Target, Task, Unresolved

_TERMINAL: Final[dict[State, tuple[TerminalState, Level]]] = {
    State.SUCCESS: ("SUCCESS", "info"),
    State.FAILED: ("FAILED", "warning"),
    State.PARTIAL_SUCCESS: ("PARTIAL_SUCCESS", "warning"),
}


def compose(target: Target, news: News, *, execute_messages: bool) -> JobEvent:
    """Make the record of either kind of news. ``execute_messages`` includes tasks' command output."""
    if isinstance(news, Completion):
        return finished(target, news, execute_messages=execute_messages)
    return unresolved(target, news)


def finished(target: Target, completion: Completion, *, execute_messages: bool) -> JobFinished:
    """Make the record of a completion. ``execute_messages`` includes tasks' command output."""
    job = completion.job
    state, level = _TERMINAL[job.state]
    tasks = job.tasks or []
    counts = _count(tasks)
    failed = _failed_tasks(tasks, execute_messages=execute_messages) if counts.failed else []
    uphone_ids = _uphone_ids(job)
    created, begun, ended = job.create_time, job.begin_time, job.end_time
    queue_seconds, run_seconds = _between(created, begun), _between(begun, ended)
    detection_seconds = None if ended is None else max(0.0, round(completion.seen_at - ended, 3))
    # By position, in the record's order: among so many names msgspec searches longer than it takes to make the id.
    return JobFinished(
        _timestamp(completion.seen_at),
        level,
        "job.finished",
        event_id(target, job.job_id, state, ended),
        SCHEMA_VERSION,
        _tell(job, state, run_seconds, counts),
        job.job_id,
        job.job_type or None,
        state,
        completion.previous_state,
        target.project_id,
        target.region,
        target.city_id,
        target.product_type,
        _moment(created),
        _moment(begun),
        _moment(ended),
        queue_seconds,
        run_seconds,
        detection_seconds,
        job.app_version_id or None,
        len(uphone_ids),
        uphone_ids,
        counts,
        failed[0].error_message if failed else None,
        failed,
        truncated=False,
        execute_messages=_outputs(tasks) if execute_messages else UNSET,
    )


def unresolved(target: Target, news: Unresolved) -> JobUnresolved:
    """Make the record of a job that the API no longer knows. Nothing is known of its phones and tasks."""
    run = news.create_time if news.begin_time is None else news.begin_time
    return JobUnresolved(
        timestamp=_timestamp(news.seen_at),
        level="warning",
        event_name="job.unresolved",
        event_id=event_id(target, news.job_id, None, run),
        schema_version=SCHEMA_VERSION,
        message=f"{_title(news.job_type, news.job_id)} is no longer known to the API, last seen {news.previous_state}",
        job_id=news.job_id,
        job_type=news.job_type or None,
        state=None,
        previous_state=news.previous_state,
        project_id=target.project_id,
        region=target.region,
        city_id=target.city_id,
        product_type=target.product_type,
        create_time=_moment(news.create_time),
        begin_time=_moment(news.begin_time),
        end_time=None,
        queue_seconds=_between(news.create_time, news.begin_time),
        run_seconds=None,
        detection_seconds=None,
        app_version_id=None,
        uphone_count=None,
        uphone_ids=[],
        tasks=None,
        error_message=None,
        failed_tasks=[],
        truncated=False,
        reason="not_returned",
    )


def _title(job_type: str, job_id: str) -> str:
    return f"{job_type} job {job_id}" if job_type else f"Job {job_id}"


def _tell(job: Job, state: TerminalState, run_seconds: int | None, tasks: TaskCounts) -> str:
    duration = "" if run_seconds is None else f" after {run_seconds} s"
    failures = f": {tasks.failed} of {tasks.total} task{'s' if tasks.total > 1 else ''} failed" if tasks.failed else ""
    return f"{_title(job.job_type, job.job_id)} {state}{duration}{failures}"


def _count(tasks: list[Task]) -> TaskCounts:
    states = [task.state for task in tasks]
    success, failed = states.count(State.SUCCESS), states.count(State.FAILED)
    return TaskCounts(total=len(states), success=success, failed=failed, other=len(states) - success - failed)


def _uphone_ids(job: Job) -> list[str]:
    if job.uphone_ids:
        return job.uphone_ids
    return list(dict.fromkeys(task.uphone_id for task in job.tasks or () if task.uphone_id))


def _failed_tasks(tasks: list[Task], *, execute_messages: bool) -> list[FailedTask]:
    return [_failed_task(task, execute_messages=execute_messages) for task in tasks if task.state is State.FAILED]


def _failed_task(task: Task, *, execute_messages: bool) -> FailedTask:
    output: str | UnsetType | None = (task.execute_message or None) if execute_messages else UNSET
    return FailedTask(
        task_id=task.task_id,
        uphone_id=task.uphone_id,
        server_id=task.server_id,
        state=task.state,
        error_message=task.error_message or None,
        execute_message=output,
    )


def _outputs(tasks: list[Task]) -> list[TaskOutput]:
    return [
        TaskOutput(task.task_id, task.uphone_id, task.server_id, task.state, task.execute_message)
        for task in tasks
        if task.execute_message and task.state is not State.FAILED
    ]


# Those of a page were seen together, and ended close to each other.
@lru_cache(maxsize=4)
def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=256)
def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _between(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else max(0, end - start)
