"""The programs within the configurations of Vector and Fluent Bit, in the languages' own interpreters, on real events.

Of the two tools only the languages are here: what stands around the programs is not run.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

from tests.deploy.pipelines import ECS, PIPELINES, UNRESOLVED, Output, recorded
from tests.schema import Event, read_event

__all__ = ["recorded"]

_REASON: Final = "not installed: make .venv/deploy.stamp"
yaml: Any = pytest.importorskip("yaml", reason=_REASON)
pyvrl: Any = pytest.importorskip("pyvrl", reason=_REASON)
lupa: Any = pytest.importorskip("lupa.luajit21", reason=_REASON)

Record = dict[str, Any]

VECTOR: Final[dict[str, Any]] = yaml.safe_load((PIPELINES / "vector.yaml").read_text())["transforms"]
TIMES: Final = ("timestamp", "create_time", "begin_time", "end_time")


def test_vector_makes_of_each_line_its_event_with_times(recorded: Output) -> None:
    """Every whole one, also after what a kill has torn, as a Docker log has it."""
    read = remap()
    torn = recorded.lives[0][-1]
    for line in recorded.lines:
        assert read(line) == read(torn + line) == timed(read_event(line))


@pytest.mark.parametrize("line", [b"{}", b"", b"Traceback", b'{"timestamp":"2026-11-24T01:02:03.456Z","level":"info"}'])
def test_vector_makes_nothing_of_other_lines(line: bytes) -> None:
    """Diagnostics have no event_name."""
    assert remap()(line) is None


def test_vector_makes_nothing_of_what_tells_of_no_completion(recorded: Output) -> None:
    """Diagnostics, a job that the API no longer knows, a torn line, and whatever is on stderr."""
    read = remap()
    assert read(UNRESOLVED) is None
    assert [line for line in recorded.diagnostics if read(line.encode())] == []
    assert read(recorded.lives[0][-1]) is None
    assert read(recorded.lines[0], "stderr") is None


def test_vector_routes_by_state(recorded: Output) -> None:
    """Its condition holds for those that did not succeed."""
    route = pyvrl.Transform(VECTOR["by_state"]["route"]["failures"])
    assert {event_id for event_id, event in recorded.events.items() if route.remap(event)} == recorded.failures


def test_vector_knows_repeats_by_their_id() -> None:
    """Not by what may differ."""
    assert VECTOR["once"]["fields"]["match"] == ["event_id"]


def test_elastics_document_has_every_field_of_the_event_once(recorded: Output) -> None:
    """In the place that the table says, or under uphone; a field that is null is left out."""
    read = remap("ecs.vrl")
    for line in recorded.lines:
        event, document = timed(read_event(line)), read(line)
        assert document is not None
        placed = {name: at(document, path) for name, path in ECS.items()}
        assert placed.keys().isdisjoint(document["uphone"])
        assert without_nulls(placed) | document["uphone"] == without_nulls(event)
        assert document["document_id"] == event["event_id"]
        assert document["event"]["outcome"] == ("success" if event["state"] == "SUCCESS" else "failure")
        assert document["event"].get("duration") == (event["run_seconds"] or 0) * 10**9


def test_a_cloudevent_has_what_the_specification_requires(recorded: Output) -> None:
    """Texts that are not empty, an id that is unique within its source, and the event as its data."""
    read = remap("cloudevents.vrl")
    seen = set()
    for line in recorded.lines:
        event, made = timed(read_event(line)), read(line)
        assert made is not None
        assert made.pop("data") == event
        assert made == {
            "specversion": "1.0",
            "id": event["event_id"],
            "source": "/ucloud/uphone/org-x/cn-sh2/cn-hangzhou/uphone-server",
            "type": "uphone-job-poller.job.finished",
            "subject": event["job_id"],
            "time": event["end_time"],
            "datacontenttype": "application/json",
        }
        seen.add((made["source"], made["id"]))
    assert len(seen) == len(recorded.events)


def test_a_cloudevents_source_is_an_address(recorded: Output) -> None:
    """What is not set is empty in it, and no character breaks it."""
    line = recorded.lines[0].replace(b'"cn-sh2"', b"null").replace(b'"org-x"', '"a/b c?é"'.encode())
    made = remap("cloudevents.vrl")(line)
    assert made is not None
    assert made["source"] == "/ucloud/uphone/a%2Fb%20c%3F%C3%A9//cn-hangzhou/uphone-server"


def test_fluent_bits_filter_lets_each_id_pass_once(recorded: Output) -> None:
    """Repeats are dropped, with code -1."""
    once = lua("once")
    passed = [event_id for event_id in map(_id, recorded.lines) if once({"event_id": event_id})[0] == 0]
    assert passed == list(recorded.events)


def test_fluent_bits_filter_forgets_the_oldest_id_first() -> None:
    """Its memory is bounded: with room for three, the fourth id takes the place of the first."""
    once = lua("once", "100000", "3")
    codes = [once({"event_id": event_id})[0] for event_id in "abcabcdbcda"]
    assert codes == [0, 0, 0, -1, -1, -1, 0, -1, -1, -1, 0]


def test_fluent_bits_filter_leaves_out_what_is_torn(recorded: Output) -> None:
    """The line that follows it in a Docker log is whole; one without an event is dropped."""
    whole = lua("whole")
    torn = recorded.lives[0][-1].decode(errors="replace")
    for line in map(bytes.decode, recorded.lines):
        code, _, record = whole({"log": torn + line})
        assert (code, record["log"]) == (2, line)
    assert whole({"log": "Traceback"})[0] == -1


def remap(*mapping: str) -> Callable[..., Record | None]:
    """Return Vector's program for lines, with a mapping after it: what it makes of one, or None where it aborts."""
    sources = [VECTOR["completions"]["source"], *((PIPELINES / name).read_text() for name in mapping)]
    program = pyvrl.Transform("\n".join((*sources, ".")))

    def apply(line: bytes, stream: str = "stdout") -> Record | None:
        try:
            made: Record = program.remap({"message": line.decode(errors="replace").rstrip("\n"), "stream": stream})
        except ValueError:
            return None
        return made

    return apply


def lua(function: str, old: str = "", new: str = "") -> Callable[[Record], tuple[int, float, Any]]:
    """Return a function of Fluent Bit's script, which may be changed in one place."""
    runtime = lupa.LuaRuntime()
    runtime.execute((PIPELINES / "events.lua").read_text().replace(old, new))
    call = runtime.globals()[function]

    def apply(record: Record) -> tuple[int, float, Any]:
        made: tuple[int, float, Any] = call("uphone", 0.0, runtime.table_from(record))
        return made

    return apply


def timed(event: Event) -> Event:
    """Return an event with its times as times."""
    return event | {name: datetime.fromisoformat(event[name]) for name in TIMES if event[name] is not None}


def at(document: Record, path: str) -> Any:  # noqa: ANN401 (any JSON value)
    """Return what is at a path of a document, None if nothing is."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def without_nulls(value: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """Leave out fields that are null, and objects that have no other, at any depth."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_nulls(item) for name, item in value.items() if item is not None}
    return {name: item for name, item in kept.items() if item != {}}


def _id(line: bytes) -> str:
    event_id: str = read_event(line)["event_id"]
    return event_id
