"""The fields of an event line, in their order, each beside its description: the JSON Schema is made of these."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from poller.models import State

SCHEMA_VERSION: Final = 1

Level = Literal["info", "warning"]
TerminalState = Literal["SUCCESS", "FAILED", "PARTIAL_SUCCESS"]

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[int, Meta(ge=0)]

TIMESTAMP_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"


class TaskCounts(Struct, frozen=True, gc=False):
    """How the job's tasks ended, over all of them, whatever was cut from the lists."""

    total: Count
    success: Count
    failed: Count
    other: Annotated[int, Meta(ge=0, description="Tasks in any other state.")]


class FailedTask(Struct, frozen=True, gc=False):
    """A task that failed. Its output is there only if POLLER_EXECUTE_MESSAGES is on."""

    task_id: str | None
    uphone_id: str | None
    server_id: str | None
    state: State
    error_message: str | None
    execute_message: str | UnsetType | None = UNSET


class TaskOutput(Struct, frozen=True, gc=False):
    """The output of a task that did not fail."""

    task_id: str | None
    uphone_id: str | None
    server_id: str | None
    state: State
    execute_message: str


class JobEvent(Struct, frozen=True, gc=False):
    """What both kinds of events have."""

    timestamp: Annotated[
        str,
        Meta(
            pattern=TIMESTAMP_PATTERN,
            description="When this was first seen: RFC 3339, UTC, milliseconds.",
            extra_json_schema={"format": "date-time"},
        ),
    ]
    level: Annotated[Level, Meta(description="info for SUCCESS, warning for the rest. Route on state, not on level.")]
    event_name: Literal["job.finished", "job.unresolved"]
    event_id: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{32}$",
            description="The same for the same completion, after any restart.",
        ),
    ]
    schema_version: Annotated[Literal[1], Meta(description="Changes only when a field changes its meaning or goes.")]
    message: Annotated[str, Meta(description="One line for people.")]
    job_id: Annotated[str, Meta(min_length=1, description="Never cut.")]
    job_type: Annotated[str | None, Meta(description="As the API gives it: an open set.")]
    state: TerminalState | None
    previous_state: Annotated[
        State | None, Meta(description="The last state seen before; null for a job never seen active.")
    ]
    project_id: Annotated[str | None, Meta(description="As configured; so are region, city and product type.")]
    region: str | None
    city_id: str | None
    product_type: str
    create_time: Annotated[datetime | None, Meta(description="Null where the API did not say; so for every time.")]
    begin_time: datetime | None
    end_time: datetime | None
    queue_seconds: Annotated[Seconds | None, Meta(description="From creation to begin.")]
    run_seconds: Annotated[Seconds | None, Meta(description="From begin to end.")]
    detection_seconds: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="From the job's end to timestamp.")
    ]
    app_version_id: str | None
    uphone_count: Annotated[
        Count | None,
        Meta(description="The job's phones, whatever was cut from uphone_ids; null for an unresolved job."),
    ]
    uphone_ids: Annotated[list[str], Meta(description="The job's, or where the API names none, its tasks'.")]
    tasks: Annotated[TaskCounts | None, Meta(description="Null for an unresolved job.")]
    error_message: Annotated[str | None, Meta(description="The first failed task's.")]
    failed_tasks: list[FailedTask]
    truncated: Annotated[bool, Meta(description="Whether texts or lists were cut to keep the line within 16384 bytes.")]


class JobFinished(JobEvent, frozen=True, gc=False):
    """A job's run was seen in a terminal state."""

    event_name: Literal["job.finished"]
    state: TerminalState
    uphone_count: Count
    tasks: TaskCounts
    execute_messages: Annotated[
        list[TaskOutput] | UnsetType,
        Meta(description="Output of tasks that did not fail, if POLLER_EXECUTE_MESSAGES is on; may hold secrets."),
    ] = UNSET


class JobUnresolved(JobEvent, frozen=True, gc=False):
    """A job that was active is no longer known to the API; how it ended cannot be known."""

    level: Literal["warning"]
    event_name: Literal["job.unresolved"]
    state: None
    reason: Annotated[Literal["not_returned"], Meta(description="The API no longer returns the job.")]


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an event line, either kind."""
    kinds, definitions = msgspec.json.schema_components((JobFinished, JobUnresolved), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "UPhone job event",
        "description": "One line of the event stream, version 1. Fields may be added: ignore what you don't know.",
        "oneOf": list(kinds),
        "$defs": definitions,
    }
