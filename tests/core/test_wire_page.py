"""The answer, in every shape that has been documented or seen."""

import json

import pytest

from poller.models import Job, Sighting, State, Task
from tests.core.pages import answer, only, read, row

OFFICIAL = """{
  "Action": "DescribeUPhoneJobResponse", "BeginTime": "qamMsYcQ", "EndTime": "YasvKGQq", "JobId": "GQNSsiqb",
  "Jobs": [{
    "BeginTime": "SLNnpmiZ", "EndTime": "ussLnLoG", "JobId": "zQKKGIvY", "JobType": "JKcxNKid", "State": "GuswRaNJ",
    "Tasks": [{
      "BeginTime": 3, "EndTime": 2, "ErrorMsg": "rKNGnduI", "ExecuteMsg": "NIcaoRJE", "ServerId": "PkqDwKRf",
      "State": "JtGjRuJr", "TaskId": "wEuIbQqV", "UPhoneId": "wTmZznUR"
    }]
  }],
  "Message": "SakOSUlA", "RetCode": 0, "Status": "eBnyYuFP",
  "Tasks": [{
    "BeginTime": "ZPLJGpHz", "EndTime": "yBZoJQlL", "Message": "iTPexVOX", "PhoneId": "jlVyhqMG",
    "ServerId": "MEIYlUch", "Status": "TGzuccHj", "TaskId": "TgUwlack"
  }],
  "TotalCount": 7
}"""
"""The sample answer of the vendor's page."""


@pytest.mark.parametrize("tasks", [True, False])
def test_the_vendors_sample_is_read_without_loss(*, tasks: bool) -> None:
    """Also where it has random words for times and states."""
    page = read(OFFICIAL, tasks=tasks)
    task = Task(
        task_id="wEuIbQqV",
        state=State.UNKNOWN,
        uphone_id="wTmZznUR",
        server_id="PkqDwKRf",
        error_message="rKNGnduI",
        execute_message="NIcaoRJE",
    )
    job = only(page)
    assert job == Job(
        job_id="zQKKGIvY",
        state=State.UNKNOWN,
        job_type="JKcxNKid",
        begun="SLNnpmiZ",
        ended="ussLnLoG",
        tasks=[task],
    )
    assert (job.create_time, job.begin_time, job.end_time) == (None, None, None)
    assert (page.received, page.skipped, page.total_count, page.unlisted_states) == (1, 0, 7, ("GuswRaNJ",))


def test_a_whole_row_is_read() -> None:
    """Every field of the page's Job and Task."""
    task = {"TaskId": "t", "State": "FAILED", "UPhoneId": "p", "ServerId": "s", "ErrorMsg": "e", "ExecuteMsg": "x"}
    page = answer(
        row(
            State="FAILED",
            JobType="INSTALL_APP",
            CreateTime=10,
            BeginTime="11",
            EndTime=12,
            Tasks=[task],
            AppVersionId="v",
            UPhoneIds=["p"],
        ),
        TotalCount=1,
    )
    job = only(page)
    assert (job.job_type, job.state, job.app_version_id, job.uphone_ids) == (
        "INSTALL_APP",
        State.FAILED,
        "v",
        ["p"],
    )
    assert (job.create_time, job.begin_time, job.end_time) == (10, 11, 12)
    assert job.tasks == [
        Task(task_id="t", state=State.FAILED, uphone_id="p", server_id="s", error_message="e", execute_message="x")
    ]


def test_a_sweep_reads_no_tasks_of_active_jobs() -> None:
    """They cost as much as all the rest and are not needed."""
    (job,) = answer(row(Tasks=[{"TaskId": "t"}]), tasks=False).jobs
    assert job == Sighting(job_id="uj-1", state=State.RUNNING)


@pytest.mark.parametrize("end", ["SUCCESS", "FAILED", "PARTIAL_SUCCESS"])
def test_a_job_that_has_ended_is_read_in_full_even_in_a_sweep(end: str) -> None:
    """Its event tells of them."""
    job = only(answer(row(State=end, Tasks=[{"TaskId": "t"}]), tasks=False))
    assert job.tasks == [Task(task_id="t")]


