"""Trouble of the gateway's own: outages, a rate limit, a clock that is off, and rows that tell of no job."""

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest

from poller.simulator.answers import Answer, Ending
from poller.simulator.api import Api
from poller.simulator.bucket import TokenBucket
from poller.simulator.options import Fault, Options, Outage
from poller.simulator.rows import BAD_ROWS

Ask = Callable[..., dict[str, Any]]
MakeApi = Callable[..., Api]
Sign = Callable[..., dict[str, str]]

REQUEST = {"Action": "DescribeUPhoneJob", "Limit": "30"}
DESCRIBE: dict[str, Any] = {"Limit": 30}


def usable(row: Any) -> bool:  # noqa: ANN401 (whatever JSON may be)
    """Tell whether a row tells of a job."""
    return isinstance(row, dict) and isinstance(row.get("JobId"), str) and 0 < len(row["JobId"].encode()) <= 256


@pytest.fixture
def struck(api: MakeApi, signed: Sign, start: float) -> Callable[[Outage, float], tuple[Answer, Api]]:
    """Ask an API, which has an outage from 10 to 20, so many seconds after its start."""

    def ask(kind: Outage, at: float) -> tuple[Answer, Api]:
        simulated = api(Options(outages=((10, 20, kind),), latency=0, jitter=0))
        return simulated.answer(signed(REQUEST), start + at), simulated

    return ask


Struck = Callable[[Outage, float], tuple[Answer, Api]]


@pytest.mark.parametrize("kind", list(Outage))
@pytest.mark.parametrize(("at", "suffers"), [(9.9, False), (10, True), (19.9, True), (20, False)])
def test_an_outage_has_its_time(struck: Struck, kind: Outage, at: float, suffers: bool) -> None:  # noqa: FBT001 (a parameter)
    """An outage strikes from its begin until right before its end."""
    answer, simulated = struck(kind, at)
    assert simulated.counts.outages == ({kind: 1} if suffers else {})
    good = answer.content.body.startswith(b'{"RetCode":0,')
    assert (good and answer.ending is Ending.WHOLE and answer.delay == 0) is not suffers


def test_outage_of_connections(struck: Struck) -> None:
    """In an outage of connections every one is reset."""
    assert struck(Outage.RESET, 15)[0].ending is Ending.RESET


def test_outage_of_the_service(struck: Struck) -> None:
    """In an outage of the service the gateway says so."""
    assert struck(Outage.HTTP_503, 15)[0].content.status == 503


def test_outage_of_the_keys(struck: Struck) -> None:
    """In an outage of the account service right signatures are refused."""
    assert json.loads(struck(Outage.REFUSED_KEYS, 15)[0].content.body)["RetCode"] == 171


def test_silence(api: MakeApi, signed: Sign, start: float) -> None:
    """In a silence answers are right and late, and tell of the time of their request."""
    simulated = api(Options(outages=((0, 60, Outage.SILENT),), silence=70, latency=1, jitter=0))
    late, well = (each.answer(signed(REQUEST), start) for each in (simulated, api(Options(latency=1, jitter=0))))
    assert (late.content, late.ending, late.delay) == (well.content, Ending.WHOLE, 71)


def test_an_outage_goes_before_faults(api: MakeApi, ask: Ask, start: float) -> None:
    """Within an outage no other fault strikes, and after it they do as ever."""
    simulated = api(Options(faults={Fault.RET_CODE_110: 1}, outages=((0, 1, Outage.REFUSED_KEYS),)))
    assert [ask(simulated, start + at)["RetCode"] for at in (0.5, 1)] == [171, 110]
    assert simulated.counts.faults == {Fault.RET_CODE_110: 1}


def test_what_comes_late_is_whole(api: MakeApi, ask: Ask, start: float) -> None:
    """In a silence, no fault touches the page that comes at last."""
    simulated = api(Options(faults={Fault.EMPTY_PAGE: 1}, outages=((0, 1, Outage.SILENT),)))
    assert [len(ask(simulated, start + at)["Jobs"]) for at in (0.5, 1)] == [20, 0]


def test_the_first_of_two_outages_counts(api: MakeApi, signed: Sign, start: float) -> None:
    """Where two outages overlap, it is the one that is named first."""
    simulated = api(Options(outages=((0, 9, Outage.HTTP_503), (5, 19, Outage.RESET))))
    answers = [simulated.answer(signed(REQUEST), start + at) for at in (7, 12)]
    assert [answer.ending for answer in answers] == [Ending.WHOLE, Ending.RESET]


def test_rate_limit(api: MakeApi, ask: Ask, start: float) -> None:
    """A second's worth of requests passes at once, the next are throttled until tokens have come back."""
    simulated = api(Options(rate_limit=4))
    times = [0] * 6 + [0.25, 0.3, 0.5] + [9] * 5
    codes = [ask(simulated, start + at)["RetCode"] for at in times]
    assert codes == [0, 0, 0, 0, 153, 153, 0, 153, 0, 0, 0, 0, 0, 153]
    assert simulated.counts.throttled == 4


