"""The simulator behind the real HTTP server, and the vendor's own SDK as its client."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from ucloud.client import Client
from ucloud.core import exc

from poller.simulator.app import Simulator
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Fault, Options, Outage
from poller.web.server import bind, serve

Sign = Callable[..., dict[str, str]]
Sdk = Callable[..., dict[str, Any]]
REQUEST = {"Action": "DescribeUPhoneJob", "Limit": "100"}


Serve = Callable[[Options], str]
Keys = dict[str, str]


def exchange(http: httpx2.Client, place: str, url: str, params: dict[str, str]) -> httpx2.Response:
    """Send parameters in the query, as a form or as JSON."""
    if place == "query":
        return http.get(url, params=params)
    return http.post(url, data=params) if place == "form" else http.post(url, json=params)


@pytest.fixture(scope="module", name="served")
def served_fixture() -> Iterator[Serve]:
    """Serve simulators on loopback ports in a thread of their own."""
    with start_blocking_portal("asyncio") as portal:
        running = []

        def start(options: Options) -> str:
            sockets = bind("127.0.0.1", 0)
            simulator = Simulator(options, now=time.time, date_header=False)
            running.append(portal.start_task(partial(serve, simulator, sockets))[0])
            return f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

        yield start
        for server in running:
            server.cancel()


@pytest.fixture(scope="module")
def quiet(served: Serve) -> str:
    """Serve jobs among which nothing moves, so that pages stand still."""
    days = (9e5, 1e6)
    options = Options(
        active_jobs=130, finished_jobs=130, arrival_rate=0, failed_share=0.3, queue_time=days, run_time=days
    )
    return served(options)


@pytest.fixture
def sdk(quiet: str, monkeypatch: pytest.MonkeyPatch) -> Sdk:
    """Call DescribeUPhoneJob through the vendor's SDK, with the demo keys or others."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    silent = logging.getLogger("sdk")

    def describe(keys: Keys | None = None, **request: str | int | list[str]) -> dict[str, Any]:
        config = {"base_url": quiet, "public_key": DEMO_PUBLIC_KEY, "private_key": DEMO_PRIVATE_KEY, **(keys or {})}
        page = Client(config, logger=silent).uphone().describe_u_phone_job(request)
        assert isinstance(page, dict)
        return page

    return describe


def test_sdk_lists(sdk: Sdk) -> None:
    """The SDK gets 20 jobs by default, all of whose fields are those of its own model."""
    page = sdk()
    assert (page["TotalCount"], len(page["Jobs"])) == (260, 20)
    job = page["Jobs"][0]
    assert isinstance(job["CreateTime"], int)
    assert job["JobId"]


def test_sdk_reads_tasks(sdk: Sdk) -> None:
    """Tasks have every field that the SDK requires, and the reason where one failed."""
    job = sdk(State="FAILED", Limit=1)["Jobs"][0]
    assert [task["UPhoneId"] for task in job["Tasks"]] == job["UPhoneIds"]
    assert all(task["State"] == "FAILED" and task["ErrorMsg"] for task in job["Tasks"])


def test_sdk_filters(sdk: Sdk) -> None:
    """State, Types, CityId and ProductType narrow the listing."""
    jobs = sdk(State="RUNNING", Types=["INSTALL_APP", "UPLOAD_FILE"], CityId="cn-hangzhou", Limit=100)["Jobs"]
    assert {job["State"] for job in jobs} == {"RUNNING"}
    assert {job["JobType"] for job in jobs} == {"INSTALL_APP", "UPLOAD_FILE"}
    assert sdk(ProductType="uphone")["TotalCount"] == 0


def test_sdk_pages(sdk: Sdk) -> None:
    """Offset and Limit lead through the whole listing without a repeat."""
    pages = [sdk(Offset=offset, Limit=100)["Jobs"] for offset in (0, 100, 200, 300)]
    assert [len(page) for page in pages] == [100, 100, 60, 0]
    assert len({job["JobId"] for page in pages for job in page}) == 260


def test_sdk_looks_up(sdk: Sdk) -> None:
    """A hundred JobIds come back in one page; an unknown one doesn't."""
    ids = [job["JobId"] for job in sdk(Limit=99)["Jobs"]]
    found = sdk(JobIds=[*ids, "unknown"], Limit=100)["Jobs"]
    assert {job["JobId"] for job in found} == set(ids)


@pytest.mark.parametrize(
    ("ret_code", "keys", "request_"),
    [
        (171, {"private_key": "wrong"}, {}),
        (172, {"public_key": "wrong"}, {}),
        (230, {}, {"State": "DONE"}),
        (230, {}, {"Limit": 101}),
        (230, {}, {"CityId": "cn-nowhere"}),
        (230, {}, {"JobIds": [str(number) for number in range(101)]}),
    ],
)
def test_sdk_fails(sdk: Sdk, ret_code: int, keys: dict[str, str], request_: dict[str, Any]) -> None:
    """Wrong keys and wrong parameters raise the SDK's own exception with the code that the vendor documents."""
    with pytest.raises(exc.RetCodeException) as caught:
        sdk(keys, **request_)
    assert caught.value.code == ret_code
    assert caught.value.request_uuid


