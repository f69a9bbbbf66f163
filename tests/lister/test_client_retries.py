"""What is asked again, and when: in virtual time."""

import random
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from poller.errors import ApiError, FixPermission, Malformed, RetryLater, SlowDown
from poller.lister import Gate, Lister
from poller.models import Page, Query, State, Target
from poller.stats import ApiStats

pytestmark = pytest.mark.anyio

Backend = tuple[str, dict[str, Any]]

MakeLister = Callable[..., Lister]
LISTING = Query(Target(), State.RUNNING)


@pytest.fixture
def anyio_backend(anyio_backend: str, virtual_time: Callable[[str], Backend]) -> Backend:
    """Run on both backends, in virtual time."""
    return virtual_time(anyio_backend)


class Script:
    """Answers one after the other, the last one for ever, and notes when it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[float] = []

    def __call__(self, _: httpx2.Request) -> httpx2.Response:
        """Answer a request."""
        self.asked.append(anyio.current_time())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def waits(self) -> list[float]:
        """The seconds between one request and the next."""
        return [later - earlier for earlier, later in zip(self.asked, self.asked[1:], strict=False)]


def status(code: int, **headers: str) -> httpx2.Response:
    """Answer with a status."""
    return httpx2.Response(code, headers={name.replace("_", "-"): value for name, value in headers.items()})


def refused(ret_code: int, **headers: str) -> httpx2.Response:
    """Answer with a RetCode."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(200, json={"RetCode": ret_code}, headers=names)


PAGE = refused(0)


@pytest.mark.parametrize(
    "trouble",
    [
        status(503),
        status(429),
        refused(110),
        refused(130),
        refused(150),
        refused(153),
        refused(2000),
        httpx2.Response(200, text="<html>502</html>"),
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        httpx2.RemoteProtocolError("broke off"),
    ],
)
async def test_what_may_pass_is_asked_again(lister: MakeLister, trouble: httpx2.Response | Exception) -> None:
    """Until it has passed."""
    script = Script(trouble, trouble, PAGE)
    assert (await lister(script).page(LISTING)).jobs == []
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(status(503), RetryLater), (refused(153), SlowDown), (httpx2.Response(200, text="<"), Malformed)],
)
async def test_what_does_not_pass_is_raised_after_the_last_try(
    lister: MakeLister, stats: ApiStats, trouble: httpx2.Response, kind: type[ApiError]
) -> None:
    """As it is, and every try was counted."""
    script = Script(trouble)
    with pytest.raises(ApiError) as caught:
        await lister(script, attempts=4).page(LISTING)
    assert type(caught.value) is kind
    assert len(script.asked) == 4
    assert sum(stats.requests.values()) == 4


async def test_what_a_person_must_mend_is_not_asked_again(lister: MakeLister) -> None:
    """Asking again soon is of no use."""
    script = Script(refused(299))
    with pytest.raises(FixPermission):
        await lister(script).page(LISTING)
    assert len(script.asked) == 1


async def test_a_failure_that_turns_permanent_ends_the_tries(lister: MakeLister) -> None:
    """Whatever went before."""
    script = Script(status(503), refused(299))
    with pytest.raises(FixPermission):
        await lister(script).page(LISTING)
    assert len(script.asked) == 2


