"""Reads event lines, each of which is held against the JSON Schema that is published."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from msgspec import ValidationError
from msgspec.json import Decoder

from poller.events import JobFinished, JobUnresolved, schema

Event = dict[str, Any]

_KINDS: dict[str, Decoder[JobFinished] | Decoder[JobUnresolved]] = {
    "job.finished": Decoder(JobFinished),
    "job.unresolved": Decoder(JobUnresolved),
}
_VALIDATOR = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)


def read_event(line: bytes | str) -> Event:
    """Parse an event line; ``ValidationError`` if it does not keep the schema, ``ValueError`` if it is torn."""
    event: Event = json.loads(line)
    _check(line)
    return event


def fits(event_name: str, line: bytes) -> bool:
    """Tell whether a line keeps the types that the schema is made of: good for hundreds of thousands of lines."""
    try:
        _KINDS[event_name].decode(line)
    except (KeyError, ValidationError):
        return False
    return True


@cache
def _check(line: bytes | str) -> None:
    # Tests read the same lines again while they wait for more.
    _VALIDATOR.validate(json.loads(line))
