"""The id of an event, the same for the same completion for ever."""

import json
from functools import lru_cache
from hashlib import sha256

from poller.models import Target


def event_id(target: Target, job_id: str, state: str | None, at: int | None) -> str:
    """Hash what a completion is: 32 hexadecimal digits, the first half of a SHA-256.

    Hashed is the ASCII JSON array, without blanks, of project, region, city and product type as configured, job id,
    the first reported state and ``at``: the run's EndTime, or for an unresolved job (state None) when the
    run began, or was created where that is all we know; in Unix seconds.
    """
    time = "null" if at is None else at
    identity = f"{_opening(target)}{_json(job_id)},{_json(state)},{time}]"
    return sha256(identity.encode("ascii")).hexdigest()[:32]


@lru_cache(maxsize=32)
def _opening(target: Target) -> str:
    array = [target.project_id, target.region, target.city_id, target.product_type]
    return f"{_json(array).removesuffix(']')},"


# JSON tells null from "" and keeps neighbours apart; in ASCII it has a form for lone surrogates too.
_json = json.JSONEncoder(separators=(",", ":")).encode
