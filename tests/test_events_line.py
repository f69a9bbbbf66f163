"""The line of an event: whole, valid and short enough, whatever the texts hold."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from poller import events
from poller.models import Completion, Job, State, Target, Task, Unresolved

VALIDATOR = Draft202012Validator(events.schema())
NASTY = "\x00\x1b\x7f\x85\x9b\u2028\u2029\ufeff\ud83d\ude00\ud800\udc00\udfff\U0001f468\u200d\u4e2d'\"\\/\r\n\t"

CHARACTERS = st.characters() | st.sampled_from(NASTY)
SHORT = st.text(CHARACTERS, max_size=20)
LONG = st.builds(lambda text, times: text * times, SHORT, st.sampled_from([1, 1, 50, 1_000]))
TEXT = SHORT | LONG
OPTIONAL = st.none() | TEXT
TASKS = st.builds(Task, OPTIONAL, st.sampled_from(State), OPTIONAL, OPTIONAL, OPTIONAL, OPTIONAL)


def _many(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.builds(lambda few, times: few * times, st.lists(items, max_size=4), st.sampled_from([1, 1, 10, 200]))


JOBS = st.builds(
    Job,
    job_id=st.text(CHARACTERS, min_size=1, max_size=256),
    state=st.sampled_from([State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS]),
    job_type=TEXT,
    created=st.none() | st.integers(0, 2**33),
    ended=st.none() | st.integers(0, 2**33),
    tasks=st.none() | _many(TASKS),
    app_version_id=OPTIONAL,
    uphone_ids=st.none() | _many(TEXT),
)
TARGETS = st.builds(Target, TEXT, OPTIONAL, OPTIONAL, OPTIONAL)


def _mended(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _event(target: Target | None = None, *, execute_messages: bool = True, **fields: object) -> events.JobFinished:
    job = Job(**({"job_id": "uj-1", "state": State.FAILED} | dict[str, Any](fields)))
    completion = Completion(job, State.RUNNING, 1795482123.456)
    return events.finished(target or Target(), completion, execute_messages=execute_messages)


def _line_of(record: events.JobEvent) -> dict[str, Any]:
    """Parse a line as strictly as anybody may, after checking what holds for every line."""
    line = events.encode(record)
    assert len(line) <= events.MAX_LINE_BYTES
    text = line.decode("utf-8", "strict")
    assert text.endswith("\n")
    assert text.splitlines() == [text[:-1]]
    parsed: dict[str, Any] = msgspec.json.decode(line)
    VALIDATOR.validate(parsed)
    return parsed


def _failed(count: int, message: str, output: str | None = None) -> list[Task]:
    return [Task(f"t-{number}", State.FAILED, f"up-{number}", None, message, output) for number in range(count)]


@settings(deadline=None)
@given(TARGETS, JOBS, st.booleans())
def test_any_text_makes_a_valid_line(target: Target, job: Job, execute_messages: bool) -> None:  # noqa: FBT001 (drawn)
    """What is not cut says what it said; what counts and identifies is never cut."""
    record = events.finished(target, Completion(job, State.PENDING, 1.5), execute_messages=execute_messages)
    line = _line_of(record)
    whole = msgspec.to_builtins(record)
    assert line["job_id"] == _mended(job.job_id)
    for name in ("event_id", "timestamp", "state", "previous_state", "create_time", "end_time", "tasks"):
        assert line[name] == whole[name]
    assert line["uphone_count"] == len(record.uphone_ids)
    assert list(line) == list(whole)
    same = _mended_all(whole) == line
    assert line["truncated"] is not same


@given(SHORT, SHORT)
def test_an_unresolved_job_makes_a_valid_line(job_type: str, region: str) -> None:
    """The same holds for the other kind."""
    news = Unresolved("uj-1", job_type, State.PENDING, None, None, 1.5)
    line = _line_of(events.unresolved(Target(region=region), news))
    assert (line["region"], line["truncated"]) == (_mended(region), False)


def _mended_all(value: object) -> object:
    if isinstance(value, str):
        return _mended(value)
    if isinstance(value, list):
        return [_mended_all(item) for item in value]
    return {name: _mended_all(item) for name, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("character", ["\x7f", "\x80", "\x85", "\x9b", "\u2028", "\u2029"])
def test_what_ends_a_line_or_commands_a_terminal_is_escaped(character: str) -> None:
    """JSON would allow it bare."""
    line = events.encode(_event(job_type=f"a{character}b"))
    assert character.encode() not in line
    assert msgspec.json.decode(line)["job_type"] == f"a{character}b"


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    """An emoji that was decoded in halves is whole again."""
    line = _line_of(_event(job_type="\ud800 \ud83d\ude00 \U0001f600"))
    assert (line["job_type"], line["truncated"]) == ("\ufffd \U0001f600 \U0001f600", False)


@pytest.mark.parametrize("filler", ["x", "\x00", "é", "\U0001f600", "\u2028"])
def test_a_line_is_used_up_to_its_bound(filler: str) -> None:
    """A long text is cut by no more than it has to be: what is left free is less than a character and a half."""
    line = events.encode(_event(tasks=None, app_version_id=filler * 60_000))
    assert events.MAX_LINE_BYTES - 12 < len(line) <= events.MAX_LINE_BYTES


def test_the_longest_line_that_fits_is_not_cut() -> None:
    """And one byte more is."""
    free = events.MAX_LINE_BYTES - len(events.encode(_event(app_version_id="x"))) + 1
    fitting, longer = _event(app_version_id="x" * free), _event(app_version_id="x" * (free + 1))
    assert len(events.encode(fitting)) == len(events.encode(longer)) == events.MAX_LINE_BYTES
    assert _line_of(fitting)["truncated"] is False
    assert _line_of(longer)["truncated"] is True


def test_the_longest_is_cut_first() -> None:
    """A short text beside a long one stays whole."""
    line = _line_of(_event(job_type="INSTALL_APP", app_version_id="v" * 300, tasks=_failed(1, "x" * 60_000)))
    assert line["job_type"] == "INSTALL_APP"
    assert line["app_version_id"] == "v" * 300
    assert 7_000 < len(line["error_message"]) < 9_000
    assert 7_000 < len(line["failed_tasks"][0]["error_message"]) < 9_000


def test_a_long_list_is_cut_before_short_texts() -> None:
    """Entries go from its end, the count stays."""
    ids = [f"uphone-{number}" for number in range(5_000)]
    line = _line_of(_event(uphone_ids=ids, tasks=_failed(3, "a message of some length " * 12)))
    assert line["uphone_ids"] == ids[: len(line["uphone_ids"])]
    assert len(line["uphone_ids"]) > 500
    assert line["uphone_count"] == 5_000
    assert [task["error_message"] for task in line["failed_tasks"]] == ["a message of some length " * 12] * 3


def test_a_phone_id_is_whole_or_not_there() -> None:
    """Half an id would be another phone's."""
    assert _line_of(_event(uphone_ids=["up-1", "x" * 60_000, "up-2"]))["uphone_ids"] == ["up-1"]


