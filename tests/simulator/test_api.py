"""The simulated gateway: codes, parameters, pages and shapes."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from poller.models import State, unix_time
from poller.signature import Credentials, sign
from poller.simulator.api import Api
from poller.simulator.jobs import JOB_TYPES, SimulatedJob
from poller.simulator.options import (
    DEMO_PRIVATE_KEY,
    DEMO_PUBLIC_KEY,
    NoItems,
    Number,
    Options,
    TotalCount,
    Unset,
)
from poller.simulator.world import World

Ask = Callable[..., dict[str, Any]]
MakeApi = Callable[..., Api]
Sign = Callable[..., dict[str, str]]

EMPTY = Options(active_jobs=0, finished_jobs=0, arrival_rate=0)


def raw(api: Api, at: float, params: dict[str, str]) -> dict[str, Any]:
    """Ask without signing."""
    document = json.loads(api.answer(params, at).content.body)
    assert isinstance(document, dict)
    return document


def scripted(start: float, job: SimulatedJob, options: Options = EMPTY) -> Api:
    """Make an API that knows one job."""
    world = World(options, start=start)
    world.add(job)
    return Api(options, world)


@pytest.mark.parametrize(
    ("change", "ret_code"),
    [
        ({}, 0),
        ({"Action": None}, 160),
        ({"Action": "DescribeUPhone"}, 161),
        ({"Signature": None}, 170),
        ({"Signature": "0" * 40}, 171),
        ({"Signature": "é"}, 171),
        ({"Limit": "7"}, 171),
        ({"PublicKey": "somebody else's"}, 172),
        ({"PublicKey": None}, 172),
    ],
)
def test_gateway_codes(api: MakeApi, signed: Sign, start: float, change: dict[str, str | None], ret_code: int) -> None:
    """What is missing or wrong in a signed request has its own code, and a message."""
    params = {**signed({"Action": "DescribeUPhoneJob"}), **change}
    document = raw(api(), start, {name: value for name, value in params.items() if value is not None})
    assert document["RetCode"] == ret_code
    assert bool(document["Message"]) == bool(ret_code)


@pytest.mark.parametrize(("token", "ret_code"), [("token", 0), ("expired", 174), (None, 174)])
def test_security_token(api: MakeApi, signed: Sign, start: float, token: str | None, ret_code: int) -> None:
    """Temporary credentials need their token."""
    options = Options(credentials=Credentials("public", "private", "token"))
    params = signed({"Action": "DescribeUPhoneJob"}, Credentials("public", "private", token))
    assert raw(api(options), start, params)["RetCode"] == ret_code


def test_unknown_token(api: MakeApi, signed: Sign, start: float) -> None:
    """Permanent credentials know no token."""
    params = signed({"Action": "DescribeUPhoneJob"}, Credentials(DEMO_PUBLIC_KEY, DEMO_PRIVATE_KEY, "token"))
    assert raw(api(), start, params)["RetCode"] == 174


@pytest.mark.parametrize(("project_id", "ret_code"), [("org-a", 0), ("org-b", 292), ("", 0)])
def test_project(api: MakeApi, ask: Ask, project_id: str, ret_code: int) -> None:
    """Only the project that there is may be named; without a name it is the default."""
    assert ask(api(Options(project_id="org-a")), ProjectId=project_id)["RetCode"] == ret_code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("State", "pending"),
        ("State", "UNKNOWN"),
        ("Limit", 101),
        ("Limit", -1),
        ("Limit", "many"),
        ("Limit", "1e1"),
        ("Limit", "9" * 5000),
        ("Offset", -1),
        ("Offset", "0x1"),
        ("ProductType", "phone"),
        ("CityId", "cn-nowhere"),
        ("Types", ["REBOOT_UPHONE"]),
        ("Types", ["INSTALL_APP", "?"]),
        ("JobIds", [f"uj-{number}" for number in range(101)]),
    ],
)
def test_parameter_errors(api: MakeApi, ask: Ask, name: str, value: str | int | list[str]) -> None:
    """A parameter that the vendor's page rules out is named in the refusal."""
    document = ask(api(), **{name: value})
    assert document["RetCode"] == 230
    assert f"[{name}]" in document["Message"]
    assert "Jobs" not in document


