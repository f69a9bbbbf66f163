"""The rows and texts of an answer: bad ones are skipped, and bytes of any kind cost no page."""

import pytest

from poller.models import Job, State, Task
from tests.core.pages import answer, only, read, row


@pytest.mark.parametrize(
    "bad",
    [
        {"State": "RUNNING"},
        *(
            row(JobId=job_id)
            for job_id in ("", None, 7, ["uj"], "x" * 257, "é" * 129, "\N{GRINNING FACE}" * 65, "uj-\ud800")
        ),
        {},
        None,
        7,
        "uj-1",
        ["uj-1"],
        {"Jobs": [{"JobId": "uj-9"}]},
    ],
)
@pytest.mark.parametrize("tasks", [True, False])
def test_a_bad_row_is_skipped_and_counted(bad: object, *, tasks: bool) -> None:
    """Its neighbours live, and offsets still count it."""
    page = answer(row(JobId="uj-1"), bad, row(JobId="uj-3"), tasks=tasks)
    assert [job.job_id for job in page.jobs] == ["uj-1", "uj-3"]
    assert (page.received, page.skipped) == (3, 1)


@pytest.mark.parametrize(
    "job_id", ["x" * 256, "é" * 128, "\N{GRINNING FACE}" * 64, "uj\x00-1", "\N{REPLACEMENT CHARACTER}", " "]
)
@pytest.mark.parametrize("unlisted", [True, False])
def test_an_id_of_at_most_256_bytes_is_good_whatever_it_is_made_of(job_id: str, *, unlisted: bool) -> None:
    """On either way of reading, the slow one of which an unlisted state asks for."""
    page = answer(row(JobId=job_id), row(JobId="uj-2", State="NEW" if unlisted else "RUNNING"), tasks=False)
    assert [job.job_id for job in page.jobs] == [job_id, "uj-2"]
    assert page.skipped == 0


@pytest.mark.parametrize("tasks", [True, False])
def test_a_lone_surrogate_in_a_message_does_not_cost_the_page(*, tasks: bool) -> None:
    """It is replaced, and pairs are kept."""
    body = (
        rb'{"RetCode":0,"Jobs":[{"JobId":"a","State":"FAILED","Tasks":[{"ErrorMsg":"x\ud800y\ud83d\ude00"}]},'
        rb'{"JobId":"b","State":"RUNNING"}]}'
    )
    page = read(body, tasks=tasks)
    first, second = page.jobs
    assert isinstance(first, Job)
    assert first.tasks == [Task(error_message="x\N{REPLACEMENT CHARACTER}y\N{GRINNING FACE}")]
    assert second.job_id == "b"


@pytest.mark.parametrize("junk", [b"\xff", b"\xed\xa0\x80", b"\xc3", b"\x80"])
@pytest.mark.parametrize("tasks", [True, False])
def test_bytes_that_are_not_utf8_cost_the_field_they_stand_in(junk: bytes, *, tasks: bool) -> None:
    """An id is bad then, since nobody can be asked about it; a text has the bytes replaced."""
    body = b'{"RetCode":0,"Jobs":[{"JobId":"a%s"},{"JobId":"b","State":"RUNNING","JobType":"T%s"}]}' % (junk, junk)
    page = read(body, tasks=tasks)
    (job,) = page.jobs
    assert (job.job_id, job.state, page.skipped) == ("b", State.RUNNING, 1)
    assert job.job_type == "T" + "\N{REPLACEMENT CHARACTER}" * len(junk)


def test_raw_control_characters_in_a_text_do_not_cost_the_page() -> None:
    """JSON forbids them; a server that forgets to escape a command's output sends them."""
    body = b'{"RetCode":0,"Jobs":[{"JobId":"a","State":"FAILED","Tasks":[{"ErrorMsg":"x\n\ty"}]}]}'
    assert only(read(body)).tasks == [Task(error_message="x\n\ty")]


def test_the_last_of_repeated_keys_counts_on_either_way() -> None:
    """So that a page means the same however it is read."""
    jobs = '"Jobs":[{"JobId":"a","JobId":"b","State":"%s"}]'
    for state in ("RUNNING", "NEW"):
        page = read('{"RetCode":9,"RetCode":0,"Jobs":[],' + jobs % state + "}")
        assert [job.job_id for job in page.jobs] == ["b"]


def test_escaped_keys_are_keys() -> None:
    """JSON allows it."""
    assert len(read(rb'{"Ret\u0043ode":0,"\u004aobs":[{"JobId":"a","State":"RUNNING"}]}').jobs) == 1