def test_sdk_finds_cities(quiet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DescribeUPhoneCities tells the SDK where the jobs are."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    config = {"base_url": quiet, "public_key": DEMO_PUBLIC_KEY, "private_key": DEMO_PRIVATE_KEY}
    cities = Client(config, logger=logging.getLogger("sdk")).uphone().describe_u_phone_cities({})
    assert [city["CityId"] for city in cities["UPhoneCities"]] == ["cn-hangzhou"]


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_bodies(quiet: str, signed: Sign, place: str) -> None:
    """Query, form and JSON get the same page, and one Date."""
    with httpx2.Client(trust_env=False) as http:
        response = exchange(http, place, quiet, signed(REQUEST))
    assert len(response.json()["Jobs"]) == 100
    assert len(response.headers.get_list("Date")) == 1


@pytest.mark.parametrize(("options", "dates"), [({"date_skew": 3600}, 1), ({"send_date": False}, 0)])
def test_the_date_is_the_apis(served: Serve, signed: Sign, options: dict[str, Any], dates: int) -> None:
    """The server's own Date stands back where the API is to tell another time, or none, on every request."""
    url = served(Options(latency=0, jitter=0, **options))
    with httpx2.Client(trust_env=False) as http:
        responses = [http.post(url, data=signed(REQUEST)) for _ in range(2)]
    told = [response.headers.get_list("Date") for response in responses]
    assert [len(each) for each in told] == [dates, dates]
    assert all(parsedate_to_datetime(date).timestamp() > time.time() + 3000 for each in told for date in each)


@pytest.mark.parametrize("kind", [Outage.RESET, Outage.HTTP_503])
def test_outages(served: Serve, signed: Sign, caplog: pytest.LogCaptureFixture, kind: Outage) -> None:
    """An outage is one for real, and the server does not complain."""
    url = served(Options(outages=((0, 600, kind),), latency=0, jitter=0))
    with httpx2.Client(trust_env=False) as http:
        if kind is Outage.RESET:
            with pytest.raises(httpx2.ReadError, match="reset by peer"):
                http.post(url, data=signed(REQUEST))
        else:
            assert http.post(url, data=signed(REQUEST)).status_code == 503
    assert caplog.messages == []


def test_connections_are_kept(quiet: str, signed: Sign) -> None:
    """A client's second request needs no second connection."""
    with httpx2.Client(trust_env=False) as http:
        responses = (http.post(quiet, data=signed(REQUEST)) for _ in range(3))
        ports = {response.extensions["network_stream"].get_extra_info("client_addr") for response in responses}
    assert len(ports) == 1


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_reset(served: Serve, signed: Sign, caplog: pytest.LogCaptureFixture, place: str) -> None:
    """A reset connection is reset for real, and the server does not complain."""
    url = served(Options(faults={Fault.RESET: 1}, latency=0, jitter=0))
    with httpx2.Client(trust_env=False) as http, pytest.raises(httpx2.ReadError, match="reset by peer"):
        exchange(http, place, url, signed(REQUEST))
    assert caplog.messages == []


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_truncated(served: Serve, signed: Sign, caplog: pytest.LogCaptureFixture, place: str) -> None:
    """A truncated body ends before its announced length, and the server does not complain."""
    url = served(Options(faults={Fault.TRUNCATED: 1}, latency=0, jitter=0))
    with (
        httpx2.Client(trust_env=False) as http,
        pytest.raises(httpx2.RemoteProtocolError, match=r"received \d{3,} bytes, expected \d{3,}"),
    ):
        exchange(http, place, url, signed(REQUEST))
    assert caplog.messages == []


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED, None])
def test_impatient_client(served: Serve, signed: Sign, caplog: pytest.LogCaptureFixture, fault: Fault | None) -> None:
    """A client that hangs up before its answer, or within its request, breaks nothing."""
    url = served(Options(faults={} if fault is None else {fault: 1}, latency=0.5, jitter=0))
    with socket.create_connection(("127.0.0.1", httpx2.URL(url).port or 0)) as half:
        half.sendall(b"POST / HTTP/1.1\r\nHost: simulator\r\nContent-Length: 100\r\n\r\nAction=")
    with httpx2.Client(trust_env=False) as http:
        with pytest.raises(httpx2.ReadTimeout):
            http.post(url, data=signed(REQUEST), timeout=0.05)
        # Its answer is due before that of the next request.
        with nullcontext() if fault is None else pytest.raises(httpx2.TransportError):
            http.post(url, data=signed(REQUEST))
    assert caplog.messages == []
