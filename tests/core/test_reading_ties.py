"""A reading from the front where rows tie, where pages have one row, and where its boundaries fall."""

import pytest

from poller.models import Page, Sighting, State
from poller.reading import OVERLAP, Ask, Reading
from poller.reading.stretch import LEAST_OVERLAP


def page(ids: list[str], *, bad: int = 0, total: int | None = None) -> Page:
    """Make a page of running jobs, with bad rows at its end."""
    jobs = [Sighting(job_id=job_id, state=State.RUNNING) for job_id in ids]
    return Page(jobs=jobs, received=len(ids) + bad, skipped=bad, total_count=total)


def names(count: int, start: int = 0) -> list[str]:
    """Name jobs j0, j1 and so on."""
    return [f"j{number}" for number in range(start, start + count)]


def read(reading: Reading, listing: list[str], *, cap: int = 100, lies: tuple[int, ...] = ()) -> list[int]:
    """Read a listing that does not move, in which an empty name is a bad row; return the offsets asked for."""
    offsets: list[int] = []
    while asks := reading.asks():
        [ask] = asks
        rows = [] if len(offsets) in lies else listing[ask.offset : ask.offset + cap]
        offsets.append(ask.offset)
        good = [name for name in rows if name]
        reading.take(ask, page(good, bad=len(rows) - len(good)))
    return offsets


def feed(reading: Reading, *pages: Page) -> list[Ask]:
    """Answer one ask after another; return what is asked for then."""
    for answer in pages:
        reading.take(reading.asks()[0], answer)
    return reading.asks()


def test_one_shared_row_of_several_that_tie_is_no_link() -> None:
    """Another of them may have changed places with it, and been on neither page."""
    reading = Reading()
    [ask] = feed(reading, page(names(100)), page(["j99", *names(99, 200)]))
    assert reading.rows == 100
    assert ask.offset < 80


def test_more_shared_rows_than_positions_show_that_ties_have_changed_places() -> None:
    """A listing of 110 rows, of which the last 20 tie: the second page has 8 known ones in 6 places, and hides two."""
    reading = Reading(overlap=LEAST_OVERLAP, capacity=100)
    [ask] = feed(reading, page(names(100)), page([*names(8, 92), *names(8, 100)]))
    assert (reading.done, reading.rows) == (False, 100)
    assert ask.offset == 100 - OVERLAP
    reading.take(ask, page([*names(20, 80), *names(10, 100)]))
    feed(reading, page(names(20, 90)))
    assert (reading.whole, reading.rows, reading.next_overlap) == (True, 110, OVERLAP)


def test_few_shared_rows_in_another_order_are_a_hole() -> None:
    """They tie, and so may one that has changed places with all of them."""
    reading = Reading(overlap=LEAST_OVERLAP, capacity=100)
    [ask] = feed(reading, page(names(100)), page(["j95", "j94", *names(4, 96), *names(10, 100)]))
    assert (reading.rows, ask.offset) == (100, 100 - OVERLAP)


def test_few_shared_rows_are_a_hole_where_the_count_has_changed() -> None:
    """One row has left in front, and of seven ties the one behind the boundary changes places with the others."""
    reading = Reading(overlap=LEAST_OVERLAP, capacity=100)
    [ask] = feed(reading, page(names(100), total=150), page([*names(6, 94), *names(50, 101)], total=149))
    assert (reading.rows, ask.offset) == (100, 100 - OVERLAP)


def test_many_shared_rows_may_come_in_another_order_but_few_will_not_do_for_the_next_reading() -> None:
    """Ties that a page boundary cuts change places."""
    reading = Reading(capacity=100)
    feed(reading, page(names(100)), page(["j81", "j80", *names(98, 82)]), page(names(20, 160)))
    assert (reading.whole, reading.rows, reading.next_overlap) == (True, 180, OVERLAP)


def test_neighbours_that_share_few_rows_need_no_fewer_for_a_link() -> None:
    """Four may all tie with one that was skipped."""
    reading = Reading(overlap=LEAST_OVERLAP, capacity=100)
    feed(reading, page(names(100)), page(names(100, 96)))
    assert reading.rows == 100


def test_more_shared_rows_are_no_hole_where_neighbours_share_as_many_as_they_can() -> None:
    """Rows are put in before them all the time."""
    reading = Reading(capacity=100)
    feed(reading, page(names(100)), page(names(100, 70)))
    assert reading.rows == 170
    assert reading.next_overlap == OVERLAP


def test_a_page_of_few_known_rows_is_no_end() -> None:
    """All of them may tie with one that has changed places with them."""
    reading = Reading()
    [ask] = feed(reading, page(names(100)), page(names(4, 96)))
    assert not reading.done
    assert ask.offset < 80


def test_a_page_from_the_very_beginning_skips_nothing() -> None:
    """It needs to share no row with what was known: all else is behind it."""
    reading = Reading()
    feed(reading, page(names(100)), page(names(4, 96)), page([]), page([]), page(names(60, 96)))
    assert (reading.done, reading.rows) == (False, 156)


