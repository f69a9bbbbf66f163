"""How far back news may lie: the server's clock, the first frontier, and the sweeps that move it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.frontier import MARGIN, Floor, ServerClock, Sweeps, ended_before, margin
from poller.models import Instant
from tests.core.sightings import at, done


def clock(*dates: tuple[float, float]) -> ServerClock:
    """Make a clock of answers, by their date and the monotonic time at which they were received."""
    made = ServerClock()
    for date, mono in dates:
        made.take(date, mono)
    return made


def test_a_clock_tells_nothing_before_the_first_answer() -> None:
    """Our own clock is no substitute for the API's."""
    assert clock().at(5) is None
    assert clock().tell(at(5)) == at(5)


def test_an_answers_date_is_a_lower_bound_of_the_servers_clock() -> None:
    """It was dated before it was received, and goes on from there."""
    assert clock((1000, 7)).at(7) == 1000
    assert clock((1000, 7)).at(9.5) == 1002.5


def test_a_moment_before_an_answer_has_a_server_time_too() -> None:
    """A sweep's beginning is timed by the answers that it brought."""
    assert clock((1000, 7)).tell(Instant(wall=1, mono=5)) == Instant(wall=1, mono=5, server=998)


def test_of_several_servers_the_one_that_is_behind_counts() -> None:
    """One that is ahead must not hurry us past jobs that another still times."""
    assert clock((1000, 7), (1300, 8), (1002, 9)).at(10) == 1003


def test_a_clock_that_was_put_right_is_believed_after_some_answers() -> None:
    """What one answer said does not count for ever."""
    assert clock((100, 0), *((1000 + each, each) for each in range(1, 17))).at(20) == 1020


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 70)), min_size=1, max_size=40), st.floats(-300, 300))
def test_a_clock_is_never_ahead_of_the_servers(answers: list[tuple[float, float]], skew: float) -> None:
    """Late by a whole second and a round trip at most, whatever the skew of ours."""
    made = ServerClock()
    mono = 0.0
    for pause, trip in answers:
        mono += pause + trip
        dated = mono - trip + skew + 1_000_000_000
        made.take(int(dated), mono)
    told = made.at(mono)
    assert told is not None
    slowest = max(trip for _, trip in answers)
    assert mono + skew + 1_000_000_000 - slowest - 1 - 1e-6 <= told <= mono + skew + 1_000_000_000 + 1e-6


def test_the_first_frontier_is_the_start_by_the_servers_clock() -> None:
    """Or as long before it as one wishes to look back."""
    assert Floor(4).at(clock((1000, 7))) == 997
    assert Floor(4, lookback=600).at(clock((1000, 7))) == 397


def test_the_first_frontier_waits_for_an_answer() -> None:
    """There is no saying what time it is there."""
    assert Floor(4).at(clock()) is None


@pytest.mark.parametrize(("cycle_seconds", "expected"), [(0.0, MARGIN), (20.0, 60.0), (21.0, 63.0), (300.0, 900.0)])
def test_the_margin_is_three_cycles_and_a_minute_at_least(cycle_seconds: float, expected: float) -> None:
    """Slow cycles need a wider one."""
    assert margin(cycle_seconds) == expected


def test_a_page_that_ended_before_a_time_says_so() -> None:
    """And one with a single job that did not says nothing."""
    assert ended_before([done("a", ended=98), done("b", ended=99)], 100)
    assert not ended_before([done("a", ended=98), done("b", ended=100)], 100)


def test_an_empty_page_says_nothing_of_what_ended() -> None:
    """There may be more behind it."""
    assert not ended_before([], 100)


def test_rows_without_end_time_say_nothing_of_those_behind_them() -> None:
    """A page of which most tell no EndTime proves nothing, however old the others are."""
    assert not ended_before([done("a"), done("b", created=1)], 100)
    assert not ended_before([done("a"), done("b"), done("c", ended=1)], 100)
    assert ended_before([done("a"), done("b", ended=1)], 100)


