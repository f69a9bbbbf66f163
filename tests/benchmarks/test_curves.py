"""The arithmetic of the benchmarks, and what they call missed."""

import pytest

from tests.benchmarks.curves import percentile, slope, spark
from tests.benchmarks.figures import Figure, markdown, number, table


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_a_slope_is_the_power_by_which_a_measure_grows(power: float) -> None:
    """Whatever it is multiplied by."""
    assert slope({size: 3 * size**power for size in (10, 100, 1000)}) == pytest.approx(power)


def test_a_percentile_is_one_of_the_values() -> None:
    """The least that so many of them do not exceed."""
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 0.99), percentile(values, 0.5), percentile([7.0], 0.99)) == (99.0, 50.0, 7.0)


def test_a_curve_is_drawn_from_nothing_up() -> None:
    """Half of the most is half as high."""
    assert spark([0, 7, 14]) == "▁▅█"
    assert spark([0.0]) == "▁"


@pytest.mark.parametrize(
    ("value", "more", "verdict"),
    [
        (1, False, "aim"),
        (2, False, "must"),
        (3, False, "missed"),
        (2, True, "aim"),
        (1.5, True, "must"),
        (0, True, "missed"),
    ],
)
def test_a_figure_keeps_its_aim_its_must_or_neither(value: float, more: bool, verdict: str) -> None:  # noqa: FBT001
    """From below, or from above where more is better; a bound that is met is kept."""
    must, aim = (1.5, 2) if more else (2, 1)
    assert Figure("a", "b", value, "", must, aim, more=more).verdict == verdict


def test_a_figure_without_a_must_is_not_judged() -> None:
    """It is there to be known."""
    assert Figure("a", "b", 1e9, "ms").verdict == ""


def test_numbers_have_three_digits_that_count_or_all_whole_ones() -> None:
    """However large or small."""
    assert [number(value) for value in (0.0, 0.000123, 0.1234, 12.34, 123.4, 1234567)] == [
        *("0", "0.000123", "0.123", "12.3", "123", "1 234 567")
    ]


def test_a_miss_is_said_in_both_tables() -> None:
    """In the row of its figure."""
    missed = Figure("cycle", "CPU", 3, "times", 2, 1)
    assert table([missed]).splitlines()[1].split() == ["cycle", "CPU", "3", "times", "≤", "2", "≤", "1", "FAIL"]
    assert markdown([missed]).splitlines()[2] == "| cycle | CPU | 3 times | ≤ 2 | ≤ 1 | FAIL |  |"