def test_an_error_names_its_action(api: MakeApi, ask: Ask) -> None:
    """Errors too say which action they answer."""
    assert ask(api(), State="?")["Action"] == "DescribeUPhoneJobResponse"


def test_cities(api: MakeApi, ask: Ask) -> None:
    """The cities are those that listings accept."""
    simulated = api(Options(cities=9))
    cities = ask(simulated, action="DescribeUPhoneCities")["UPhoneCities"]
    codes = [ask(simulated, CityId=city["CityId"])["RetCode"] for city in cities]
    assert codes == [0] * 9


def test_cities_have_a_product_type(api: MakeApi, ask: Ask) -> None:
    """The one parameter of DescribeUPhoneCities that can be wrong is checked."""
    assert ask(api(), action="DescribeUPhoneCities", ProductType="phone")["RetCode"] == 230


def test_cities_and_product_types_part_the_jobs(api: MakeApi, ask: Ask) -> None:
    """Every job is in the listing of one city and product type, the first of each by default."""
    simulated = api(Options(cities=2, product_types=("uphone-server", "uphone"), active_jobs=80, finished_jobs=0))
    listed = {
        (city, product): {job["JobId"] for job in ask(simulated, CityId=city, ProductType=product, Limit=100)["Jobs"]}
        for city in ("cn-hangzhou", "cn-shanghai")
        for product in ("uphone-server", "uphone")
    }
    assert all(listed.values())
    assert len(set().union(*listed.values())) == sum(map(len, listed.values())) == 80
    assert {job["JobId"] for job in ask(simulated, Limit=100)["Jobs"]} == listed["cn-hangzhou", "uphone-server"]


@pytest.mark.parametrize(("limit", "rows"), [(None, 20), (1, 1), (100, 100), (0, 0)])
def test_limit(api: MakeApi, ask: Ask, limit: int | None, rows: int) -> None:
    """A page has 20 rows by default, and 100 at most."""
    simulated = api(Options(active_jobs=150, finished_jobs=0))
    params = {} if limit is None else {"Limit": limit}
    assert len(ask(simulated, **params)["Jobs"]) == rows


def test_page_cap(api: MakeApi, ask: Ask) -> None:
    """A server may cap lower than Limit, a look-up too, without saying so."""
    simulated = api(Options(active_jobs=50, finished_jobs=0, page_cap=20))
    jobs = ask(simulated, Limit=100)["Jobs"] + ask(simulated, Limit=100, Offset=20)["Jobs"]
    found = ask(simulated, Limit=100, JobIds=[job["JobId"] for job in jobs])
    assert (len(jobs), len(found["Jobs"]), found["TotalCount"]) == (40, 20, 40)


def test_offset(api: MakeApi, ask: Ask) -> None:
    """Pages one after the other make up the listing, and there is nothing past its end."""
    simulated = api(Options(active_jobs=50, finished_jobs=0))
    whole = ask(simulated, Limit=100)["Jobs"]
    pages = [ask(simulated, Limit=15, Offset=offset)["Jobs"] for offset in range(0, 75, 15)]
    assert [job for page in pages for job in page] == whole
    assert pages[-1] == []


def test_state_filter(api: MakeApi, ask: Ask) -> None:
    """The listings of the states make up the listing of all."""
    simulated = api(Options(active_jobs=40, finished_jobs=40, failed_share=0.3, partial_share=0.3))
    states = [state for state in State if state is not State.UNKNOWN]
    listings = {state: ask(simulated, State=state, Limit=100)["Jobs"] for state in states}
    assert all({job["State"] for job in jobs} == {state} for state, jobs in listings.items())
    ids = {job["JobId"] for jobs in listings.values() for job in jobs}
    assert ids == {job["JobId"] for job in ask(simulated, Limit=100)["Jobs"]}