def test_texts_in_a_list_are_cut_before_entries_are_dropped() -> None:
    """Ten tasks with a little of each message say more than one with all of it."""
    line = _line_of(_event(tasks=_failed(10, "x" * 60_000)))
    assert len(line["failed_tasks"]) == 10
    assert min(len(task["error_message"]) for task in line["failed_tasks"]) > 500


@pytest.mark.parametrize("message", ["x" * 60_000, "超时" * 30_000, NASTY * 3_000], ids=["ascii", "chinese", "nasty"])
def test_ten_thousand_failed_tasks_make_a_line(message: str) -> None:
    """As many of them as have something left to say, and the true count."""
    line = _line_of(_event(tasks=_failed(10_000, message, message)))
    assert line["tasks"]["failed"] == 10_000
    assert line["failed_tasks"]
    assert all(task["error_message"] for task in line["failed_tasks"])
    assert line["error_message"]


def test_ten_thousand_hostile_phone_ids_make_a_line() -> None:
    """They are counted, and none of them is half there."""
    line = _line_of(_event(uphone_ids=[NASTY * 3_000] * 10_000))
    assert (line["uphone_count"], line["uphone_ids"]) == (10_000, [])


def test_hostile_identifiers_are_cut_if_they_are_the_long_ones() -> None:
    """Whatever is long: nothing from outside can push a line past its bound."""
    target = Target("p" * 60_000, "j" * 60_000, "r" * 60_000, "c" * 60_000)
    line = _line_of(
        _event(target, job_id="\x01" * 256, job_type="\ud800" * 60_000, tasks=_failed(1, "e", "o" * 60_000))
    )
    assert line["job_id"] == "\x01" * 256
    assert len(line["project_id"]) == len(line["region"]) > 1_000
    assert line["failed_tasks"][0]["error_message"] == "e"
