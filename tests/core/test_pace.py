"""How fast to ask."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.pace import FLOOR, Pace


def test_the_first_request_may_go_at_once() -> None:
    """Nothing is saved up and nothing is owed."""
    assert Pace(20).book(100.0) == 100.0


def test_requests_are_spaced_evenly() -> None:
    """Four a second are a quarter of a second apart, however many ask at once."""
    pace = Pace(4)
    assert [pace.book(10.0) for _ in range(4)] == [10.0, 10.25, 10.5, 10.75]


def test_quiet_time_is_not_saved_up() -> None:
    """After a pause the first goes at once, and the second not with it."""
    pace = Pace(4)
    pace.book(0.0)
    assert [pace.book(60.0), pace.book(60.0)] == [60.0, 60.25]


def test_throttling_halves_the_rate() -> None:
    """The next requests are twice as far apart."""
    pace = Pace(16)
    pace.throttled(sent_at=99.0, now=100.0)
    assert pace.rate(100.0) == 8
    assert pace.book(100.0) == 100.0
    assert pace.book(100.0) == pytest.approx(100.125)


def test_requests_sent_before_a_halving_do_not_halve_again() -> None:
    """Those under way together were all sent at the old rate, and prove nothing about the new one."""
    pace = Pace(16)
    for _ in range(5):
        pace.throttled(sent_at=99.0, now=100.0)
    assert pace.rate(100.0) == 8


def test_requests_sent_after_a_halving_halve_again() -> None:
    """Once per round trip."""
    pace = Pace(16)
    pace.throttled(sent_at=99.0, now=100.0)
    pace.throttled(sent_at=100.0, now=100.0)
    assert pace.rate(100.0) == 4


@pytest.mark.parametrize(("ceiling", "floor"), [(20.0, FLOOR), (0.2, 0.2)])
def test_throttling_has_a_floor(ceiling: float, floor: float) -> None:
    """Half a request a second, or the ceiling where that is lower."""
    pace = Pace(ceiling)
    for _ in range(20):
        pace.throttled(sent_at=100.0, now=100.0)
    assert pace.rate(100.0) == floor


def test_quiet_restores_the_rate_step_by_step() -> None:
    """Two hundredths of the ceiling a second, and never more than the ceiling."""
    pace = Pace(20)
    pace.throttled(sent_at=99.0, now=100.0)
    assert [pace.rate(100.0 + quiet) for quiet in (0, 5, 25, 3600)] == pytest.approx([10, 12, 20, 20])


@given(
    ceiling=st.floats(0.1, 200),
    steps=st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=2, max_size=60),
)
def test_no_second_has_more_than_the_ceiling(ceiling: float, steps: list[tuple[float, bool]]) -> None:
    """Whatever comes when: two requests are never nearer than the ceiling allows, nor farther than the floor."""
    pace, now, booked = Pace(ceiling), 0.0, list[float]()
    for quiet, throttled in steps:
        now += quiet
        if throttled:
            pace.throttled(sent_at=now, now=now)
        booked.append(pace.book(now))
        assert booked[-1] >= now
        assert min(FLOOR, ceiling) <= pace.rate(now) <= ceiling
    gaps = [later - earlier for earlier, later in pairwise(booked)]
    assert min(gaps) >= 1 / ceiling - 1e-6
