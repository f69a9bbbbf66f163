"""What an operator is told once, of things that last."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from poller.daemon.watch import STALLED_AFTER, Watch
from poller.errors import SinkClosed
from poller.signature import Credentials
from poller.stats import ApiStats, EventStats, Trouble


class Outlet:
    """Events leave, or do not."""

    closed = False

    def check(self) -> None:
        """Raise if nobody reads."""
        if self.closed:
            raise SinkClosed("stdout: its reader has closed it")

    def obstacle(self) -> str:
        """Tell what is in the way."""
        return "the reader of stdout has stalled"

    async def aclose(self, grace: float) -> int:
        """Leave nothing."""
        return 0


class Keys:
    """Keys, and a problem with them that is told once."""

    problem: str | None = None

    def __init__(self) -> None:
        self.pair = Credentials("public", "private")

    def current(self) -> Credentials:
        """Return the pair in force."""
        return self.pair

    def take_problem(self) -> str | None:
        """Return the problem once."""
        problem, self.problem = self.problem, None
        return problem


class Bench:
    """A watch and what it looks at."""

    def __init__(self) -> None:
        self.outlet = Outlet()
        self.keys = Keys()
        self.events = EventStats()
        self.api = ApiStats(rate_limit=20)
        self.watch = Watch(self.outlet, self.keys, self.events, self.api, ceiling=20)


@pytest.fixture
def bench() -> Bench:
    """Make a watch that has not looked yet."""
    return Bench()


@pytest.fixture
def said() -> Iterator[list[EventDict]]:
    """Collect what is logged."""
    with capture_logs() as entries:
        yield entries


def test_a_quiet_time_is_not_talked_about(bench: Bench, said: list[EventDict]) -> None:
    """Nothing to tell, nothing told."""
    for now in range(100):
        bench.watch.look(now)
    assert said == []


def test_a_stalled_reader_is_told_of_once(bench: Bench, said: list[EventDict]) -> None:
    """Events that wait for ten seconds while none is written."""
    bench.events.pending = 3
    for now in range(100):
        bench.watch.look(now)
    [entry] = said
    assert (entry["log_level"], entry["events"]) == ("warning", 3)
    assert entry["why"] == "the reader of stdout has stalled"


def test_a_reader_that_goes_on_is_told_of_too(bench: Bench, said: list[EventDict]) -> None:
    """The end of it is news as well."""
    bench.events.pending = 3
    bench.watch.look(0)
    bench.watch.look(STALLED_AFTER)
    bench.events.written, bench.events.pending = 1, 2
    bench.watch.look(STALLED_AFTER + 1)
    assert [entry["log_level"] for entry in said] == ["warning", "info"]


def test_a_slow_reader_is_no_stalled_one(bench: Bench, said: list[EventDict]) -> None:
    """As long as lines are written, however slowly, events flow."""
    bench.events.pending = 100
    for now in range(0, 200, 9):
        bench.events.written += 1
        bench.watch.look(now)
    assert said == []


def test_throttling_is_told_of_when_it_begins_and_when_it_is_over(bench: Bench, said: list[EventDict]) -> None:
    """Not at every step between."""
    for rate in (20, 10, 5, 12, 20, 20):
        bench.api.rate_limit = rate
        bench.watch.look(0)
    assert [entry["rate"] for entry in said] == [10, 20]


def test_keys_that_cannot_be_used_are_told_of(bench: Bench, said: list[EventDict]) -> None:
    """The last good ones stay in force, which an operator must know."""
    bench.keys.problem = "UCLOUD_PRIVATE_KEY_FILE: is empty"
    bench.watch.look(0)
    bench.watch.look(1)
    assert [entry["problem"] for entry in said] == ["UCLOUD_PRIVATE_KEY_FILE: is empty"]


def test_new_keys_are_told_of(bench: Bench, said: list[EventDict]) -> None:
    """Whoever has mended a secret sees that it was taken."""
    bench.watch.look(0)
    bench.keys.pair = Credentials("public", "other")
    bench.watch.look(1)
    bench.watch.look(2)
    [entry] = said
    assert "changed" in entry["event"]


def test_requests_that_all_fail_are_told_of_before_the_cycle_gives_up(bench: Bench, said: list[EventDict]) -> None:
    """An API that never answers can hold a cycle for minutes, which must not be minutes of silence."""
    bench.api.trouble = Trouble(since=0, problem="no answer from api.test in time")
    for now in range(30):
        bench.watch.look(now)
    bench.api.trouble = None
    bench.watch.look(30)
    assert [(entry["log_level"], entry.get("problem")) for entry in said] == [
        ("warning", "no answer from api.test in time"),
        ("info", None),
    ]


def test_a_request_that_fails_now_and_then_is_not_told_of(bench: Bench, said: list[EventDict]) -> None:
    """Retries are for that."""
    for now in range(0, 100, 5):
        bench.api.trouble = Trouble(since=now, problem="HTTP 503") if now % 10 else None
        bench.watch.look(now)
    assert said == []


def test_a_closed_reader_is_raised(bench: Bench) -> None:
    """The daemon must end."""
    bench.outlet.closed = True
    with pytest.raises(SinkClosed):
        bench.watch.look(0)