def test_types_filter(api: MakeApi, ask: Ask) -> None:
    """Only the types asked for are listed."""
    jobs = ask(api(), Types=list(JOB_TYPES[:2]), Limit=100)["Jobs"]
    assert {job["JobType"] for job in jobs} == set(JOB_TYPES[:2])


def test_look_up(api: MakeApi, ask: Ask) -> None:
    """Known ids come back, unknown ones simply don't."""
    simulated = api()
    some = [job["JobId"] for job in ask(simulated)["Jobs"][:3]]
    assert {job["JobId"] for job in ask(simulated, JobIds=[*some, "unknown", ""])["Jobs"]} == set(some)
    assert ask(simulated, JobIds=["unknown"])["Jobs"] == []


@pytest.mark.parametrize(
    ("mode", "count"),
    [
        (TotalCount.FILTERED, 30),
        (TotalCount.UNFILTERED, 50),
        (TotalCount.UNDERSTATED, 15),
        (TotalCount.ZERO, 0),
        (TotalCount.OMITTED, None),
    ],
)
def test_total_count(start: float, ask: Ask, mode: TotalCount, count: int | None) -> None:
    """What TotalCount counts is an option, and never the page."""
    world = World(EMPTY, start=start)
    for number in range(50):
        world.add(SimulatedJob(job_id=f"{number}", created=start, begun=start if number < 30 else start + 1))
    page = ask(Api(replace(EMPTY, total_count=mode), world), State="RUNNING", Limit=7)
    assert (len(page["Jobs"]), page.get("TotalCount")) == (7, count)


def test_blind_pending(start: float, ask: Ask) -> None:
    """PENDING listings may have a count and no rows."""
    job = SimulatedJob(job_id="mine", created=start, begun=start + 5)
    blind = replace(EMPTY, blind_pending=True)
    api = scripted(start, job, blind)
    pending = ask(api, State="PENDING")
    assert (pending["Jobs"], pending["TotalCount"]) == ([], 1)
    assert [job["State"] for job in ask(api)["Jobs"]] == ["PENDING"]


def test_lag(start: float, ask: Ask) -> None:
    """A share of the requests see the world as it was."""
    options = replace(EMPTY, lag=5, lag_share=0.3)
    api = scripted(start, SimulatedJob(job_id="mine", created=start, begun=start), options)
    seen = [len(ask(api, start + 3)["Jobs"]) for _ in range(400)]
    assert set(seen) == {0, 1}
    assert 80 < seen.count(0) < 160


def test_a_job_over_time(start: float, ask: Ask) -> None:
    """A row tells times that have come, and tasks once the job runs; the last task ends with the job."""
    job = SimulatedJob(
        job_id="mine",
        created=start,
        begun=start + 2.5,
        ended=start + 10.5,
        outcome=State.PARTIAL_SUCCESS,
        job_type="RUN_ASYNC_COMMAND",
        uphone_ids=("a", "b"),
        failed_tasks=1,
        error_message="offline",
    )
    api = scripted(start, job)
    rows = [ask(api, start + at)["Jobs"][0] for at in (1, 7, 11)]
    times = [[row[name] for name in ("CreateTime", "BeginTime", "EndTime")] for row in rows]
    now = int(start)
    assert times == [[now, 0, 0], [now, now + 2, 0], [now, now + 2, now + 10]]
    assert [[task["State"] for task in row["Tasks"]] for row in rows] == [
        [],
        ["SUCCESS", "RUNNING"],
        ["SUCCESS", "FAILED"],
    ]
    assert rows[2]["UPhoneIds"] == ["a", "b"]
    done, failed = rows[2]["Tasks"]
    assert (failed["UPhoneId"], failed["ErrorMsg"], failed["EndTime"]) == ("b", "offline", now + 10)
    assert (done["UPhoneId"], done["ErrorMsg"], "ExecuteMsg" in done) == ("a", "", True)


def test_tasks_end_between_two_looks(start: float, ask: Ask) -> None:
    """A row that has been asked for before tells of a task that has ended since."""
    job = SimulatedJob(job_id="mine", created=start, begun=start, ended=start + 10, uphone_ids=("a", "b"))
    api = scripted(start, job)
    tasks = [ask(api, start + at)["Jobs"][0]["Tasks"] for at in (4.9, 5)]
    assert [[task["State"] for task in each] for each in tasks] == [["RUNNING", "RUNNING"], ["SUCCESS", "RUNNING"]]