def test_a_job_that_has_ended_is_read_in_full_where_only_the_slow_way_can() -> None:
    """Tasks that the fast way refuses don't cost the page."""
    job = only(answer(row(State="FAILED", Tasks=[{"TaskId": 7, "ErrorMsg": "e"}]), tasks=False))
    assert job.tasks == [Task(error_message="e")]


@pytest.mark.parametrize("ret_code", [0, "0", -0])
def test_success_is_zero_in_either_form(ret_code: object) -> None:
    """RetCode has been seen as a string."""
    assert read(json.dumps({"RetCode": ret_code})).jobs == []


@pytest.mark.parametrize("jobs", [{}, {"Jobs": None}, {"Jobs": []}, {"Jobs": ""}, {"Jobs": {}}])
def test_no_jobs_in_any_form(jobs: dict[str, object]) -> None:
    """Missing, null or empty; the count beside it stays known."""
    page = read(json.dumps({"RetCode": 0, "TotalCount": 3, **jobs}))
    assert (page.jobs, page.received, page.total_count) == ([], 0, 3)


@pytest.mark.parametrize(
    ("count", "total"),
    [
        (7, 7),
        ("7", 7),
        (0, 0),
        (None, None),
        ("", None),
        ("many", None),
        (-1, None),
        (7.5, None),
        (True, None),
        ([], None),
        (10**20, None),
        (10**400, None),
    ],
)
def test_a_total_count_that_is_none_is_not_known(count: object, total: int | None) -> None:
    """It never costs the page."""
    page = answer(row(), TotalCount=count)
    assert (page.total_count, page.received) == (total, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Tasks", None),
        ("Tasks", []),
        ("Tasks", "none"),
        ("UPhoneIds", None),
        ("UPhoneIds", "none"),
        ("JobType", None),
        ("JobType", 7),
        ("AppVersionId", 7),
        ("BeginTime", None),
        ("BeginTime", ""),
        ("BeginTime", 0),
        ("BeginTime", True),
        ("BeginTime", {}),
        ("BeginTime", 10**400),
        ("Novelty", {"a": [1, {}]}),
    ],
)
def test_a_field_that_cannot_be_read_costs_itself(name: str, value: object) -> None:
    """Not its row, and not its neighbours."""
    page = answer(row(**{name: value}), row(JobId="uj-2", JobType="UPLOAD_FILE"))
    first, second = page.jobs
    assert (first.job_id, first.state, first.begin_time, first.job_type) == ("uj-1", State.RUNNING, None, "")
    assert (second.job_id, second.job_type) == ("uj-2", "UPLOAD_FILE")
    assert page.skipped == 0


def test_what_cannot_be_read_in_a_list_costs_itself() -> None:
    """Tasks that are no objects, phones that are no texts."""
    job = only(answer(row(Tasks=[None, {"TaskId": "t", "State": None}, 7], UPhoneIds=["p", None, 7])))
    assert (job.tasks, job.uphone_ids) == ([Task(task_id="t")], ["p"])


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_of_any_length_costs_itself(digits: int) -> None:
    """Also one longer than Python reads."""
    page = read('{"RetCode":0,"TotalCount":2,"Jobs":[{"JobId":"a","CreateTime":' + "9" * digits + "}]}")
    assert (page.total_count, only(page).create_time) == (2, None)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_costs_itself(number: str) -> None:
    """JSON has no such numbers; some servers do."""
    assert only(read('{"RetCode":0,"Jobs":[{"JobId":"a","CreateTime":' + number + "}]}")).create_time is None


@pytest.mark.parametrize("state", [None, "", "CANCELLED", "running", 7])
def test_a_state_that_the_page_does_not_list_is_unknown(state: object) -> None:
    """Missing, empty, of another type or just new: the job is tracked all the same."""
    assert only(answer(row(State=state), tasks=False)).state is State.UNKNOWN


def test_unlisted_states_are_named_once_each_on_one_line_and_not_without_bound() -> None:
    """They go into a warning."""
    states = ["b\nc", "a", "a", "UNKNOWN", "", "RUNNING", "x" * 400]
    page = answer(*(row(State=state) for state in states))
    assert page.unlisted_states == ("UNKNOWN", "a", "b c", "x" * 300 + "…")
    assert len(answer(*(row(State=f"S{number}") for number in range(100))).unlisted_states) == 8
