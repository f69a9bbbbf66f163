"""What an event says of a completion."""

from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from poller import events
from poller.models import Completion, Job, State, Target, Task, Unresolved

TARGET = Target(project_id="org-x", city_id="cn-hangzhou")
VALIDATOR = Draft202012Validator(events.schema())


def _job(**changes: object) -> Job:
    fields: dict[str, Any] = {
        "job_id": "uj-1",
        "job_type": "INSTALL_APP",
        "state": State.PARTIAL_SUCCESS,
        "created": 1795482000,
        "begun": "1795482004",
        "ended": 1795482121,
        "app_version_id": "v-1",
        "uphone_ids": ["up-1", "up-2", "up-3"],
        "tasks": [
            Task("t-1", State.SUCCESS, "up-1", None, "", "done"),
            Task("t-2", State.FAILED, "up-2", None, "no space", "df: 100 %"),
            Task("t-3", State.SUCCESS, "up-3", None, None, None),
        ],
    }
    return Job(**(fields | dict[str, Any](changes)))


def _finished(*, execute_messages: bool = False, seen_at: float = 1795482123.456, **changes: object) -> dict[str, Any]:
    completion = Completion(job=_job(**changes), previous_state=State.RUNNING, seen_at=seen_at)
    return _parsed(events.finished(TARGET, completion, execute_messages=execute_messages))


def _unresolved(**changes: object) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "job_id": "uj-1",
        "job_type": "UPLOAD_FILE",
        "previous_state": State.RUNNING,
        "create_time": 1795482000,
        "begin_time": 1795482004,
        "seen_at": 1795482123.456,
    }
    return _parsed(events.unresolved(TARGET, Unresolved(**(fields | dict[str, Any](changes)))))


def _parsed(event: events.JobEvent) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.json.decode(events.encode(event))
    VALIDATOR.validate(record)
    return record


def test_a_finished_job_reads_as_the_interface_shows_it() -> None:
    """Fields, order, types and nulls are those that consumers were promised."""
    record = _finished()
    assert record.pop("event_id") == events.event_id(TARGET, "uj-1", State.PARTIAL_SUCCESS, 1795482121)
    assert list(record.items()) == list(
        {
            "timestamp": "2026-11-24T01:02:03.456Z",
            "level": "warning",
            "event_name": "job.finished",
            "schema_version": 1,
            "message": "INSTALL_APP job uj-1 PARTIAL_SUCCESS after 117 s: 1 of 3 tasks failed",
            "job_id": "uj-1",
            "job_type": "INSTALL_APP",
            "state": "PARTIAL_SUCCESS",
            "previous_state": "RUNNING",
            "project_id": "org-x",
            "region": None,
            "city_id": "cn-hangzhou",
            "product_type": "uphone-server",
            "create_time": "2026-11-24T01:00:00Z",
            "begin_time": "2026-11-24T01:00:04Z",
            "end_time": "2026-11-24T01:02:01Z",
            "queue_seconds": 4,
            "run_seconds": 117,
            "detection_seconds": 2.456,
            "app_version_id": "v-1",
            "uphone_count": 3,
            "uphone_ids": ["up-1", "up-2", "up-3"],
            "tasks": {"total": 3, "success": 2, "failed": 1, "other": 0},
            "error_message": "no space",
            "failed_tasks": [
                {
                    "task_id": "t-2",
                    "uphone_id": "up-2",
                    "server_id": None,
                    "state": "FAILED",
                    "error_message": "no space",
                }
            ],
            "truncated": False,
        }.items()
    )


def test_an_unresolved_job_says_what_is_known_and_why() -> None:
    """How it ended is not known, so that state, end and what needs it are null."""
    record = _unresolved()
    unknown = ("state", "end_time", "run_seconds", "detection_seconds", "app_version_id", "error_message")
    assert {name: record[name] for name in unknown} == dict.fromkeys(unknown)
    assert record["event_name"] == "job.unresolved"
    assert record["level"] == "warning"
    assert record["reason"] == "not_returned"
    assert record["queue_seconds"] == 4
    assert record["message"] == "UPLOAD_FILE job uj-1 is no longer known to the API, last seen RUNNING"
    assert set(_finished()) | {"reason"} == set(record)


def test_compose_tells_the_kinds_of_news_apart() -> None:
    """One way in for both."""
    gone = Unresolved("uj-1", "", State.PENDING, None, None, 1.0)
    done = Completion(_job(), State.UNKNOWN, 1.0)
    assert events.compose(TARGET, gone, execute_messages=True) == events.unresolved(TARGET, gone)
    assert events.compose(TARGET, done, execute_messages=True) == events.finished(TARGET, done, execute_messages=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": State.SUCCESS, "tasks": None}, "INSTALL_APP job uj-1 SUCCESS after 117 s"),
        ({"state": State.SUCCESS, "begun": 0}, "INSTALL_APP job uj-1 SUCCESS: 1 of 3 tasks failed"),
        ({"state": State.FAILED, "tasks": [], "ended": ""}, "INSTALL_APP job uj-1 FAILED"),
        (
            {"state": State.FAILED, "job_type": "", "tasks": [Task("t", State.FAILED)]},
            "Job uj-1 FAILED after 117 s: 1 of 1 task failed",
        ),
    ],
)
def test_the_message_says_only_what_is_known(changes: dict[str, Any], message: str) -> None:
    """Unknown durations, types and tasks are left out of the sentence."""
    assert _finished(**changes)["message"] == message