def test_app_jobs_have_a_version(api: MakeApi, ask: Ask) -> None:
    """Installing and uninstalling, and nothing else, name an app version, in their tasks too."""
    for job in ask(api(), Limit=100)["Jobs"]:
        is_app = job["JobType"] in {"INSTALL_APP", "UNINSTALL_APP"}
        assert ("AppVersionId" in job) == is_app
        assert all(("AppVersionId" in task) == is_app for task in job["Tasks"])


@pytest.mark.parametrize("number", list(Number))
def test_written_times(start: float, ask: Ask, number: Number) -> None:
    """Times are integers or strings."""
    options = replace(EMPTY, times=number)
    api = scripted(start, SimulatedJob(job_id="mine", created=start, begun=start), options)
    created = ask(api)["Jobs"][0]["CreateTime"]
    assert isinstance(created, str) == (number is Number.STRING)
    assert unix_time(created) == start


@pytest.mark.parametrize(
    ("unset", "written"), [(Unset.ZERO, 0), (Unset.ABSENT, "absent"), (Unset.EMPTY, ""), (Unset.NULL, None)]
)
def test_written_unset_times(start: float, ask: Ask, unset: Unset, written: str | int | None) -> None:
    """A time to come has several ways of not being there."""
    options = replace(EMPTY, unset_times=unset)
    api = scripted(start, SimulatedJob(job_id="mine", created=start, begun=start), options)
    job = ask(api)["Jobs"][0]
    assert [row.get("EndTime", "absent") for row in (job, *job["Tasks"])] == [written, written]


@pytest.mark.parametrize(
    ("no_items", "written"), [(NoItems.EMPTY, []), (NoItems.ABSENT, "absent"), (NoItems.NULL, None)]
)
def test_written_empty_lists(start: float, ask: Ask, no_items: NoItems, written: object) -> None:
    """So has a list without items."""
    options = replace(EMPTY, no_items=no_items)
    api = scripted(start, SimulatedJob(job_id="mine", created=start, begun=start + 1), options)
    assert ask(api)["Jobs"][0].get("Tasks", "absent") == written
    assert ask(api, State="RUNNING").get("Jobs", "absent") == written


@pytest.mark.parametrize(("number", "written"), [(Number.INTEGER, 230), (Number.STRING, "230")])
def test_written_ret_code(api: MakeApi, ask: Ask, number: Number, written: object) -> None:
    """RetCode is an integer or a string."""
    assert ask(api(Options(ret_code=number)), State="?")["RetCode"] == written


def test_lone_surrogates_come_out_as_escapes(start: float, ask: Ask) -> None:
    """A text that is no Unicode breaks no answer, as JSON can escape it."""
    job = SimulatedJob(job_id="mine", created=start, begun=start, ended=start, failed_tasks=1, error_message="\ud800")
    assert ask(scripted(start, job), start + 1)["Jobs"][0]["Tasks"][0]["ErrorMsg"] == "\ud800"


def test_counts(api: MakeApi, ask: Ask) -> None:
    """The API counts what it was asked and what it answered."""
    simulated = api()
    ask(simulated)
    ask(simulated, State="?")
    ask(simulated, action="DescribeUPhoneCities")
    ask(simulated, action="Terminate")
    assert simulated.counts.requests == 4
    assert simulated.counts.actions == {"DescribeUPhoneJob": 2, "DescribeUPhoneCities": 1, "other": 1}
    assert simulated.counts.ret_codes == {0: 2, 230: 1, 161: 1}


def test_signature_is_the_vendors(api: MakeApi, start: float) -> None:
    """The demo keys are the ones that sign."""
    params = {"Action": "DescribeUPhoneJob", "PublicKey": DEMO_PUBLIC_KEY}
    assert raw(api(), start, {**params, "Signature": sign(params, DEMO_PRIVATE_KEY)})["RetCode"] == 0
