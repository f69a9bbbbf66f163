"""The ids of jobs as people and scripts give them."""

from collections.abc import Iterable

from poller.models import MAX_JOB_ID_BYTES
from poller.wire import line
from poller.wire.envelope import usable_id

_SHOWN = 40


def job_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """Return different ids in the order in which they were given. Raises ValueError, which says what is wrong."""
    return tuple(dict.fromkeys(map(_job_id, texts)))


def _job_id(text: str) -> str:
    if not text.strip():
        raise ValueError("a job id is empty: is a variable unset?")
    shown = line(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
    if not text.isprintable() or " " in text:
        raise ValueError(f"'{shown}' contains a blank, control or undecodable character: give one id at a time")
    if not usable_id(text):
        raise ValueError(f"'{shown}' is longer than {MAX_JOB_ID_BYTES} bytes, which no job id is")
    return text
