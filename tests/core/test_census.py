"""Counting active jobs, and knowing the oldest without looking at all of them."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from poller.models import State
from poller.runs import Tracked
from poller.stats import Vocabulary
from poller.tracker.census import KEPT_SECONDS, Census

RUNNING = ("X", State.RUNNING)


def begun(second: int) -> Tracked:
    """Make a run that began then."""
    return Tracked(State.RUNNING, "X", 1, second, 0.0)


def census(*seconds: int) -> tuple[Census, list[Tracked]]:
    """Count runs that began in these seconds."""
    counted, runs = Census(Vocabulary()), [begun(second) for second in seconds]
    for run in runs:
        counted.count(run, +1)
    return counted, runs


@given(st.lists(st.tuples(st.integers(1, 2000), st.booleans()), max_size=2000))
def test_the_oldest_is_that_of_all_runs_whatever_comes_and_goes(moves: list[tuple[int, bool]]) -> None:
    """After each cycle it is what a look at every run would find."""
    counted, runs = Census(Vocabulary()), list[Tracked]()
    for second, comes in moves:
        if comes or not runs:
            runs.append(begun(second))
            counted.count(runs[-1], +1)
        else:
            counted.count(runs.pop(second % len(runs)), -1)
    counted.settle(runs)
    assert counted.oldest.get(RUNNING) == min((run.begin_time or 0 for run in runs), default=None)
    assert counted.counts[RUNNING] == len(runs)


def test_runs_are_looked_at_only_once_all_that_were_kept_in_mind_have_gone() -> None:
    """However many there are: a cycle in which some end costs no look at the rest."""
    counted, runs = census(*range(1, 10 * KEPT_SECONDS))

    def seen(looks: list[int]) -> Iterator[Tracked]:
        looks.append(1)
        yield from runs

    looks: list[int] = []
    for expected in range(2, 4 * KEPT_SECONDS):
        counted.count(runs.pop(0), -1)
        counted.settle(seen(looks))
        assert counted.oldest[RUNNING] == expected
    assert len(looks) <= 4


def test_a_kind_without_runs_has_no_oldest() -> None:
    """It is absent, rather than 0."""
    counted, [run] = census(7)
    counted.count(run, -1)
    counted.settle([])
    assert not counted.oldest


def test_a_run_that_goes_while_it_is_not_kept_in_mind_is_not_found_again() -> None:
    """The first of those that are not, in particular."""
    counted, runs = census(*range(1, 2 * KEPT_SECONDS + 2))
    for run in [runs[KEPT_SECONDS], *runs[:KEPT_SECONDS]]:
        counted.count(run, -1)
    counted.settle(runs[KEPT_SECONDS + 1 :])
    assert counted.oldest[RUNNING] == KEPT_SECONDS + 2


def test_a_kind_without_runs_costs_no_look_at_those_of_others() -> None:
    """There is nothing to find."""
    counted, [run] = census(7)
    counted.count(run, -1)
    looks = iter([begun(8)])
    counted.settle(looks)
    assert list(looks)


def test_a_run_that_tells_no_time_is_no_oldest_when_all_are_looked_at() -> None:
    """Nor does it keep the others from being found."""
    counted, runs = census(*range(1, 3 * KEPT_SECONDS))
    timeless = Tracked(State.RUNNING, "X", 1, None, 0.0)
    counted.count(timeless, +1)
    for _ in range(2 * KEPT_SECONDS):
        counted.count(runs.pop(0), -1)
    counted.settle([timeless, *runs])
    assert counted.oldest[RUNNING] == 2 * KEPT_SECONDS + 1
