"""When two stretches of a moving listing are linked."""

import pytest

from poller.models import Page, Sighting, State
from poller.reading import Ask, Reading, TrailingReading
from poller.reading.stretch import Stretch, link


@pytest.mark.parametrize(("shared", "rows"), [(0, 1), (1, 1), (3, 1), (4, 2), (9, 4), (10, 5), (20, 5), (50, 5)])
def test_a_link_has_half_the_rows_that_neighbours_should_share_and_no_more_than_five(shared: int, rows: int) -> None:
    """The other half may leave meanwhile; one is the least."""
    assert link(shared) == rows


def test_a_link_has_no_more_rows_than_there_are_to_share() -> None:
    """What is shorter than a link is linked by all of it."""
    assert link(20, 3, 40) == 3
    assert link(20, 40, 0) == 1


def test_a_row_that_was_repeated_takes_no_place() -> None:
    """The rows behind a stretch begin where it would end without the repetition."""
    assert Stretch(10, frozenset("abc"), ["a", "b", "a", "c"], 5, repeats=1).end == 14


@pytest.mark.parametrize("reading", [Reading(capacity=50), TrailingReading(capacity=50)])
def test_capacity_is_the_longest_page_that_came(reading: Reading | TrailingReading) -> None:
    """Whatever earlier readings found."""
    assert reading.capacity == 0
    jobs = [Sighting(job_id=text, state=State.SUCCESS) for text in "abc"]
    reading.take(reading.asks()[0], Page(jobs=jobs, received=4, skipped=1))
    assert reading.capacity == 4


@pytest.mark.parametrize("reading", [Reading(expected=7), TrailingReading(expected=7)])
def test_an_end_is_the_last_known_one_until_a_row_has_come(reading: Reading | TrailingReading) -> None:
    """An empty page that is not believed says nothing of it."""
    assert reading.end == 7
    reading.asks()
    reading.take(Ask(0, 100), Page(jobs=[], received=0))
    assert reading.end == 7
    reading.asks()
    reading.take(Ask(0, 100), Page(jobs=[], received=0))
    assert (reading.done, reading.whole, reading.end) == (True, True, 0)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("abcd", "cdef", True),
        ("abcd", "dcef", False),
        ("abcd", "bdef", True),
        ("abcd", "cxde", True),
        ("abcd", "dxce", False),
        ("abcd", "efgh", True),
    ],
)
def test_shared_rows_are_in_the_same_order_whatever_left_or_came_between(left: str, right: str, expected: bool) -> None:  # noqa: FBT001 (a parameter)
    """Only those that both have are compared."""
    before, after = (Stretch(0, frozenset(rows), list(rows), len(rows)) for rows in (left, right))
    assert before.keeps_order(after, common=len(set(left) & set(right))) is expected