def test_the_rate_limit_is_kept_over_time(api: MakeApi, ask: Ask, start: float) -> None:
    """Asked much too often, an API answers as often as its limit says."""
    simulated = api(Options(rate_limit=5))
    codes = [ask(simulated, start + number / 50)["RetCode"] for number in range(1000)]
    assert 100 <= codes.count(0) <= 105


def test_a_slow_rate_lets_single_requests_pass() -> None:
    """A rate below one a second lets one pass, and the next after its time."""
    bucket = TokenBucket(0.25)
    assert [bucket.take(at) for at in (0, 1, 3, 4, 5)] == [True, False, False, True, False]


def test_a_clock_set_back_refills_no_bucket() -> None:
    """Time that is lived through twice brings its tokens once."""
    bucket = TokenBucket(1)
    assert [bucket.take(at) for at in (10, 5, 10, 10.9, 11)] == [True, False, False, False, True]


def test_faulty_requests_count_against_the_limit(api: MakeApi, signed: Sign, start: float) -> None:
    """What is throttled depends on the times of requests alone."""
    simulated = api(Options(rate_limit=1, faults={Fault.HTTP_503: 1}, outages=((5, 9, Outage.RESET),)))
    for at in (0, 0, 5, 5):
        simulated.answer(signed(REQUEST), start + at)
    assert simulated._bucket is not None
    assert not simulated._bucket.take(start + 5)


@pytest.mark.parametrize("skew", [-300, 0, 0.5, 300])
def test_a_date_that_is_off(api: MakeApi, signed: Sign, start: float, skew: float) -> None:
    """The Date may be off; the times in rows never are."""
    answer = api(Options(date_skew=skew)).answer(signed(REQUEST), start)
    assert parsedate_to_datetime(dict(answer.headers)["Date"]).timestamp() == int(start + skew)
    assert answer.content == api().answer(signed(REQUEST), start).content


def test_no_date(api: MakeApi, signed: Sign, start: float) -> None:
    """An API may send no Date at all."""
    assert "Date" not in dict(api(Options(send_date=False)).answer(signed(REQUEST), start).headers)


def test_bad_rows_have_their_share(api: MakeApi, ask: Ask) -> None:
    """As many listings have one bad row as asked for, in any of its shapes, and anywhere in the page."""
    simulated = api(Options(bad_row_share=0.3))
    pages = [ask(simulated, **DESCRIBE)["Jobs"] for _ in range(600)]
    bad = [(at, json.dumps(row)) for page in pages for at, row in enumerate(page) if not usable(row)]
    assert 140 < len(bad) < 220
    assert len({row for _, row in bad}) == len(BAD_ROWS)
    assert {at for at, _ in bad} > {0, 15, 29}


def test_no_bad_row_can_be_used() -> None:
    """No bad row has an id that could be a job's."""
    assert not any(usable(json.loads(row)) for row in BAD_ROWS)


def test_a_bad_row_pushes_the_last_one_out(api: MakeApi, ask: Ask) -> None:
    """A full page with a bad row in it stays within its limit, and counts as ever."""
    bad, well = (ask(api(options), **DESCRIBE) for options in (Options(bad_row_share=1), Options()))
    rows = [row for row in bad["Jobs"] if usable(row)]
    assert len(bad["Jobs"]) == 30
    assert rows == well["Jobs"][: len(rows)]
    assert len(rows) in {29, 30}  # 30 if it is the bad row that comes last, and goes
    assert bad["TotalCount"] == well["TotalCount"]


def test_a_bad_row_makes_a_short_page_longer(api: MakeApi, ask: Ask) -> None:
    """In a page that is not full it is one row more, in one without rows the only one."""
    options = Options(bad_row_share=1, active_jobs=5, finished_jobs=0, arrival_rate=0)
    assert [len(ask(api(options), Offset=offset, **DESCRIBE)["Jobs"]) for offset in (0, 5)] == [6, 1]


def test_bad_rows_leave_the_rest_as_it_was(api: MakeApi, signed: Sign, start: float) -> None:
    """Bad rows change neither who is faulty nor how ties are broken."""
    options: dict[str, Any] = {"shuffle_ties": True, "faults": {Fault.HTTP_503: 0.2}}
    well, bad = (api(Options(**options, bad_row_share=share)) for share in (0, 0.5))
    pairs = [[each.answer(signed(REQUEST), start) for each in (well, bad)] for _ in range(100)]
    assert all(one.content.status == other.content.status for one, other in pairs)
    untouched = [(one, other) for one, other in pairs if len(one.content.body) == len(other.content.body)]
    assert len(untouched) > 40
    assert all(one == other for one, other in untouched)


def test_the_same_trouble_every_time(api: MakeApi, signed: Sign, start: float) -> None:
    """Outages, limits and bad rows are a function of options, times and the order of requests."""
    options = Options(rate_limit=3, outages=((10, 15, Outage.HTTP_503),), bad_row_share=0.3, shuffle_ties=True)
    one, other = (
        [simulated.answer(signed(REQUEST), start + number / 5) for number in range(200)]
        for simulated in (api(options), api(options))
    )
    assert one == other
    assert any(left.content != right.content for left, right in pairwise(one))
