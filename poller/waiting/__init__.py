"""Waits for jobs, and lists them: what a person or a script asks once, where the daemon goes on for ever."""

from poller.waiting.api import Places, find_places, open_api
from poller.waiting.ids import job_ids
from poller.waiting.jobs import Found, Listed, Wanted, list_jobs
from poller.waiting.progress import Progress
from poller.waiting.rows import JobRow, encode_row, row_of
from poller.waiting.schedule import pause
from poller.waiting.wait import Open, Result, Wait

__all__ = [
    "Found",
    "JobRow",
    "Listed",
    "Open",
    "Places",
    "Progress",
    "Result",
    "Wait",
    "Wanted",
    "encode_row",
    "find_places",
    "job_ids",
    "list_jobs",
    "open_api",
    "pause",
    "row_of",
]
