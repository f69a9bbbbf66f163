"""``DescribeUPhoneJob``: a query becomes a signed form, an answer a page."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from poller.lifecycle import TERMINAL
from poller.models import MAX_JOB_ID_BYTES, Job, Page, Query, RawTime, Sighting, State, Target, Task
from poller.signature import Credentials
from poller.wire.envelope import Reply, check_ret_code, check_status, line, rows_of, salvage, usable_id, whole
from poller.wire.forms import PageForm

ACTION: Final = "DescribeUPhoneJob"

_STATES_NAMED = 8


def form(query: Query, credentials: Credentials) -> bytes:
    """Write the signed body of a form POST (``application/x-www-form-urlencoded``)."""
    if not query.job_ids:
        return _listing(query.target, query.state, credentials).page(query)
    # A look-up wants the job whatever its type has become; the filter belongs to listings.
    return _page_form(query.target, query.state, {"JobIds": query.job_ids}, credentials).page(query)


@lru_cache(maxsize=32)
def _listing(target: Target, state: State | None, credentials: Credentials) -> PageForm:
    return _page_form(target, state, {"Types": target.job_types}, credentials)


def _page_form(
    target: Target, state: State | None, lists: Mapping[str, Iterable[str]], credentials: Credentials
) -> PageForm:
    optional = {"CityId": target.city_id, "State": state}
    params = {"Action": ACTION} | {name: value for name, value in optional.items() if value is not None}
    for name, values in lists.items():
        params |= {f"{name}.{index}": value for index, value in enumerate(values)}
    return PageForm(params, target, credentials)


class _Envelope(Struct, rename="pascal"):
    ret_code: int | str
    message: str | None = None
    total_count: int | str | None = None


class _Slim(_Envelope, rename="pascal"):
    jobs: list[Sighting] | None = None


class _Full(_Envelope, rename="pascal"):
    jobs: list[Job] | None = None


_decode_slim: Final[Callable[[bytes], _Slim]] = msgspec.json.Decoder(_Slim).decode
_decode_full: Final[Callable[[bytes], _Full]] = msgspec.json.Decoder(_Full).decode


def read_page(reply: Reply, *, tasks: bool) -> Page:
    """Read an answer of ``DescribeUPhoneJob``, or raise the `ApiError` that names its remedy.

    Without ``tasks`` the rows are `Sighting` objects, which cost half as much to decode; a page with a job that has
    ended, or is in a state we do not know, is read with all that it tells all the same.
    """
    check_status(reply)
    page = _read(reply, _decode_full if tasks else _decode_slim)
    if page is None:
        return _salvage(reply)
    states = {job.state for job in page.jobs}
    if State.UNKNOWN in states:
        return _salvage(reply)
    if not tasks and not TERMINAL.isdisjoint(states):
        return _read(reply, _decode_full) or _salvage(reply)
    return page


def _read(reply: Reply, decode: Callable[[bytes], _Slim | _Full]) -> Page | None:
    try:
        answer = decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    check_ret_code(answer.ret_code, answer.message, reply)
    jobs = answer.jobs or []
    ids = [job.job_id for job in jobs]
    # Four bytes a character at most: only a long id needs its bytes counted.
    if max(map(len, ids), default=0) > MAX_JOB_ID_BYTES // 4 and not all(map(usable_id, ids)):
        return None
    return Page(jobs=jobs, received=len(jobs), total_count=_count(answer.total_count), date=reply.date)


def _salvage(reply: Reply) -> Page:
    """Read a page row by row and field by field: what cannot be read costs itself, not its neighbours."""
    answer = salvage(reply)
    rows = rows_of(answer, "Jobs", reply)
    jobs = [job for job in map(_salvage_job, rows) if job is not None]
    return Page(
        jobs=jobs,
        received=len(rows),
        skipped=len(rows) - len(jobs),
        total_count=_count(answer.get("TotalCount")),
        unlisted_states=_unlisted(rows),
        date=reply.date,
    )


def _salvage_job(row: object) -> Job | None:
    if not isinstance(row, dict) or not usable_id(row.get("JobId")):
        return None
    return Job(
        job_id=row["JobId"],
        state=State(_text(row.get("State")) or State.UNKNOWN),
        job_type=_text(row.get("JobType")) or "",
        created=_time(row.get("CreateTime")),
        begun=_time(row.get("BeginTime")),
        ended=_time(row.get("EndTime")),
        tasks=_salvage_tasks(row.get("Tasks")),
        app_version_id=_text(row.get("AppVersionId")),
        uphone_ids=_texts(row.get("UPhoneIds")),
    )


def _salvage_tasks(value: object) -> list[Task] | None:
    if not isinstance(value, list):
        return None
    return [_salvage_task(row) for row in value if isinstance(row, dict)]


def _salvage_task(row: dict[str, object]) -> Task:
    return Task(
        task_id=_text(row.get("TaskId")),
        state=State(_text(row.get("State")) or State.UNKNOWN),
        uphone_id=_text(row.get("UPhoneId")),
        server_id=_text(row.get("ServerId")),
        error_message=_text(row.get("ErrorMsg")),
        execute_message=_text(row.get("ExecuteMsg")),
    )


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [text for text in map(_text, value) if text is not None]


def _time(value: object) -> RawTime:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else None


def _unlisted(rows: Iterable[object]) -> tuple[str, ...]:
    said = {row.get("State") for row in rows if isinstance(row, dict) and isinstance(row.get("State"), str)}
    return tuple(sorted({line(state) for state in said if state and State(state) is State.UNKNOWN})[:_STATES_NAMED])


def _count(value: object) -> int | None:
    count = whole(value)
    return None if count is None or count < 0 else count
