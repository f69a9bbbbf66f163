"""Faults: each as often as asked for, each in its own shape, the same ones every time."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from poller.simulator.answers import Answer, Ending
from poller.simulator.api import Api
from poller.simulator.options import Fault, Options

MakeApi = Callable[..., Api]
Sign = Callable[..., dict[str, str]]

REQUEST = {"Action": "DescribeUPhoneJob", "Limit": "30"}
EVERY = dict.fromkeys(Fault, 0.05)


def answers(api: Api, params: dict[str, str], at: float, count: int) -> list[Answer]:
    """Send the same request again and again."""
    return [api.answer(params, at) for _ in range(count)]


def document(answer: Answer) -> dict[str, Any]:
    """Read the body of an answer."""
    content = json.loads(answer.content.body)
    assert isinstance(content, dict)
    return content


@pytest.fixture
def certain(api: MakeApi, signed: Sign, start: float) -> Callable[[Fault], tuple[Answer, Answer]]:
    """Answer the same request with a fault and without."""

    def answer(fault: Fault) -> tuple[Answer, Answer]:
        faulty, well = api(Options(faults={fault: 1.0})), api()
        return faulty.answer(signed(REQUEST), start), well.answer(signed(REQUEST), start)

    return answer


def test_shares(api: MakeApi, signed: Sign, start: float) -> None:
    """Over many requests each fault comes as often as asked for, and the rest go well."""
    simulated = api(Options(faults=EVERY, active_jobs=1, finished_jobs=0))
    answers(simulated, signed(REQUEST), start, 4000)
    assert set(simulated.counts.faults) == set(Fault)
    assert all(140 < count < 260 for count in simulated.counts.faults.values())


def test_the_same_requests_get_the_same_answers(api: MakeApi, signed: Sign, start: float) -> None:
    """Faults, delays and request ids are drawn from the seed and the request's number."""
    one, other = (answers(api(Options(faults=EVERY)), signed(REQUEST), start, 200) for _ in range(2))
    assert one == other


def test_another_seed_gives_other_faults(api: MakeApi, signed: Sign, start: float) -> None:
    """Seeds differ in their faults too."""
    one, other = (answers(api(Options(faults=EVERY, seed=seed)), signed(REQUEST), start, 50) for seed in (1, 2))
    assert [answer.ending for answer in one] != [answer.ending for answer in other]


def test_a_fault_leaves_the_rest_as_it_was(api: MakeApi, signed: Sign, start: float) -> None:
    """Turning on faults changes neither request ids nor delays, nor what the healthy answers say."""
    well = answers(api(), signed(REQUEST), start, 100)
    faulty = answers(api(Options(faults={Fault.HTTP_503: 0.3})), signed(REQUEST), start, 100)
    assert [answer.headers for answer in well] == [answer.headers for answer in faulty]
    assert [answer.delay for answer in well] == [answer.delay for answer in faulty]
    pairs = zip(well, faulty, strict=True)
    assert {one == other for one, other in pairs if other.content.status == 200} == {True}


def test_delays(api: MakeApi, signed: Sign, start: float) -> None:
    """An answer takes the latency and up to the jitter."""
    delays = [answer.delay for answer in answers(api(Options(latency=2, jitter=3)), signed(REQUEST), start, 300)]
    assert 2 <= min(delays) < 2.1
    assert 4.9 < max(delays) <= 5


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        (Fault.HTTP_503, 503, "text/plain"),
        (Fault.HTML_502, 502, "text/html"),
        (Fault.HTTP_429, 429, "text/plain"),
        (Fault.GARBAGE, 200, "application/json"),
    ],
)
def test_answers_in_place_of_the_api(
    certain: Callable[[Fault], tuple[Answer, Answer]], fault: Fault, status: int, content_type: str
) -> None:
    """A gateway's own troubles look like those of a gateway."""
    faulty, _ = certain(fault)
    assert (faulty.content.status, faulty.content.content_type) == (status, content_type)
    assert (("Retry-After", "1") in faulty.headers) == (status == 429)


def test_garbage_is_never_a_page(api: MakeApi, start: float) -> None:
    """Whatever garbage is drawn, it is not an answer of the API."""
    bodies = {answer.content.body for answer in answers(api(Options(faults={Fault.GARBAGE: 1})), {}, start, 200)}
    assert len(bodies) > 4
    for body in bodies:
        try:
            content = json.loads(body)
        except ValueError:
            continue
        assert not isinstance(content, dict) or not isinstance(content.get("Jobs"), list)


@pytest.mark.parametrize("ret_code", [110, 130, 150, 153])
def test_gateway_codes(certain: Callable[[Fault], tuple[Answer, Answer]], ret_code: int) -> None:
    """Transient codes come with HTTP 200 and without rows."""
    faulty, _ = certain(Fault(f"ret-code-{ret_code}"))
    content = document(faulty)
    assert (faulty.content.status, content["RetCode"], "Jobs" in content) == (200, ret_code, False)


@pytest.mark.parametrize(("fault", "ending"), [(Fault.RESET, Ending.RESET), (Fault.TRUNCATED, Ending.TRUNCATED)])
def test_cut_connections(certain: Callable[[Fault], tuple[Answer, Answer]], fault: Fault, ending: Ending) -> None:
    """What happens to the connection is said beside an answer that would have been good."""
    faulty, well = certain(fault)
    assert faulty.ending is ending
    assert faulty.content == well.content


def test_empty_page_lies_whole(certain: Callable[[Fault], tuple[Answer, Answer]]) -> None:
    """A lying empty page is a success with a count of 0."""
    faulty, well = map(document, certain(Fault.EMPTY_PAGE))
    assert (faulty["RetCode"], faulty["Jobs"], faulty["TotalCount"]) == (0, [], 0)
    assert well["TotalCount"] > 0


def test_duplicated_rows_push_others_out(certain: Callable[[Fault], tuple[Answer, Answer]]) -> None:
    """A full page with a row twice stays within its limit."""
    faulty, well = ([job["JobId"] for job in document(answer)["Jobs"]] for answer in certain(Fault.DUPLICATE_ROWS))
    assert len(faulty) == len(well) == 30
    assert len(set(faulty)) == 29
    assert set(faulty) < set(well)