def sweep(sweeps: Sweeps, began: float, ended: float, *, wide: float = 60) -> None:
    """Complete a sweep; the server's clock is 1 000 s ahead."""
    sweeps.complete(Instant(wall=0, mono=began, server=1000 + began), ended, wide)


def swept(*times: tuple[float, float]) -> Sweeps:
    """Complete sweeps with a margin of 60 s."""
    sweeps = Sweeps()
    for began, ended in times:
        sweep(sweeps, began, ended)
    return sweeps


def test_one_sweep_moves_no_frontier() -> None:
    """A job may hide from one in its step from PENDING to RUNNING."""
    assert swept((0, 2)).offer(1e9) is None


def test_a_second_sweep_too_soon_after_the_first_moves_no_frontier() -> None:
    """What a replica hid from the first, it may hide from the second."""
    assert swept((0, 2), (61, 63)).offer(1e9) is None


def test_a_second_sweep_a_margin_later_moves_it_to_the_first_less_the_margin() -> None:
    """The first one's beginning counts, by the server's clock, and the second one's end."""
    sweeps = swept((0, 2), (62, 65))
    assert sweeps.offer(65 + 60) == 1000 - 60


def test_a_reading_that_begins_within_a_margin_of_the_second_sweep_moves_nothing() -> None:
    """What had ended by then may not be listed yet."""
    assert swept((0, 2), (62, 65)).offer(65 + 59.9) is None


def test_a_reading_uses_the_newest_pair_of_sweeps_that_was_over_a_margin_before() -> None:
    """Not one that has followed since."""
    sweeps = swept((0, 2), (62, 65), (126, 128), (189, 192))
    assert sweeps.offer(187) == 1000 - 60
    assert sweeps.offer(188) == 1000 + 62 - 60
    assert sweeps.offer(252) == 1000 + 126 - 60


def test_an_offer_stays_while_sweeps_are_not_complete() -> None:
    """The frontier stands still then, but does not fall back."""
    sweeps = swept((0, 2), (62, 65))
    assert [sweeps.offer(now) for now in (125, 1000, 100_000)] == [940, 940, 940]


def test_a_sweep_without_the_servers_time_counts_for_nothing() -> None:
    """It would be a frontier on another clock."""
    sweeps = Sweeps()
    sweeps.complete(at(0), 2, 60)
    sweep(sweeps, 62, 65)
    assert sweeps.offer(1e9) is None


def test_a_wider_margin_asks_for_a_wider_gap() -> None:
    """It follows how long cycles take."""
    sweeps = Sweeps()
    sweep(sweeps, 0, 2, wide=90)
    sweep(sweeps, 62, 65, wide=90)
    assert sweeps.offer(1e9) is None
    sweep(sweeps, 92, 95, wide=90)
    assert sweeps.offer(95 + 90) == 1000 - 90


def by_the_rule(sweeps: Sequence[tuple[float, float]], wide: float, now: float) -> float | None:
    """Return the latest frontier that any two sweeps allow, as the module's docstring says it."""
    allowed = [
        1000 + first[0] - wide
        for first in sweeps
        for second in sweeps
        if second[0] >= first[1] + wide and now >= second[1] + wide
    ]
    return max(allowed, default=None)


Steps = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 40), st.booleans()), max_size=40)


@given(Steps, st.integers(10, 90))
def test_offers_are_those_that_the_rule_allows(steps: list[tuple[int, int, bool]], wide: int) -> None:
    """No frontier lies further than two sweeps and two margins allow, and none lies further back than it must."""
    sweeps, done_so_far, now = Sweeps(), list[tuple[float, float]](), 0
    for pause, seconds, whole in steps:
        began = now + pause
        now = began + seconds
        if whole:
            sweep(sweeps, began, now, wide=wide)
            done_so_far.append((began, now))
        assert sweeps.offer(now) == by_the_rule(done_so_far, wide, now)