def test_a_stretch_with_too_few_readable_rows_for_a_link_leaves_the_reading_unproven() -> None:
    """Those that it has may all tie with one that was skipped."""
    reading = Reading()
    feed(reading, page(names(2), bad=98), page(["j0", "j1", *names(60, 100)]), page(names(20, 140)))
    assert (reading.done, reading.whole, reading.rows) == (True, False, 62)


@pytest.mark.parametrize("cap", [2, 3, 20, 100])
def test_one_row_costs_two_requests_where_longer_pages_are_known(cap: int) -> None:
    """A short page, and nothing behind it."""
    reading = Reading(capacity=cap)
    assert read(reading, ["a"], cap=cap) == [0, 1]
    assert (reading.whole, reading.rows, reading.end) == (True, 1, 1)


@pytest.mark.parametrize("cap", [1, 100])
def test_one_row_is_proven_by_nothing_behind_it_and_itself_once_more(cap: int) -> None:
    """Where no longer page is known, the cap may be one row."""
    reading = Reading()
    assert read(reading, ["a"], cap=cap) == [0, 1, 1, 0]
    assert reading.whole


@pytest.mark.parametrize("capacity", [0, 1, 2, 100])
@pytest.mark.parametrize("window", [1])
@pytest.mark.parametrize("count", [2, 5, 50])
def test_pages_of_one_row_are_read_to_the_end_and_whole_is_not_claimed(capacity: int, window: int, count: int) -> None:
    """Such pages share no row, whatever the cap was earlier."""
    reading = Reading(capacity=capacity, window=window)
    offsets = read(reading, names(count), cap=1)
    assert (reading.whole, reading.rows, reading.end) == (False, count, count)
    assert len(offsets) <= count + 6


def test_pages_of_one_row_that_are_asked_for_side_by_side_come_to_an_end_too() -> None:
    """The first of them share nothing, and then all are read on trust."""
    reading = Reading(window=8, expected=50)
    listing = names(50)
    seen: set[str] = set()
    requests = 0
    under_way = reading.asks()
    while under_way:
        ask = under_way.pop()
        requests += 1
        rows = listing[ask.offset : ask.offset + 1]
        seen.update(rows)
        reading.take(ask, page(rows))
        under_way += reading.asks()
    assert (reading.whole, seen) == (False, set(listing))
    assert requests < 80


def test_a_second_row_that_came_after_the_first_page_links_further_left() -> None:
    """That neither page had another row is no proof that pages have one."""
    reading = Reading(capacity=100)
    feed(reading, page(["a"]), page(["b"]), page(["a", "b"]), page(["b"]))
    assert (reading.whole, reading.rows) == (True, 2)


def test_a_row_that_was_pushed_to_the_right_is_no_proof_that_it_was_alone() -> None:
    """What stood before it has moved, and so may what stood behind."""
    reading = Reading()
    feed(reading, page(["a"]), page(["a"]), page([]), page([]), page(["a"]))
    assert (reading.done, reading.whole) == (True, False)


def test_one_empty_page_behind_bad_rows_is_not_believed() -> None:
    """It may be a lie."""
    reading = Reading()
    offsets = read(reading, [*[""] * 100, *names(50)], lies=(1,))
    assert offsets[:3] == [0, 100, 100]
    assert reading.rows == 50


@pytest.mark.parametrize("count", [50, 99, 100])
def test_a_page_and_the_proof_are_all_that_a_short_listing_costs(count: int) -> None:
    """Whatever the phase."""
    for phase in range(0, 200, 7):
        assert len(read(Reading(phase=phase), names(count))) == 2


def test_the_boundaries_of_pages_one_after_the_other_move_with_the_phase() -> None:
    """Or the same group of ties would be cut in every reading."""
    readings = [read(Reading(phase=phase), names(1000)) for phase in range(40)]
    assert {offsets[1] for offsets in readings} == set(range(41, 81))
    assert {offsets[5] for offsets in readings} == set(range(361, 401))
    assert {len(offsets) for offsets in readings} == {14}


def test_rows_before_the_front_count_once() -> None:
    """Those that a page further left repeats are not news."""
    reading = Reading()
    feed(reading, page(names(100)), page(names(21, 80)), page([]), page(names(60, 41)))
    assert (reading.whole, reading.rows) == (True, 101)


def test_an_overtaken_page_between_two_empty_ones_has_them_asked_for_again() -> None:
    """A server that lies now and then has answered with rows, or with nothing elsewhere, meanwhile."""
    reading = Reading(window=2, expected=9)
    feed(reading, page(names(2)))
    reading.take(Ask(1, 100), page(names(2, 50)))
    feed(reading, page([]))
    reading.take(Ask(2, 100), page(names(2, 60)))
    reading.take(Ask(0, 100), page([]))
    assert not reading.done
    reading.take(reading.asks()[0], page([]))
    assert (reading.done, reading.whole) == (True, True)
