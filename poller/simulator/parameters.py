"""Reads what a client sent: from the HTTP request to flat parameters, and from those to a listing to show."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from poller.models import MAX_PAGE_ROWS, State
from poller.signature import encode_value
from poller.simulator.jobs import JOB_TYPES
from poller.simulator.options import PRODUCT_TYPES, Options
from poller.simulator.replica import Filter

Parameters = Mapping[str, str]

DEFAULT_LIMIT: Final = 20
MAX_JOB_IDS: Final = 100

_STATES: Final = frozenset({"PENDING", "RUNNING", "SUCCESS", "FAILED", "PARTIAL_SUCCESS"})
_INDEX: Final = re.compile("[0-9]+")
_NATURAL: Final = re.compile("[0-9]{1,18}")


class Refusal(Exception):
    """The API answers with a ``ret_code`` other than 0, and with ``str()`` as its Message."""

    def __init__(self, ret_code: int, message: str) -> None:
        super().__init__(message)
        self.ret_code = ret_code


@dataclass(frozen=True, slots=True)
class Listing:
    """A request of ``DescribeUPhoneJob``, found good."""

    filter: Filter
    offset: int
    limit: int


def decode(query: str, content_type: str, body: bytes) -> dict[str, str]:
    """Flatten a query string and a form or JSON body; ``ValueError`` if the body is neither, or no Unicode text."""
    params = dict(parse_qsl(query, keep_blank_values=True)) | _decode_body(content_type, body)
    # A lone surrogate, which JSON can escape, has no UTF-8 form and hence no signature.
    "".join((*params, *params.values())).encode()
    return params


def _decode_body(content_type: str, body: bytes) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() == "application/json":
        document = json.loads(body or b"{}")
        if not isinstance(document, dict):
            raise ValueError("the JSON body is not an object")
        return _flatten(document)
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _flatten(document: Mapping[str, object]) -> dict[str, str]:
    """Name nested items as forms do: ``{"JobIds": ["a"]}`` becomes ``JobIds.0=a``. Null is as good as absent."""
    flat: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, list):
            value = {str(index): item for index, item in enumerate(value)}  # noqa: PLW2901 (an array is its indexes)
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": text for inner, text in _flatten(value).items()}
        elif isinstance(value, str | int | float):
            flat[name] = encode_value(value)
    return flat


def read_listing(params: Parameters, options: Options) -> Listing:
    """Check the parameters of ``DescribeUPhoneJob``; ``Refusal`` with 230 names the first that is wrong."""
    job_ids = _indexed(params, "JobIds")
    if len(job_ids) > MAX_JOB_IDS:
        raise _bad("JobIds", f"{MAX_JOB_IDS} at most")
    job_types = _indexed(params, "Types")
    for job_type in job_types:
        _one_of("Types", job_type, JOB_TYPES)
    state = params.get("State")
    wanted = Filter(
        city_id=_one_of("CityId", params.get("CityId") or options.city_ids[0], options.city_ids),
        product_type=read_product_type(params),
        state=State(_one_of("State", state, _STATES)) if state else None,
        job_types=frozenset(job_types),
        job_ids=frozenset(job_ids),
    )
    limit = _natural(params, "Limit", default=DEFAULT_LIMIT)
    if limit > MAX_PAGE_ROWS:
        raise _bad("Limit", f"{MAX_PAGE_ROWS} at most")
    return Listing(wanted, offset=_natural(params, "Offset", default=0), limit=limit)


def read_product_type(params: Parameters) -> str:
    """Check ``ProductType``, whose default is the vendor's page's."""
    return _one_of("ProductType", params.get("ProductType") or PRODUCT_TYPES[0], PRODUCT_TYPES)


def _one_of(name: str, value: str, known: tuple[str, ...] | frozenset[str]) -> str:
    if value not in known:
        raise _bad(name, f"no such value {value[:64]!r}")
    return value


def _natural(params: Parameters, name: str, *, default: int) -> int:
    text = params.get(name) or str(default)
    if not _NATURAL.fullmatch(text):
        raise _bad(name, "not a number from 0 up")
    return int(text)


def _indexed(params: Parameters, name: str) -> list[str]:
    """Collect ``Name.0``, ``Name.1`` and so on."""
    prefix = f"{name}."
    return [value for key, value in params.items() if key.startswith(prefix) and _INDEX.fullmatch(key, len(prefix))]


def _bad(name: str, why: str) -> Refusal:
    return Refusal(230, f"Params [{name}] not available: {why}")