async def test_waits_grow_exponentially_with_full_jitter(lister: MakeLister) -> None:
    """Up to a quarter of a second, half of one, one and so on: no hot loop, and no herd."""
    random.seed(1)
    scripts = [Script(status(503)) for _ in range(40)]
    for script in scripts:
        with pytest.raises(RetryLater):
            await lister(script).page(LISTING)
    for number, bound in enumerate([0.25, 0.5, 1, 2, 4]):
        waits = [script.waits[number] for script in scripts]
        assert max(waits) <= bound + 0.01
        assert sum(waits) / len(waits) == pytest.approx(bound / 2, rel=0.4)
        assert min(waits) < bound / 10


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "40"}, 40),
        ({"Retry_After": "100000"}, 120),
        ({"Retry_After": "9" * 400}, 120),
        ({"Date": "Tue, 24 Nov 2026 01:00:00 GMT", "Retry_After": "Tue, 24 Nov 2026 01:00:45 GMT"}, 45),
        ({"Date": "Tue, 24 Nov 2026 01:00:00 GMT", "Retry_After": "Wed, 25 Nov 2026 01:00:00 GMT"}, 120),
    ],
)
@pytest.mark.parametrize("trouble", [refused, status])
async def test_the_servers_wish_is_respected_within_bounds(
    lister: MakeLister, trouble: Callable[..., httpx2.Response], headers: dict[str, str], seconds: float
) -> None:
    """In seconds, or as a date, which counts from the server's own."""
    script = Script(trouble(150 if trouble is refused else 503, **headers), PAGE)
    await lister(script).page(LISTING)
    assert script.waits == [pytest.approx(seconds, abs=0.01)]


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "soon"},
        {"Retry_After": "-5"},
        {"Retry_After": "²"},
        {"Retry_After": "1.5"},
        {"Retry_After": "nan"},
        {"Retry_After": "Tue, 24 Nov 2026 01:00:45 GMT"},
        {"Date": "today", "Retry_After": "Tue, 24 Nov 2026 01:00:45 GMT"},
        {"Date": "Tue, 24 Nov 2026 01:00:00 -0000", "Retry_After": "Tue, 24 Nov 2026 01:00:45 GMT"},
        {"Date": "Tue, 24 Nov 2026 01:00:00 GMT", "Retry_After": "Tue, 24 Nov 99999999999 01:00:45 GMT"},
        {"Date": "Tue, 24 Nov 2026 01:00:00 GMT", "Retry_After": "Mon, 23 Nov 2026 01:00:00 GMT"},
    ],
)
async def test_a_wish_that_is_none_leaves_the_backoff(lister: MakeLister, headers: dict[str, str]) -> None:
    """Words, and dates without the server's own, or in the past."""
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    script = Script(httpx2.Response(503, headers=encoded), PAGE)
    await lister(script).page(LISTING)
    assert script.waits[0] <= 0.26


async def test_throttling_halves_the_rate_once_per_round_trip(lister: MakeLister, stats: ApiStats) -> None:
    """Four under way together count as one sign; the gauge shows it at once."""
    gate = Gate(max_rps=16, concurrency=8)

    async def answer(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(1)
        return refused(153)

    source = lister(answer, gate=gate, attempts=1)

    async def ask() -> None:
        with pytest.raises(SlowDown):
            await source.page(LISTING)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
    assert 8 <= gate.rate() < 8.2
    assert stats.rate_limit == gate.rate()
    await ask()
    assert 4 <= gate.rate() < 4.5


async def test_another_error_does_not_slow_down(lister: MakeLister) -> None:
    """A broken gateway is no sign of too many requests."""
    gate = Gate(max_rps=16, concurrency=4)
    with pytest.raises(RetryLater):
        await lister(Script(refused(150)), gate=gate).page(LISTING)
    assert gate.rate() == 16


async def test_pages_under_way_together_are_retried_each_for_itself(lister: MakeLister) -> None:
    """What befalls one changes nothing for another."""
    tries: dict[str, int] = {}

    async def answer(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(0.01)
        number = request.content.decode().partition("JobIds.0=")[2].partition("&")[0]
        tries[number] = tries.get(number, 0) + 1
        if int(number) % 4 == 0:
            return refused(299)
        return status(503) if tries[number] <= int(number) % 4 else PAGE

    source = lister(answer, attempts=3)
    outcomes: dict[int, Page | str] = {}

    async def ask(number: int) -> None:
        try:
            outcomes[number] = await source.page(Query(Target(), job_ids=(str(number),)))
        except ApiError as error:
            outcomes[number] = error.code

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(ask, number)
    for number in range(40):
        expected = {0: (1, "299"), 1: (2, Page), 2: (3, Page), 3: (3, "http_503")}[number % 4]
        outcome = outcomes[number]
        assert (tries[str(number)], outcome if isinstance(outcome, str) else type(outcome)) == expected


async def test_a_retry_waits_outside_the_gate(lister: MakeLister) -> None:
    """One place, and a server that wishes a long wait: the next page is not held up."""
    script = Script(status(503, Retry_After="100"), PAGE)
    source = lister(script, concurrency=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.page, LISTING)
        await anyio.sleep(1)
        await source.page(LISTING)
        assert anyio.current_time() - script.asked[0] < 2
    assert len(script.asked) == 3


async def test_a_page_can_be_given_up_while_it_waits(lister: MakeLister, stats: ApiStats) -> None:
    """At once, and as a cancellation rather than an error."""
    script = Script(status(503, Retry_After="100"))
    began = anyio.current_time()
    with anyio.move_on_after(3) as scope:
        await lister(script).page(LISTING)
    assert scope.cancelled_caught
    assert anyio.current_time() - began == pytest.approx(3)
    assert sum(stats.requests.values()) == 1
