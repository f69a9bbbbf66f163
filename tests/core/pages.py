"""Answers of the API, written as a server writes them and read as the poller reads them."""

import json
from typing import Any

from poller.models import Job, Page
from poller.wire import Reply, read_page


def read(body: bytes | str, *, tasks: bool = True) -> Page:
    """Read a body that came with HTTP 200."""
    return read_page(Reply(200, body if isinstance(body, bytes) else body.encode()), tasks=tasks)


def answer(*rows: object, tasks: bool = True, **fields: object) -> Page:
    """Read an answer with these rows."""
    return read(json.dumps({"RetCode": 0, "Jobs": list(rows), **fields}), tasks=tasks)


def row(**fields: object) -> dict[str, Any]:
    """Make a row of a running job."""
    return {"JobId": "uj-1", "State": "RUNNING", **fields}


def only(page: Page) -> Job:
    """Return the one job of a page that was read in full."""
    (job,) = page.jobs
    assert isinstance(job, Job)
    return job
