"""The server's clock, as the headers of an answer tell it."""

import time

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.lister.client import _date
from poller.models import Query, State, Target
from tests.lister.conftest import MakeLister

DATES = st.text('0123456789 :,+-()GMTuenovWd."/', max_size=40)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("header", "date"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Sun, 06 Nov 1994 09:49:37 +0100", 784_111_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ("784111777", None),
        ("now", None),
        ("", None),
    ],
)
async def test_the_date_of_an_answer_is_read(lister: MakeLister, header: str, date: int | None) -> None:
    """In every form that RFC 9110 has, and none that it does not."""
    answer = httpx2.Response(200, json={"RetCode": 0}, headers={"Date": header})
    page = await lister(lambda _: answer).page(Query(Target(), State.RUNNING))
    assert page.date == date


@pytest.mark.anyio
async def test_an_answer_without_a_date_has_none(lister: MakeLister) -> None:
    """It is optional where a server has no clock."""
    page = await lister(lambda _: httpx2.Response(200, json={"RetCode": 0})).page(Query(Target(), State.RUNNING))
    assert page.date is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
def test_a_date_is_in_gmt_wherever_we_are(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """The oldest form names no zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert _date("Sun Nov  6 08:49:37 1994") == 784_111_777
    finally:
        monkeypatch.undo()
        time.tzset()


@given(DATES | st.text(max_size=20))
def test_any_header_is_a_date_or_none(header: str) -> None:
    """Nothing that a server sends here can crash the poller."""
    date = _date(header)
    assert date is None or 0 < date < 2**40
