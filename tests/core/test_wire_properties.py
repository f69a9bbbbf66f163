"""What holds for any answer at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.errors import ApiError
from poller.models import MAX_JOB_ID_BYTES, Job, Page, Sighting, State
from poller.wire import Reply, read_page

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
"""Any code points, lone surrogates among them."""

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.just("0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
STATES = st.sampled_from([str(state) for state in State] + ["NEW", "running", ""])
IDS = st.text(min_size=1, max_size=4) | st.text("aé\N{GRINNING FACE}", min_size=60, max_size=260)
TIMES = st.none() | st.integers(0, 10**10) | st.integers(0, 10**10).map(str) | st.sampled_from(["", "qamMsYcQ"])
TEXTS = st.text(max_size=8)


def either(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Take what should be there, or anything instead."""
    return good | good | ANY_JSON


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Make objects of which any field may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


HOSTILE_TASKS = objects(TaskId=either(TEXTS), State=either(STATES), ErrorMsg=either(ANY_TEXT), Extra=ANY_JSON)
HOSTILE_ROWS = objects(
    JobId=either(IDS | ANY_TEXT),
    State=either(STATES),
    JobType=either(TEXTS),
    CreateTime=either(TIMES),
    EndTime=either(TIMES),
    Tasks=either(st.lists(either(HOSTILE_TASKS), max_size=3)),
    UPhoneIds=either(st.lists(either(ANY_TEXT), max_size=3)),
    Extra=ANY_JSON,
)
HOSTILE_ANSWERS = st.fixed_dictionaries(
    {"RetCode": either(st.sampled_from([0, "0", 0, 0, 153]))},
    optional={
        "Jobs": either(st.lists(either(HOSTILE_ROWS), max_size=5)),
        "Message": either(ANY_TEXT),
        "TotalCount": either(st.integers()),
        "Extra": ANY_JSON,
    },
)


def attempt(body: bytes, *, tasks: bool) -> Page | ApiError:
    """Read a body that came with HTTP 200."""
    try:
        return read_page(Reply(200, body), tasks=tasks)
    except ApiError as error:
        return error


def read(body: bytes, *, tasks: bool) -> Page | str:
    """Return the page, or the class of its error; anything else that is raised fails the test."""
    page = attempt(body, tasks=tasks)
    if isinstance(page, ApiError):
        assert str(page).isprintable()
        return type(page).__name__
    assert page.received == len(page.jobs) + page.skipped
    for job in page.jobs:
        assert 0 < len(job.job_id.encode()) <= MAX_JOB_ID_BYTES
        assert isinstance(job, Job) or job.state in {State.PENDING, State.RUNNING}
    return page


def told(page: Page | str) -> object:
    """Reduce a page to what a sweep reads of it."""
    if isinstance(page, str):
        return page
    jobs = [(job.job_id, job.state, job.job_type, job.create_time, job.begin_time, job.end_time) for job in page.jobs]
    return jobs, page.received, page.skipped, page.total_count, page.unlisted_states


@given(body=st.binary(max_size=64), tasks=st.booleans())
def test_any_bytes_are_a_page_or_an_api_error(body: bytes, *, tasks: bool) -> None:
    """Nothing that a server sends can crash the poller."""
    read(body, tasks=tasks)


@given(document=ANY_JSON | HOSTILE_ANSWERS, ascii_only=st.booleans(), tasks=st.booleans())
def test_any_json_is_a_page_or_an_api_error(document: object, *, ascii_only: bool, tasks: bool) -> None:
    """However much like a page it looks, with its surrogates escaped or as raw bytes."""
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    read(body, tasks=tasks)


@given(document=HOSTILE_ANSWERS, cut=st.integers(0, 400), junk=st.binary(max_size=3), tasks=st.booleans())
def test_any_damaged_answer_is_a_page_or_an_api_error(document: object, cut: int, junk: bytes, *, tasks: bool) -> None:
    """Bytes lost or put in anywhere."""
    body = json.dumps(document).encode()
    read(body[:cut] + junk + body[cut + 1 :], tasks=tasks)


@given(document=HOSTILE_ANSWERS)
def test_a_sweep_and_a_look_up_read_the_same(document: dict[str, Any]) -> None:
    """Tasks or not, the rows are the same."""
    body = json.dumps(document).encode()
    slim, full = read(body, tasks=False), read(body, tasks=True)
    assert told(slim) == told(full)


@given(rows=st.lists(HOSTILE_ROWS, max_size=5))
def test_the_fast_and_the_slow_way_read_the_same(rows: list[dict[str, Any]]) -> None:
    """A row that only the slow way reads changes nothing about the others."""
    fast = read(json.dumps({"RetCode": 0, "Jobs": rows}).encode(), tasks=True)
    slow = read(json.dumps({"RetCode": 0, "Jobs": [*rows, None]}).encode(), tasks=True)
    assert isinstance(fast, Page)
    assert isinstance(slow, Page)
    assert (slow.received, slow.skipped) == (fast.received + 1, fast.skipped + 1)
    assert told_in_full(slow) == told_in_full(fast)


GOOD_TASKS = objects(TaskId=TEXTS, State=STATES, UPhoneId=TEXTS, ServerId=TEXTS, ErrorMsg=TEXTS, ExecuteMsg=TEXTS)
GOOD_ROWS = objects(
    State=STATES,
    JobType=TEXTS,
    CreateTime=TIMES,
    BeginTime=TIMES,
    EndTime=TIMES,
    Tasks=st.none() | st.lists(GOOD_TASKS, max_size=3),
    AppVersionId=st.none() | TEXTS,
    UPhoneIds=st.none() | st.lists(TEXTS, max_size=3),
)


@given(rows=st.lists(st.tuples(st.text(min_size=1, max_size=64), GOOD_ROWS), max_size=5))
def test_a_well_formed_page_is_read_the_same_either_way(rows: list[tuple[str, dict[str, Any]]]) -> None:
    """To the last field, and nothing of it is lost."""
    documents = [{"JobId": job_id, **fields} for job_id, fields in rows]
    fast = read(json.dumps({"RetCode": 0, "Jobs": documents}).encode(), tasks=True)
    slow = read(json.dumps({"RetCode": 0, "Jobs": documents, "TotalCount": []}).encode(), tasks=True)
    assert isinstance(fast, Page)
    assert fast == slow
    assert (len(fast.jobs), fast.skipped) == (len(rows), 0)


def told_in_full(page: Page) -> list[object]:
    """Reduce a page to all that it tells, times as they are read."""
    return [full(job) for job in page.jobs]


def full(job: Sighting) -> object:
    """Reduce a job to all that it tells."""
    assert isinstance(job, Job)
    times = (job.create_time, job.begin_time, job.end_time)
    return job.job_id, job.state, job.job_type, times, job.tasks, job.app_version_id, job.uphone_ids


@pytest.mark.parametrize("depth", [100, 400, 900, 1100, 5000])
@pytest.mark.parametrize("shape", ['{"RetCode":0,"X":%s}', '{"RetCode":0,"Jobs":[{"JobId":"a","Tasks":%s}]}'])
def test_nesting_of_any_depth_is_a_page_or_an_api_error(shape: str, depth: int) -> None:
    """At, below and above what either decoder follows."""
    read((shape % ("[" * depth + "]" * depth)).encode(), tasks=True)
