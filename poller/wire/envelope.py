"""What the answers of all actions have in common: what stands around the rows, and what its codes mean."""

import json
from collections.abc import Mapping
from typing import Any, Final

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
from poller.models import MAX_JOB_ID_BYTES
from poller.signature import Credentials

_MESSAGE_LENGTH = 300
_LARGEST = 2**53 - 1  # past it a number is no code and no count, and a float cannot hold it


class Reply(Struct, frozen=True):
    """What came back over HTTP: ``retry_after`` in seconds, ``request_id`` from ``X-UCLOUD-REQUEST-UUID``.

    ``date`` is the server's clock in Unix seconds, from ``Date``.

    ``signed_with`` is what the request was signed with, which an answer that quotes the request must not show.
    """

    status: int
    body: bytes
    request_id: str | None = None
    retry_after: float | None = None
    date: int | None = None
    signed_with: Credentials | None = None


def salvage(reply: Reply) -> dict[str, Any]:
    """Read an answer as far as it can be read, or raise the `ApiError` that names its remedy."""
    try:
        # A byte that is not UTF-8 becomes a lone surrogate, so that an id it stands in is known to be broken.
        text = reply.body.decode("utf-8", "surrogateescape")
        answer = json.loads(text, strict=False, parse_int=whole)
    except (ValueError, RecursionError):
        raise malformed(reply, "the answer is not JSON") from None
    if not isinstance(answer, dict) or "RetCode" not in answer:
        raise malformed(reply, "the answer is not a UCloud response")
    check_ret_code(answer["RetCode"], answer.get("Message"), reply)
    return answer


def rows_of(answer: Mapping[str, Any], name: str, reply: Reply) -> list[object]:
    """Return a list in an answer, which may be missing when it is empty. Raises `Malformed`."""
    rows = answer.get(name) or []
    if not isinstance(rows, list):
        raise malformed(reply, f"{name} is not a list")
    return rows


def usable_id(value: object, *, most: int = MAX_JOB_ID_BYTES) -> bool:
    """Tell whether something can be asked for, and told of, by this id of so many bytes at most."""
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(value.encode()) <= most
    except UnicodeEncodeError:
        return False


def whole(value: object) -> int | None:
    """Read a whole number, which may come as a string; None where it is none, or too large to mean anything."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if abs(number) <= _LARGEST else None


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
    299: (
        FixPermission,
        "IAM permission is missing: the key needs DescribeUPhoneJob, for all cities DescribeUPhoneCities too",
    ),
}
"""What RetCodes mean (the gateway's list); 2000 and up come from the product behind it and may pass."""


def check_ret_code(raw: object, message: object, reply: Reply) -> None:
    """Raise the `ApiError` that names the remedy, unless the RetCode is 0."""
    code = whole(raw)
    if code is None:
        raise malformed(reply, "RetCode is not a number")
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


def check_status(reply: Reply) -> None:
    """Raise the `ApiError` of a status other than 200."""
    status, code = reply.status, f"http_{reply.status}"
    if status == 200:
        return
    if status == 429:
        raise SlowDown(code, "HTTP 429, throttled", request_id=reply.request_id, retry_after=reply.retry_after)
    if status >= 500 or status == 408:
        raise RetryLater(code, f"HTTP {status}", request_id=reply.request_id, retry_after=reply.retry_after)
    raise FixRequest(code, f"HTTP {status}: check UCLOUD_API_BASE_URL", request_id=reply.request_id)


def malformed(reply: Reply, problem: str) -> Malformed:
    """Return the error that an answer is none."""
    return Malformed("malformed", f"{problem} ({len(reply.body)} bytes)", request_id=reply.request_id)


def line(text: str) -> str:
    """Make a foreign text fit to stand in one line of ours: no control characters, no more than 300 characters."""
    if len(text) <= _MESSAGE_LENGTH and text.isprintable():
        return text
    shown = "".join(char if char.isprintable() else " " for char in text[:_MESSAGE_LENGTH])
    return shown if len(text) <= _MESSAGE_LENGTH else f"{shown}…"
