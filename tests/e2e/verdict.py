"""What was reported, held against the truth."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from poller.checkpoint import StateFile
from poller.simulator.truth import Run
from tests.e2e.live import LiveApi
from tests.schema import Event, read_event

EDGE = 5.0
"""Seconds before the API's first request in which a job may have ended and be reported: the poller starts earlier, and
reads the API's clock from a ``Date`` in whole seconds that the server keeps for a while."""


def unwritten(state: Path) -> list[bytes]:
    """Return the lines of a state file that are not marked written."""
    with closing(StateFile.open(state)) as file:
        return [line for _, lines in file.outbox() for line in lines]


def assert_true(api: LiveApi, events: Sequence[Event], *, slack: float = EDGE) -> None:
    """Hold events against the truth: each tells of a run that has ended, in its true state, with its true times."""
    may = api.ended(slack=slack)
    told = {event["job_id"]: _story(event) for event in events}
    assert told.keys() <= may.keys(), "a job was invented, or is from before the start"
    assert told == {job_id: _true_story(may[job_id]) for job_id in told}


def assert_once(api: LiveApi, events: Sequence[Event], *, due: Collection[str] | None = None) -> None:
    """Hold events against the truth: each run that was ``due`` once, and none twice.

    Due is what has ended since the API began, unless it is said.
    """
    ids = [event["job_id"] for event in events]
    assert len(ids) == len(set(ids)), "a job was reported twice"
    assert len({event["event_id"] for event in events}) == len(ids)
    assert set(api.ended() if due is None else due) <= set(ids), "a job was missed"
    assert_true(api, events)


def assert_exact(api: LiveApi, events: Sequence[Event]) -> None:
    """Hold events against the truth: all that has ended once, and told to have been active where that was shown."""
    assert_once(api, events)
    seen = {event["job_id"] for event in events if event["previous_state"] is not None}
    assert seen == api.seen_active & {event["job_id"] for event in events}
    assert all(event["previous_state"] in {None, *api.shown[event["job_id"]]} for event in events)


def assert_repeats_are_verbatim(lines: Sequence[bytes]) -> None:
    """Tell that whatever was written more than once has the same bytes each time, its event_id among them."""
    told = defaultdict(set)
    for line in lines:
        told[read_event(line)["job_id"]].add(line)
    assert [job_id for job_id, different in told.items() if len(different) > 1] == []
    assert len({read_event(line)["event_id"] for line in lines}) == len(told)


def _story(event: Event) -> tuple[object, ...]:
    times = (event[name] for name in ("create_time", "begin_time", "end_time"))
    return event["state"], event["city_id"], *(int(datetime.fromisoformat(time).timestamp()) for time in times)


def _true_story(run: Run) -> tuple[object, ...]:
    return str(run.outcome), run.city_id, int(run.created), int(run.begun), int(run.ended)
