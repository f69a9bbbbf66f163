"""Since when there is news of a city that is new: the last answer without it, whichever process has had that."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio
import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from poller.cycle import Edges, TargetPoller, check_entries, scope
from poller.daemon import discovery
from poller.daemon.discovery import Discovery
from poller.daemon.fleet import Fleet
from poller.errors import RetryLater
from poller.frontier import Floor
from poller.models import ALL_CITIES, MAX_CITIES, Instant, News, Page, Query, Target
from poller.stats import Deadlines, DiscoveryStats, Stats

ALL: Final = Target(city_id=ALL_CITIES)
HOUR: Final = discovery.EVERY
ANSWER: Final = 2.0
"""Seconds that an answer takes."""

Entries = dict[str, bytes]
Collect = Callable[[], Iterable[tuple[str, bytes | None]]]


@dataclass
class Store:
    """Keeps entries by scope, as a state file does."""

    entries: dict[str, Entries] = field(default_factory=dict)
    collects: dict[str, Collect] = field(default_factory=dict)

    def attach(self, scope: str, collect: Collect) -> None:
        """Take a scope."""
        self.collects[scope] = collect

    def forget(self, scope: str) -> None:
        """Delete a scope."""

    async def save(self) -> bool:
        """Keep what has changed."""
        for name, collect in self.collects.items():
            for key, value in collect():
                assert value is not None
                self.entries.setdefault(name, {})[key] = value
                check_entries([(key, value)])
        return True


@dataclass
class Process:
    """A discovery, and what it lets the fleet know: since when each city is news, on the process's own clock.

    Its wall clock is ``ahead`` of its monotonic one. ``listed`` tells the answers by number.
    """

    listed: Callable[[int], tuple[str, ...]]
    ahead: float = 1_000_000.0
    lookback: float = 0.0
    polled: tuple[str, ...] = ()
    store: Store = field(default_factory=Store)
    answers: int = 0
    asked: list[float] = field(default_factory=list)
    since: dict[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stats = Stats(interval=10)
        self.stats.discoveries[ALL] = DiscoveryStats()
        self.deadlines = Deadlines()

    def now(self) -> Instant:
        """Read the clocks."""
        return Instant(self.ahead + trio.current_time(), trio.current_time())

    async def cities(self, target: Target) -> tuple[str, ...]:
        """Answer."""
        self.asked.append(trio.current_time())
        await anyio.sleep(ANSWER)
        self.answers += 1
        return self.listed(self.answers)

    async def page(self, query: Query) -> Page:
        """Be asked for nothing: the fleet does not run."""
        raise AssertionError

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Have no news either."""
        raise AssertionError

    def late(self, city_id: str) -> bool:
        """Tell whether a city came to be known only after the start."""
        return self.stats.targets[Target(city_id=city_id)].late

    def _make(self, target: Target, uncovered_at: float | None) -> TargetPoller:
        self.since[target.city_id or ""] = uncovered_at
        return TargetPoller(
            target,
            Edges(pages=self, reports=self, keys=lambda: None, now=self.now),
            stats=self.stats,
            deadlines=self.deadlines,
            window=1,
            floor=Floor(0.0 if uncovered_at is None else uncovered_at),
        )

    def run(self, seconds: float, *, starts: float = 0.0) -> "Process":
        """Discover for so long, on a monotonic clock that begins anywhere; save every minute."""

        async def main() -> None:
            await anyio.sleep(starts)
            found = Discovery(
                template=ALL,
                api=self,
                fleet=Fleet(self._make, self.stats),
                stats=self.stats,
                deadlines=self.deadlines,
                now=self.now,
                saves=self.store,
                kept=self.store.entries.get(scope(ALL), {}).items(),
                polled=self.polled,
                lookback=self.lookback,
            )
            with anyio.move_on_after(seconds):
                async with anyio.create_task_group() as group:
                    group.start_soon(found.run)
                    while True:
                        await anyio.sleep(60)
                        await self.store.save()

        trio.run(main, clock=MockClock(autojump_threshold=0))
        return self


def listing(*answers: tuple[str, ...]) -> Callable[[int], tuple[str, ...]]:
    """List cities by the number of the answer; the last one lasts."""
    return lambda number: answers[min(number, len(answers)) - 1]


def failing(*answers: tuple[str, ...]) -> Callable[[int], tuple[str, ...]]:
    """Fail every answer after these."""

    def fail(number: int) -> tuple[str, ...]:
        if number > len(answers):
            raise RetryLater("timeout", "no answer")
        return answers[number - 1]

    return fail


