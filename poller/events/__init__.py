"""The public event record: what is said of a completion, under which id, and how it becomes a line."""

from poller.events.identity import event_id
from poller.events.line import MAX_LINE_BYTES, encode
from poller.events.record import FailedTask, JobEvent, JobFinished, JobUnresolved, TaskCounts, TaskOutput, schema
from poller.events.report import compose, finished, unresolved

__all__ = [
    "MAX_LINE_BYTES",
    "FailedTask",
    "JobEvent",
    "JobFinished",
    "JobUnresolved",
    "TaskCounts",
    "TaskOutput",
    "compose",
    "encode",
    "event_id",
    "finished",
    "schema",
    "unresolved",
]
