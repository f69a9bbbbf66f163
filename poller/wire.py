"""The protocol as pure functions: a query becomes a signed form; status, headers and body become a page or an error.

Source: the vendor's page ``DescribeUPhoneJob``. Where the sources contradict each other, none is believed: every shape
that has been documented or seen is read.
"""

import json
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from poller.errors import (
    ApiError,
    FixCredentials,
    FixPermission,
    FixRequest,
    Malformed,
    RetryLater,
    SlowDown,
)
from poller.lifecycle import TERMINAL
from poller.models import MAX_JOB_ID_BYTES, Job, Page, Query, RawTime, Sighting, State, Task
from poller.signature import Credentials, sign

ACTION: Final = "DescribeUPhoneJob"

_MESSAGE_LENGTH = 300
_STATES_NAMED = 8
_LARGEST = 2**53 - 1  # past it a number is no code and no count, and a float cannot hold it


class Reply(Struct, frozen=True):
    """What came back over HTTP: ``retry_after`` in seconds, ``request_id`` from ``X-UCLOUD-REQUEST-UUID``.

    ``signed_with`` is what the request was signed with, which an answer that quotes the request must not show.
    """

    status: int
    body: bytes
    request_id: str | None = None
    retry_after: float | None = None
    signed_with: Credentials | None = None


def form(query: Query, credentials: Credentials) -> bytes:
    """Write the signed body of a form POST (``application/x-www-form-urlencoded``)."""
    target = query.target
    params = {
        "Action": ACTION,
        "PublicKey": credentials.public_key,
        "ProductType": target.product_type,
        "Offset": str(query.offset),
        "Limit": str(query.limit),
    }
    optional = {
        "ProjectId": target.project_id,
        "Region": target.region,
        "CityId": target.city_id,
        "State": query.state,
        "SecurityToken": credentials.security_token,
    }
    params |= {name: value for name, value in optional.items() if value is not None}
    # A look-up wants the job whatever its type has become; the filter belongs to listings.
    listed = ("Types", target.job_types) if not query.job_ids else ("JobIds", query.job_ids)
    params |= {f"{listed[0]}.{index}": value for index, value in enumerate(listed[1])}
    params["Signature"] = sign(params, credentials.private_key)
    return urlencode(params).encode()


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
    _check_status(reply)
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
    _check_ret_code(answer.ret_code, answer.message, reply)
    jobs = answer.jobs or []
    # Four bytes a character at most: only a long id needs its bytes counted.
    if any(len(job.job_id) > MAX_JOB_ID_BYTES // 4 and not _usable_id(job.job_id) for job in jobs):
        return None
    return Page(jobs=jobs, received=len(jobs), total_count=_count(answer.total_count))


def _salvage(reply: Reply) -> Page:
    """Read a page row by row and field by field: what cannot be read costs itself, not its neighbours."""
    try:
        # A byte that is not UTF-8 becomes a lone surrogate, so that an id it stands in is known to be broken.
        text = reply.body.decode("utf-8", "surrogateescape")
        answer = json.loads(text, strict=False, parse_int=_whole)
    except (ValueError, RecursionError):
        raise _malformed(reply, "the answer is not JSON") from None
    if not isinstance(answer, dict) or "RetCode" not in answer:
        raise _malformed(reply, "the answer is not a UCloud response")
    _check_ret_code(answer["RetCode"], answer.get("Message"), reply)
    rows = answer.get("Jobs") or []
    if not isinstance(rows, list):
        raise _malformed(reply, "Jobs is not a list")
    jobs = [job for job in map(_salvage_job, rows) if job is not None]
    return Page(
        jobs=jobs,
        received=len(rows),
        skipped=len(rows) - len(jobs),
        total_count=_count(answer.get("TotalCount")),
        unlisted_states=_unlisted(rows),
    )


def _salvage_job(row: object) -> Job | None:
    if not isinstance(row, dict) or not _usable_id(row.get("JobId")):
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


def _usable_id(value: object) -> bool:
    """Tell whether a job can be asked for, and told of, by this id."""
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(value.encode()) <= MAX_JOB_ID_BYTES
    except UnicodeEncodeError:
        return False


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


def _whole(value: object) -> int | None:
    """Read a whole number, which may come as a string; None where it is none, or too large to mean anything."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if abs(number) <= _LARGEST else None


def _count(value: object) -> int | None:
    count = _whole(value)
    return None if count is None or count < 0 else count


_REMEDIES: Final[dict[int, tuple[type[ApiError], str]]] = {
    110: (RetryLater, "the API timed out"),
    130: (RetryLater, "the gateway or its authentication service is broken"),
    150: (RetryLater, "the service is unavailable"),
    153: (SlowDown, "throttled"),
    160: (FixRequest, "the Action is missing"),
    161: (FixRequest, "the Action is unknown: check UCLOUD_API_BASE_URL"),
    170: (FixCredentials, "the signature is missing"),
    171: (FixCredentials, "the signature is wrong: check UCLOUD_PRIVATE_KEY"),
    172: (FixCredentials, "no such user: check UCLOUD_PUBLIC_KEY"),
    174: (FixCredentials, "no such token: check UCLOUD_SECURITY_TOKEN, it may have expired"),
    230: (FixRequest, "a parameter is refused"),
    292: (FixPermission, "no such project: check UCLOUD_PROJECT_ID"),
    293: (FixPermission, "no permission for this zone: check UCLOUD_REGION and POLLER_CITY_IDS"),
    294: (FixPermission, "this IP address is not allowed: check the key's IP policy"),
    295: (FixCredentials, "the key is locked for security: unlock it in the console"),
    299: (FixPermission, "IAM permission is missing: the key needs DescribeUPhoneJob"),
}
"""What RetCodes mean (the gateway's list); 2000 and up come from the product behind it and may pass."""


def _check_ret_code(raw: object, message: object, reply: Reply) -> None:
    code = _whole(raw)
    if code is None:
        raise _malformed(reply, "RetCode is not a number")
    if code == 0:
        return
    # A code nobody documented is not proof that a person must act, so it is asked again.
    remedy, meaning = _REMEDIES.get(code, (RetryLater, "the API refused"))
    said = f": {_quote(message, reply)}" if isinstance(message, str) and message else ""
    problem = f"RetCode {code}, {meaning}{said}"
    if issubclass(remedy, RetryLater):
        raise remedy(str(code), problem, request_id=reply.request_id, retry_after=reply.retry_after)
    raise remedy(str(code), problem, request_id=reply.request_id)


def _quote(message: str, reply: Reply) -> str:
    return line(message if reply.signed_with is None else reply.signed_with.redact(message))


def _check_status(reply: Reply) -> None:
    status, code = reply.status, f"http_{reply.status}"
    if status == 200:
        return
    if status == 429:
        raise SlowDown(code, "HTTP 429, throttled", request_id=reply.request_id, retry_after=reply.retry_after)
    if status >= 500 or status == 408:
        raise RetryLater(code, f"HTTP {status}", request_id=reply.request_id, retry_after=reply.retry_after)
    raise FixRequest(code, f"HTTP {status}: check UCLOUD_API_BASE_URL", request_id=reply.request_id)


def _malformed(reply: Reply, problem: str) -> Malformed:
    return Malformed("malformed", f"{problem} ({len(reply.body)} bytes)", request_id=reply.request_id)


def line(text: str) -> str:
    """Make a foreign text fit to stand in one line of ours: no control characters, no more than 300 characters."""
    shown = "".join(char if char.isprintable() else " " for char in text[:_MESSAGE_LENGTH])
    return shown if len(text) <= _MESSAGE_LENGTH else f"{shown}…"
