"""The ASGI application, without sockets and on a virtual clock."""

import json
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import pytest
import trio
import trio.testing

from poller.simulator.app import Simulator
from poller.simulator.options import Fault, Options, Outage
from poller.simulator.transport import InProcessTransport

Sign = Callable[..., dict[str, str]]

pytestmark = pytest.mark.anyio
REQUEST = {"Action": "DescribeUPhoneJob", "Limit": "3"}
URL = "http://simulator"


def client(options: Options, start: float) -> httpx2.AsyncClient:
    """Connect to a simulator whose clock stands still."""
    return httpx2.AsyncClient(transport=InProcessTransport(Simulator(options, now=lambda: start)))


def rows(response: httpx2.Response) -> int:
    """Count the rows of a page."""
    content: dict[str, Any] = response.json()
    assert content["RetCode"] == 0
    return len(content["Jobs"])


async def test_get(signed: Sign, start: float) -> None:
    """A GET carries parameters in the query string."""
    async with client(Options(), start) as http:
        assert rows(await http.get(URL, params=signed(REQUEST))) == 3


async def test_form(signed: Sign, start: float) -> None:
    """A form is what most of the vendor's SDKs post."""
    async with client(Options(), start) as http:
        assert rows(await http.post(URL, data=signed(REQUEST))) == 3


async def test_json(signed: Sign, start: float) -> None:
    """JSON, with its numbers and lists, is what the JavaScript SDK posts; the flat form is what is signed."""
    async with client(Options(active_jobs=9), start) as http:
        listed = (await http.post(URL, data=signed(REQUEST))).json()["Jobs"]
        ids = [job["JobId"] for job in listed]
        signature = signed({**REQUEST, "JobIds.0": ids[0], "JobIds.1": ids[1]})["Signature"]
        body = {**signed(REQUEST), "Limit": 3, "JobIds": ids[:2], "Signature": signature}
        assert rows(await http.post(URL, json=body)) == 2


async def test_headers(signed: Sign, start: float) -> None:
    """An answer tells the API's time and a request id of its own."""
    async with client(Options(), start) as http:
        one, other = [(await http.post(URL, data=signed(REQUEST))).headers for _ in range(2)]
    assert parsedate_to_datetime(one["Date"]).timestamp() == start
    assert one["X-UCLOUD-REQUEST-UUID"] != other["X-UCLOUD-REQUEST-UUID"]


@pytest.mark.parametrize("date_header", [True, False])
async def test_a_date_that_is_off(signed: Sign, start: float, date_header: bool) -> None:  # noqa: FBT001 (a parameter)
    """A Date that the options order is told, whoever else would tell one."""
    simulator = Simulator(Options(date_skew=-300), now=lambda: start, date_header=date_header)
    async with httpx2.AsyncClient(transport=InProcessTransport(simulator)) as http:
        headers = (await http.post(URL, data=signed(REQUEST))).headers
    assert parsedate_to_datetime(headers["Date"]).timestamp() == start - 300


async def test_no_date(signed: Sign, start: float) -> None:
    """An API that sends no Date has none in process either."""
    async with client(Options(send_date=False), start) as http:
        assert "Date" not in (await http.post(URL, data=signed(REQUEST))).headers


def test_history(start: float) -> None:
    """A test can ask the simulator's world for everything that has been."""
    simulator = Simulator(Options(finished_jobs=3, active_jobs=2), now=lambda: start, keep_history=True)
    assert len(simulator.world.runs(start)) == 5


async def test_unreadable_body(start: float) -> None:
    """A body that is no JSON is the client's mistake."""
    async with client(Options(), start) as http:
        response = await http.post(URL, content=b"{", headers={"Content-Type": "application/json"})
    assert response.status_code == 400


async def test_deeply_nested_body(start: float) -> None:
    """And so is JSON that nobody can read."""
    async with client(Options(), start) as http:
        response = await http.post(URL, content=b'{"A":' * 100_000, headers={"Content-Type": "application/json"})
    assert response.status_code == 400


async def test_other_methods(start: float) -> None:
    """Only GET and POST are served."""
    async with client(Options(), start) as http:
        response = await http.put(URL)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(("fault", "error"), [(Fault.RESET, "ReadError"), (Fault.TRUNCATED, "RemoteProtocolError")])
async def test_cut_connections(signed: Sign, start: float, fault: Fault, error: str) -> None:
    """In process, a cut connection raises what it raises on a socket."""
    async with client(Options(faults={fault: 1}), start) as http:
        with pytest.raises(getattr(httpx2, error)):
            await http.post(URL, data=signed(REQUEST))


def test_silence(signed: Sign) -> None:
    """In a silence the client's patience ends first."""

    async def ask() -> float:
        options = Options(outages=((0, 60, Outage.SILENT),), silence=90)
        simulator = Simulator(options, now=lambda: 1e9 + trio.current_time())
        async with httpx2.AsyncClient(transport=InProcessTransport(simulator), timeout=None) as http:
            began = trio.current_time()
            with trio.move_on_after(65):
                await http.post(URL, data=signed(REQUEST))
            return trio.current_time() - began

    assert trio.run(ask, clock=trio.testing.MockClock(autojump_threshold=0)) == pytest.approx(65)


def test_virtual_time(signed: Sign) -> None:
    """On a virtual clock an hour's latency passes at once, and the world with it."""

    async def hour() -> tuple[float, list[int]]:
        options = Options(latency=1800, jitter=0, finished_jobs=0, retention=1e9)
        simulator = Simulator(options, now=lambda: 1e9 + trio.current_time())
        async with httpx2.AsyncClient(transport=InProcessTransport(simulator), timeout=None) as http:
            began = trio.current_time()
            totals = [(await http.post(URL, data=signed(REQUEST))).json()["TotalCount"] for _ in range(3)]
        return trio.current_time() - began, totals

    took, totals = trio.run(hour, clock=trio.testing.MockClock(autojump_threshold=0))
    assert took == pytest.approx(5400)
    assert totals[0] == 20
    assert 1600 < totals[1] < 2000
    assert 3400 < totals[2] < 3900


def test_json_documents_are_ascii(signed: Sign, start: float) -> None:
    """A body is ASCII, whatever the texts in it."""
    answer = Simulator(Options(), now=lambda: start).api.answer(signed(REQUEST), start)
    assert json.loads(answer.content.body.decode("ascii"))["RetCode"] == 0