@pytest.mark.parametrize(
    ("state", "level"), [(State.SUCCESS, "info"), (State.FAILED, "warning"), (State.PARTIAL_SUCCESS, "warning")]
)
def test_success_alone_is_information(state: State, level: str) -> None:
    """Everything else is a warning."""
    assert _finished(state=state)["level"] == level


def test_a_job_that_has_not_ended_is_no_event() -> None:
    """None is invented: composing one from an active job is a bug, and crashes."""
    with pytest.raises(KeyError):
        _finished(state=State.RUNNING)


def test_what_the_api_left_out_is_null() -> None:
    """Zero, empty and missing are all "not said"."""
    record = _finished(job_type="", created=0, begun="", ended=None, app_version_id="", uphone_ids=None, tasks=None)
    unknown = ("job_type", "create_time", "begin_time", "end_time", "app_version_id", "error_message")
    durations = ("queue_seconds", "run_seconds", "detection_seconds")
    assert {name: record[name] for name in (*unknown, *durations)} == dict.fromkeys((*unknown, *durations))
    assert (record["uphone_count"], record["uphone_ids"], record["failed_tasks"]) == (0, [], [])


def test_durations_are_never_negative() -> None:
    """Clocks differ, and the API's times may be out of order."""
    record = _finished(created=1795482010, begun=1795482004, ended=1795482003, seen_at=1795482000.0)
    assert (record["queue_seconds"], record["run_seconds"], record["detection_seconds"]) == (0, 0, 0.0)


def test_phones_are_those_of_the_tasks_where_the_job_names_none() -> None:
    """Each phone once, in the order of the tasks."""
    tasks = [Task("a", uphone_id="up-2"), Task("b", uphone_id="up-1"), Task("c", uphone_id="up-2"), Task("d")]
    record = _finished(uphone_ids=None, tasks=tasks)
    assert (record["uphone_count"], record["uphone_ids"]) == (2, ["up-2", "up-1"])


def test_every_task_is_counted_once() -> None:
    """States that a finished job's tasks should not have are counted as other."""
    states = [State.SUCCESS, State.FAILED, State.FAILED, State.RUNNING, State.UNKNOWN, State.PARTIAL_SUCCESS]
    record = _finished(tasks=[Task(str(number), state) for number, state in enumerate(states)])
    assert record["tasks"] == {"total": 6, "success": 1, "failed": 2, "other": 3}
    assert [task["task_id"] for task in record["failed_tasks"]] == ["1", "2"]


def test_the_error_is_the_first_failed_tasks() -> None:
    """Later ones are in the list, and an empty one is null."""
    failed = [Task("a", State.FAILED, error_message="first"), Task("b", State.FAILED, error_message="second")]
    assert _finished(tasks=failed)["error_message"] == "first"
    assert _finished(tasks=[Task("a", State.FAILED, error_message="")])["error_message"] is None


def test_output_of_tasks_is_left_out_unless_asked_for() -> None:
    """It may hold secrets."""
    assert "df: 100 %" not in str(_finished())
    assert "done" not in str(_finished())


def test_output_of_tasks_is_there_when_asked_for() -> None:
    """That of failed tasks stands with them, that of the others in a list of its own."""
    record = _finished(execute_messages=True)
    assert record["failed_tasks"][0]["execute_message"] == "df: 100 %"
    assert record["execute_messages"] == [
        {"task_id": "t-1", "uphone_id": "up-1", "server_id": None, "state": "SUCCESS", "execute_message": "done"}
    ]


def test_a_failed_task_without_output_has_null_when_asked_for() -> None:
    """The key is there, so that consumers can tell "none" from "not asked for"."""
    record = _finished(execute_messages=True, tasks=[Task("a", State.FAILED, execute_message="")])
    assert record["failed_tasks"][0]["execute_message"] is None


def test_the_schema_is_a_schema() -> None:
    """It describes itself as draft 2020-12, and holds under it."""
    Draft202012Validator.check_schema(events.schema())
    assert events.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", sorted(events.JobFinished.__struct_fields__))
def test_the_schema_requires_every_field(name: str) -> None:
    """A line that lacks one is not an event; tasks' output alone is optional."""
    record = _finished(execute_messages=True)
    del record[name]
    assert VALIDATOR.is_valid(record) is (name == "execute_messages")


def test_the_schema_allows_fields_to_be_added_and_tells_the_kinds_apart() -> None:
    """Consumers ignore what they don't know."""
    assert VALIDATOR.is_valid(_finished() | {"added_later": 1})
    assert not VALIDATOR.is_valid(_finished() | {"event_name": "job.unresolved"})
    assert not VALIDATOR.is_valid(_unresolved() | {"state": "SUCCESS"})
    assert not VALIDATOR.is_valid(_finished() | {"truncated": "no"})