def test_a_city_of_the_very_first_answer_has_news_since_the_start() -> None:
    """Nobody has asked before."""
    process = Process(listing(("a", "b"))).run(100)
    assert process.since == {"a": 0.0, "b": 0.0}
    assert not process.late("a")


def test_a_city_that_appears_has_news_since_the_answer_before_was_asked_for() -> None:
    """It was not there then; since when it is, nobody knows."""
    process = Process(listing(("a",), ("a",), ("a", "new"))).run(3 * HOUR)
    assert process.since == {"a": 0.0, "new": process.asked[1]}
    assert process.late("new")


def test_nothing_of_an_answer_is_kept_twice() -> None:
    """A save costs what has changed."""
    process = Process(listing(("a",))).run(100)
    assert set(process.store.entries) == {scope(ALL)}
    assert list(process.store.collects[scope(ALL)]()) == []


def test_the_first_start_is_kept_before_any_answer() -> None:
    """What ended between it and a restart is news, although nobody knew of any city."""
    first = Process(failing()).run(100)
    second = Process(listing(("a",)), ahead=first.ahead + 100 - 1000, store=first.store).run(100, starts=1000)
    assert second.since == {"a": 900.0}


def test_the_lookback_counts_from_the_first_start() -> None:
    """As for a city that is named."""
    assert Process(listing(("a",)), lookback=60.0).run(100).since == {"a": -60.0}


def test_a_city_that_an_earlier_process_has_polled_is_polled_whatever_is_listed() -> None:
    """A job of ours may end in it yet; what is missing is only said."""
    process = Process(listing(("a",)), polled=("gone",)).run(100)
    assert set(process.since) == {"a", "gone"}
    assert not process.late("gone")


@pytest.mark.parametrize("starts", [0.0, 5000.0])
def test_a_city_that_is_new_after_a_restart_has_news_since_the_last_answer_of_the_process_before(starts: float) -> None:
    """Whatever the monotonic clock shows; and it is known from the start on, so that readiness waits for it."""
    first = Process(listing(("a",)), ahead=1_000_000).run(1.5 * HOUR)
    later = 1_000_000 + 2 * HOUR
    second = Process(listing(("a", "new")), ahead=later - starts, store=first.store).run(100, starts=starts)
    assert second.since["new"] == pytest.approx(starts - (later - 1_000_000 - first.asked[-1]))
    assert not second.late("new")


def test_a_restart_keeps_when_was_asked_though_it_gets_no_answer() -> None:
    """The next process takes it up as well."""
    first = Process(listing(("a",)), ahead=1_000_000).run(100)
    second = Process(failing(), ahead=1_001_000, store=first.store).run(100)
    third = Process(listing(("new",)), ahead=1_002_000, store=second.store).run(100)
    assert third.since == {"new": -2000}


def test_the_first_answer_of_a_process_takes_the_place_of_the_last_one_before() -> None:
    """For the cities that appear after it."""
    first = Process(listing(("a",)), ahead=1_000_000).run(100)
    second = Process(listing(("a",), ("a", "new")), ahead=1_010_000, store=first.store).run(1.5 * HOUR)
    assert second.since == {"a": -10_000, "new": 0}


def test_an_empty_answer_counts_for_nothing() -> None:
    """It lists none of the cities that there are, so that it says nothing of one that is new."""
    process = Process(listing(("a",), (), ("a", "new"))).run(3 * HOUR)
    assert process.since["new"] == process.asked[0]


def test_an_answer_that_fails_counts_for_nothing() -> None:
    """News is since the last that came."""

    def listed(number: int) -> tuple[str, ...]:
        if number == 2:
            raise RetryLater("timeout", "no answer")
        return ("a",) if number == 1 else ("a", "new")

    process = Process(listed).run(3 * HOUR)
    assert process.since["new"] == process.asked[0]


def test_a_clock_that_was_put_back_does_not_put_news_off() -> None:
    """An answer of the future cannot be; what ends from now on is news at least."""
    first = Process(listing(("a",)), ahead=1_000_000).run(100)
    second = Process(listing(("a", "new")), ahead=900_000, store=first.store).run(100)
    assert second.since["new"] == 0


def test_cities_past_the_bound_are_not_polled_and_that_is_said() -> None:
    """There are about ten, whatever an answer lists."""
    with capture_logs() as entries:
        process = Process(listing(tuple(map(str, range(MAX_CITIES + 2))))).run(100)
    assert len(process.since) == MAX_CITIES
    assert [entry["left_out"] for entry in entries if "left_out" in entry] == [2]
