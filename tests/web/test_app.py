"""The paths, without a socket."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import httpx2
import pytest

from poller.models import Instant, Target
from poller.stats import Deadlines, Stats
from poller.tracker import Tracker
from poller.web.app import create
from poller.web.status.source import Source

pytestmark = pytest.mark.anyio


@dataclass
class Poller:
    """What the application is built from, and a client for it."""

    stats: Stats = field(default_factory=lambda: Stats([Target()], interval=10))
    deadlines: Deadlines = field(default_factory=Deadlines)
    body: bytes = b"uphone_targets 1.0\n"
    accepted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        now = Instant(wall=0, mono=100)
        trackers = {target: Tracker(self.stats.job_types) for target in self.stats.targets}
        source = Source(stats=self.stats, trackers=trackers, now=lambda: now, started=now, version="1.2.3", max_rps=20)
        app = create(self.render, self.deadlines, source)
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx2.AsyncClient(transport=transport, base_url="http://poller")

    def render(self, accept: str) -> tuple[bytes, str]:
        """Note the Accept header and give the body as it is."""
        self.accepted.append(accept)
        return self.body, "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
async def poller() -> AsyncIterator[Poller]:
    """Return a poller that has not completed a cycle."""
    poller = Poller()
    async with poller.client:
        yield poller


async def test_metrics_are_what_is_rendered(poller: Poller) -> None:
    """Body and content type come as they are."""
    answer = await poller.client.get("/metrics")
    assert (answer.status_code, answer.content) == (200, poller.body)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_renderer_sees_the_whole_accept_header(poller: Poller) -> None:
    """A header given twice is one list."""
    await poller.client.get("/metrics", headers=[("Accept", "a/b"), ("Accept", "c/d")])
    assert poller.accepted == ["a/b, c/d"]


@pytest.mark.parametrize("accepted", ["gzip", "deflate, GZIP;q=0.5", "gzip; q=1.0"])
async def test_long_metrics_are_compressed_for_who_takes_it(poller: Poller, accepted: str) -> None:
    """Prometheus asks for gzip, and a scrape shrinks to a tenth."""
    poller.body = b"x" * 10_000
    async with poller.client.stream("GET", "/metrics", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], gzip.decompress(raw)) == ("gzip", poller.body)


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.0", "x-gzip-not", "br"])
async def test_metrics_are_plain_for_anyone_else(poller: Poller, accepted: str) -> None:
    """A client that does not name gzip, or forbids it, gets none."""
    poller.body = b"x" * 10_000
    answer = await poller.client.get("/metrics", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert answer.content == poller.body


async def test_short_metrics_stay_plain(poller: Poller) -> None:
    """What fits a packet is not worth compressing."""
    answer = await poller.client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in answer.headers


async def test_caches_are_told_what_metrics_depend_on(poller: Poller) -> None:
    """Format and compression are negotiated."""
    assert (await poller.client.get("/metrics")).headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_liveness(poller: Poller, path: str) -> None:
    """Both names answer the same."""
    assert (await poller.client.get(path)).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_liveness_is_lost_with_a_deadline(poller: Poller, path: str) -> None:
    """The status code is what a probe reads."""
    poller.deadlines.declare("cycle", 99)
    answer = await poller.client.get(path)
    assert (answer.status_code, answer.json()["late_tasks"]) == (503, ["cycle"])


async def test_not_ready_before_the_first_cycle(poller: Poller) -> None:
    """The reason is given as JSON."""
    answer = await poller.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["waiting_targets"] == ["uphone-server"]


async def test_ready_after_the_first_cycle(poller: Poller) -> None:
    """One target, one complete cycle."""
    poller.stats.targets[Target()].last_complete_at = 100
    assert (await poller.client.get("/readyz")).status_code == 200


async def test_a_reason_that_is_no_utf8_can_be_sent(poller: Poller) -> None:
    """A target's name may hold a lone surrogate, by way of the environment."""
    poller.stats.targets[Target(city_id="\udcff")] = poller.stats.targets.pop(Target())
    assert (await poller.client.get("/readyz")).json()["waiting_targets"] == ["city \udcff, uphone-server"]


async def test_the_root_points_to_the_rest(poller: Poller) -> None:
    """A person who opens the address finds the paths."""
    text = (await poller.client.get("/")).text
    assert all(path in text for path in ("/metrics", "/livez", "/readyz"))


PATHS = ["/", "/status.json", "/metrics", "/livez", "/healthz", "/readyz"]


@pytest.mark.parametrize("path", PATHS)
async def test_head_is_answered_like_get(poller: Poller, path: str) -> None:
    """Monitoring tools ask with HEAD."""
    get, head = await poller.client.get(path), await poller.client.head(path)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_other_methods_are_refused(poller: Poller, path: str, method: str) -> None:
    """There is nothing to change."""
    answer = await poller.client.request(method, path)
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/status.json/", "/%2e%2e/metrics"])
async def test_other_paths_are_not_found(poller: Poller, path: str) -> None:
    """Nor is anyone redirected to a host that the client has named."""
    assert (await poller.client.get(path)).status_code == 404


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
async def test_nothing_is_stored_or_guessed(poller: Poller, path: str) -> None:
    """Every answer is of the moment and of the type it says, refusals included."""
    headers = (await poller.client.get(path)).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_a_bug_is_a_500_that_tells_nothing(poller: Poller) -> None:
    """A scrape that fails is one that failed, to Prometheus as well; what went wrong is for the log."""
    poller.body = cast(bytes, None)  # as a broken renderer would give
    answer = await poller.client.get("/metrics")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error\n")
    assert answer.headers["cache-control"] == "no-store"
