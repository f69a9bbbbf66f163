"""The lister: one signed form POST a page, over a transport that answers in memory."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl

import httpx2
import pytest

from poller import __version__
from poller.errors import ApiError, ConfigError, FixCredentials
from poller.lister import Lister, open_client
from poller.models import Job, Query, Sighting, State, Target
from poller.signature import Credentials, sign
from poller.stats import ApiStats

pytestmark = pytest.mark.anyio

MakeLister = Callable[..., Lister]
LISTING = Query(Target(project_id="org-x"), State.RUNNING)
LOOK_UP = Query(Target(), job_ids=("uj-1",))
ROW = {"JobId": "uj-1", "State": "RUNNING", "Tasks": []}


def page(*rows: object) -> httpx2.Response:
    """Answer with a page."""
    return httpx2.Response(200, json={"RetCode": 0, "Jobs": rows})


async def test_a_page_is_one_signed_form_post(lister: MakeLister) -> None:
    """To the address as configured, with the vendor's parameters as its body."""
    requests: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return page(ROW)

    got = await lister(answer, base_url="http://api.test/gateway").page(LISTING)
    assert got.jobs == [Sighting(job_id="uj-1", state=State.RUNNING)]
    (request,) = requests
    assert (request.method, str(request.url)) == ("POST", "http://api.test/gateway")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["User-Agent"] == f"uphone-job-poller/{__version__}"
    params = dict(parse_qsl(request.content.decode()))
    assert params["ProjectId"] == "org-x"
    assert params.pop("Signature") == sign(params, "private-key")


async def test_a_look_up_brings_tasks(lister: MakeLister) -> None:
    """A job may have ended, and its event tells of them."""
    got = await lister(lambda _: page(ROW)).page(LOOK_UP)
    assert got.jobs == [Job(job_id="uj-1", state=State.RUNNING, tasks=[])]


async def test_credentials_are_read_anew_for_every_request(lister: MakeLister) -> None:
    """Also between the tries for one page: rotated keys count at once."""
    pairs = iter([Credentials("one", "1"), Credentials("two", "2", "t"), Credentials("three", "3")])
    seen: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(dict(parse_qsl(request.content.decode())))
        return page() if len(seen) > 1 else httpx2.Response(503)

    source = lister(answer, credentials=lambda: next(pairs))
    await source.page(LISTING)
    await source.page(LISTING)
    assert [(each["PublicKey"], each.get("SecurityToken")) for each in seen] == [
        ("one", None),
        ("two", "t"),
        ("three", None),
    ]
    assert seen[1].pop("Signature") == sign(seen[1], "2")


async def test_bad_rows_are_counted(lister: MakeLister, stats: ApiStats) -> None:
    """Over all pages."""
    source = lister(lambda _: page(ROW, {}, None))
    await source.page(LISTING)
    await source.page(LISTING)
    assert stats.rows_skipped == 4


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda _: page(), "0"),
        (lambda _: httpx2.Response(200, json={"RetCode": 171}), "171"),
        (lambda _: httpx2.Response(200, json={"RetCode": "150"}), "150"),
        (lambda _: httpx2.Response(503), "http_503"),
        (lambda _: httpx2.Response(404), "http_404"),
        (lambda _: httpx2.Response(200, text="<html>"), "malformed"),
    ],
)
async def test_every_request_counts_under_its_code(
    lister: MakeLister, stats: ApiStats, answer: Callable[[httpx2.Request], httpx2.Response], code: str
) -> None:
    """The RetCode, or what came in its place; how long it took counts too."""
    with suppress(ApiError):
        await lister(answer, attempts=1).page(LISTING)
    assert stats.requests == {("DescribeUPhoneJob", code): 1}
    assert stats.request_seconds["DescribeUPhoneJob",].count == 1


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (httpx2.ReadTimeout("slow"), "timeout"),
        (httpx2.ConnectTimeout("slow"), "timeout"),
        (httpx2.PoolTimeout("slow"), "timeout"),
        (TimeoutError(), "timeout"),
        (httpx2.ConnectError("refused"), "connect"),
        (httpx2.ReadError(""), "connect"),
        (httpx2.WriteError("reset"), "connect"),
        (httpx2.ProxyError("502 Bad Gateway"), "connect"),
        (httpx2.LocalProtocolError("unexpected"), "connect"),
        (httpx2.RemoteProtocolError("broke off"), "malformed"),
    ],
)
async def test_every_failure_of_transport_counts_under_its_code(
    lister: MakeLister, stats: ApiStats, raised: Exception, code: str
) -> None:
    """And is one of the errors that pass, in one line."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        raise raised

    with pytest.raises(
        ApiError, match=r"no answer from \S+ in time|no connection to api\.test: .|the answer broke off: ."
    ) as caught:
        await lister(answer, attempts=1).page(LISTING)
    assert caught.value.code == code
    assert str(caught.value).isprintable()
    assert stats.requests == {("DescribeUPhoneJob", code): 1}


async def test_the_vendors_request_id_is_told_on_one_short_line(lister: MakeLister) -> None:
    """It is a foreign text like any other."""
    headers = [(b"X-UCLOUD-REQUEST-UUID", "uuid\u2028".encode() + b"x" * 5000)]

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"RetCode": 171}, headers=headers)

    with pytest.raises(FixCredentials, match=r"UCLOUD_PRIVATE_KEY.*\(request uuid x+…\)") as caught:
        await lister(answer).page(LISTING)
    assert len(str(caught.value)) < 500


async def test_a_refused_signature_is_over_once_the_keys_are_whole_again(lister: MakeLister) -> None:
    """Two secret files replaced one after the other make a pair that is refused; the next page is not."""
    pairs = iter([Credentials("new", "old"), Credentials("new", "new")])

    def answer(request: httpx2.Request) -> httpx2.Response:
        params = dict(parse_qsl(request.content.decode()))
        good = params.pop("Signature") == sign(params, "new")
        return page(ROW) if good else httpx2.Response(200, json={"RetCode": 171})

    source = lister(answer, credentials=lambda: next(pairs))
    with pytest.raises(FixCredentials, match="UCLOUD_PRIVATE_KEY"):
        await source.page(LISTING)
    assert len((await source.page(LISTING)).jobs) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_certificate_file_that_is_none_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """Before any request."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(ConfigError, match=r"^SSL_CERT_FILE: "):
        open_client("http://api.test", timeout=5, concurrency=1, trust_env=False)


async def test_an_address_that_is_no_url_names_its_setting(lister: MakeLister) -> None:
    """Before any request."""
    with pytest.raises(ConfigError, match=r"^UCLOUD_API_BASE_URL: "):
        lister(base_url="http://\N{SNOWMAN}.test")


async def test_cities_are_asked_for_like_pages(lister: MakeLister, stats: ApiStats) -> None:
    """With retries, and counted under an action of their own."""
    answers = iter(
        [httpx2.Response(503), httpx2.Response(200, json={"RetCode": 0, "UPhoneCities": [{"CityId": "a"}, 1]})]
    )
    assert await lister(lambda _: next(answers)).cities(Target()) == ("a",)
    assert stats.requests == {("DescribeUPhoneCities", "http_503"): 1, ("DescribeUPhoneCities", "0"): 1}
    assert stats.rows_skipped == 1
