"""A reading of a listing: whole, or said not to be."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.models import Page
from poller.reading import MAX_ROWS, OVERLAP, Ask, Reading
from poller.reading.stretch import LEAST_OVERLAP
from tests.core.listings import names, page, read, still


def test_an_empty_listing_is_whole_after_one_request() -> None:
    """Where nothing was known and nothing is counted, an empty page is believed."""
    reading = Reading()
    assert read(reading, still([], total=0)) == (set(), 1)
    assert reading.whole


def test_an_empty_page_is_asked_for_again_where_rows_were_known() -> None:
    """A listing that had rows is not believed empty on one answer."""
    answers = iter([page([]), page(["a"]), page([])])
    reading = Reading(expected=1, capacity=100)
    assert read(reading, lambda _: next(answers)) == ({"a"}, 3)
    assert reading.whole


def test_a_counted_listing_without_rows_is_hidden() -> None:
    """TotalCount over 0 with no rows is a hole, not an empty listing."""
    reading = Reading()
    read(reading, still([], total=7))
    assert (reading.whole, reading.hidden) == (False, True)


def test_a_count_that_is_not_trusted_hides_nothing() -> None:
    """A server that counts without the filter does not make an empty listing a hole."""
    reading = Reading(trust_count=False)
    assert read(reading, still([], total=7)) == (set(), 1)
    assert reading.whole


def test_one_job_is_proven_to_be_the_last_by_a_page_that_starts_behind_it() -> None:
    """A short page proves nothing, so one more page is asked for."""
    asked: list[Ask] = []

    def serve(ask: Ask) -> Page:
        asked.append(ask)
        return page(["a"][ask.offset :])

    reading = Reading(capacity=100)
    read(reading, serve)
    assert reading.whole
    assert [ask.offset for ask in asked] == [0, 1]


@pytest.mark.parametrize("cap", [3, 20, 99, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 19, 20, 21, 99, 100, 101, 180, 181, 1000])
@pytest.mark.parametrize("total", [None, "true", "understated", "unfiltered"])
def test_a_still_listing_is_read_whole(cap: int, count: int, total: str | None) -> None:
    """Whatever the cap and the count, every job is seen and the reading knows it."""
    totals = {None: None, "true": count, "understated": count // 2, "unfiltered": 5000}
    reading = Reading(window=8, phase=count, trust_count=total != "unfiltered")
    seen, _ = read(reading, still(names(count), cap=cap, total=totals[total]), shuffle=random.Random(count))
    assert seen == set(names(count))
    assert reading.whole
    assert reading.rows == count


def test_a_large_listing_costs_a_page_for_each_step_and_one_for_the_proof() -> None:
    """Pages advance by a page less the overlap."""
    reading = Reading(window=8)
    _, requests = read(reading, still(names(10_000), total=10_000))
    assert requests <= 10_000 / 80 + 2


def test_where_nothing_moved_the_next_reading_needs_fewer_pages() -> None:
    """Neighbours then share only what links them."""
    first = Reading(window=8)
    _, before = read(first, still(names(10_000), total=10_000))
    reading = Reading(window=8, overlap=first.next_overlap)
    seen, requests = read(reading, still(names(10_000), total=10_000))
    assert reading.whole
    assert seen == set(names(10_000))
    assert (before, requests) == (126, 108)


@pytest.mark.parametrize(("leaving", "expected"), [(0, 6), (3, 12), (9, 20)])
def test_the_next_overlap_follows_how_fast_rows_move(leaving: int, expected: int) -> None:
    """Twice what a page lost while it was waited for, and a link."""
    listing = names(1000)

    def serve(ask: Ask) -> Page:
        served = page(listing[ask.offset : ask.offset + 100])
        del listing[:leaving]
        return served

    reading = Reading()
    read(reading, serve)
    assert reading.whole
    assert reading.next_overlap == expected


@pytest.mark.parametrize(("rows", "total", "expected"), [(3, 3, 3), (0, 0, 0), (0, None, 0), (3, None, None)])
def test_what_was_counted_at_first_is_none_where_there_is_none(
    rows: int, total: int | None, expected: int | None
) -> None:
    """An API that leaves its counts out may leave out a nought alone."""
    reading = Reading(capacity=100)
    read(reading, still(names(rows), total=total))
    assert reading.first_count == expected


def test_a_count_that_changes_meanwhile_is_not_what_was_counted_at_first() -> None:
    """Later pages have later ones."""
    reading = Reading(capacity=100)
    reading.take(reading.asks()[0], page(names(100), 150))
    reading.take(reading.asks()[0], page(names(69, 80), 149))
    assert (reading.first_count, reading.counts) == (150, [150, 149])


def test_a_reading_that_was_not_whole_advises_no_less_overlap() -> None:
    """What it lost is not known."""
    reading = Reading(overlap=LEAST_OVERLAP)
    reading.take(reading.asks()[0], page(names(100), 1000))
    reading.abandon()
    assert reading.next_overlap == OVERLAP


def test_what_is_foreseen_is_asked_for_side_by_side() -> None:
    """From behind what has come, and no further than the window."""
    reading = Reading(window=3)
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(180)[80:]))
    reading.foresee(700)
    assert [ask.offset for ask in reading.asks()] == [160, 240, 320]


@given(st.integers(0, 2**32), st.integers(1, 2000), st.integers(1, 2000))
def test_a_reading_that_foresees_what_is_not_there_is_whole_all_the_same(seed: int, count: int, rows: int) -> None:
    """It is a hint, whenever it comes."""
    rng = random.Random(seed)
    reading = Reading(window=8, phase=rng.randrange(50))

    def serve(ask: Ask) -> Page:
        if rng.random() < 0.3:
            reading.foresee(rows)
        return page(names(count)[ask.offset : ask.offset + 100])

    seen, _ = read(reading, serve, shuffle=rng)
    assert reading.whole
    assert seen == set(names(count))


def test_page_boundaries_move_with_the_phase() -> None:
    """Rows that are served in another order each time do not meet the same boundary each sweep."""
    boundaries = set()
    for phase in range(40):
        reading = Reading(phase=phase, window=1)
        first = reading.asks()
        reading.take(first[0], page(names(100), 1000))
        boundaries.add(reading.asks()[0].offset)
    assert len(boundaries) == 40


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 3))
def test_a_queue_that_drains_while_it_is_read_loses_no_job(seed: int, leaving: int, arriving: int) -> None:
    """Jobs that are there throughout are seen by every whole reading, however fast the head leaves."""
    rng = random.Random(seed)
    listing = names(1000)
    number = 1000

    def serve(ask: Ask) -> Page:
        nonlocal number
        served = page(listing[ask.offset : ask.offset + 100], len(listing))
        del listing[: rng.randint(0, leaving)]
        for _ in range(rng.randint(0, arriving)):
            listing.append(f"j{number}")
            number += 1
        return served

    reading = Reading(window=rng.choice([1, 4, 8]), expected=rng.choice([0, 1000]), phase=rng.randrange(50))
    seen, _ = read(reading, serve, shuffle=rng)
    if reading.whole:
        assert set(names(1000)) & set(listing) <= seen


@given(st.integers(0, 2**32))
def test_newest_first_with_arrivals_and_departures_anywhere_loses_no_job(seed: int) -> None:
    """Rows put in at the head push known ones over page boundaries; none that stays is skipped."""
    rng = random.Random(seed)
    listing = names(600)
    number = 600

    def serve(ask: Ask) -> Page:
        nonlocal number
        served = page(listing[ask.offset : ask.offset + 100], len(listing))
        for _ in range(rng.randint(0, 15)):
            listing.insert(0, f"j{number}")
            number += 1
        for _ in range(rng.randint(0, 5)):
            listing.pop(rng.randrange(len(listing)))
        return served

    reading = Reading(window=rng.choice([1, 8]), expected=rng.choice([0, 600]))
    seen, _ = read(reading, serve, shuffle=rng)
    assert reading.whole
    assert set(names(600)) & set(listing) <= seen


def test_a_queue_that_drains_ten_rows_a_page_is_read_whole() -> None:
    """An ordinary drain does not make a reading give up."""
    listing = names(1000)

    def serve(ask: Ask) -> Page:
        served = page(listing[ask.offset : ask.offset + 100])
        del listing[:10]
        return served

    reading = Reading()
    seen, _ = read(reading, serve)
    assert reading.whole
    assert set(listing) <= seen


def test_a_listing_that_empties_while_it_is_read_ends_whole() -> None:
    """When every row has left, two empty pages from the very beginning prove it."""
    answers = iter([page(names(100))])
    reading = Reading()
    read(reading, lambda _: next(answers, page([])))
    assert reading.whole


def test_a_lying_empty_page_between_full_ones_costs_a_request_and_no_job() -> None:
    """An empty page before the known end is asked for again, further left."""
    listing = names(500)
    lies = {3}
    count = 0

    def serve(ask: Ask) -> Page:
        nonlocal count
        count += 1
        return page([] if count in lies else listing[ask.offset : ask.offset + 100])

    reading = Reading()
    seen, _ = read(reading, serve)
    assert reading.whole
    assert seen == set(listing)


def test_a_server_that_ignores_the_offset_is_given_up() -> None:
    """The same full page for ever is no reading, and no endless loop."""
    reading = Reading()
    _, requests = read(reading, lambda _: page(names(100)))
    assert not reading.whole
    assert requests < 20


def test_a_listing_without_end_is_given_up() -> None:
    """A server that invents rows for ever cannot fill our memory."""
    reading = Reading()
    reading.asks()
    reading.rows = MAX_ROWS
    reading.take(Ask(0, 100), page(["a"]))
    assert reading.done
    assert not reading.whole


def test_an_abandoned_reading_asks_for_nothing_more() -> None:
    """A page that will not come ends the reading, and it is not whole."""
    reading = Reading()
    reading.asks()
    reading.abandon()
    assert reading.asks() == []
    assert not reading.whole


def test_bad_rows_count_as_rows() -> None:
    """Offsets advance by the rows received, the unreadable ones too."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(50), bad=50))
    assert reading.asks()[0].offset == 80


def test_a_listing_of_bad_rows_alone_ends_where_nothing_follows() -> None:
    """What cannot be read is no reason to call the rest unread: there is none."""
    reading = Reading()
    _, requests = read(reading, lambda ask: page([], bad=max(0, 3 - ask.offset)))
    assert (reading.whole, requests) == (True, 3)


def test_bad_rows_that_fill_a_page_are_passed_and_whole_is_not_claimed() -> None:
    """Rows without identity cannot link pages, but what stands behind them is read."""
    listing = [*names(50), *[""] * 120, *names(50, 50)]

    def serve(ask: Ask) -> Page:
        rows = listing[ask.offset : ask.offset + 100]
        good = [name for name in rows if name]
        return page(good, bad=len(rows) - len(good))

    reading = Reading()
    seen, _ = read(reading, serve)
    assert seen == set(names(100))
    assert not reading.whole


def test_a_server_with_nothing_but_bad_rows_for_ever_is_given_up() -> None:
    """There is no end of it."""
    reading = Reading()
    _, requests = read(reading, lambda _: page([], bad=100))
    assert not reading.whole
    assert requests < 100


def test_a_full_page_of_one_known_row_and_bad_ones_proves_no_end() -> None:
    """There was no room for what may follow."""
    listing = [*names(11), *[""] * 19, *names(50, 11)]

    def serve(ask: Ask) -> Page:
        rows = listing[ask.offset : ask.offset + 20]
        good = [name for name in rows if name]
        return page(good, bad=len(rows) - len(good))

    reading = Reading()
    seen, _ = read(reading, serve)
    assert seen == set(names(61)) or not reading.whole


def test_a_short_page_with_news_is_not_the_end() -> None:
    """A server may send less than it could, at any time."""
    listing = names(300)
    sizes = iter([100, 30, 30])
    reading = Reading()
    seen, _ = read(reading, lambda ask: page(listing[ask.offset : ask.offset + next(sizes, 100)]))
    assert seen == set(listing)
    assert reading.whole


def test_a_tail_that_grows_as_fast_as_it_is_read_is_left_to_the_next_sweep() -> None:
    """What was there when the reading began has been seen; chasing the rest would never end."""
    listing = names(150)

    def serve(ask: Ask) -> Page:
        served = page(listing[ask.offset : ask.offset + 100])
        listing.extend(names(5, len(listing)))
        return served

    reading = Reading()
    seen, requests = read(reading, serve)
    assert set(names(150)) <= seen
    assert reading.whole
    assert requests < 10


def test_a_page_that_a_hole_has_overtaken_is_no_longer_linked() -> None:
    """Its rows count as sightings, but the reading goes on from the front."""
    reading = Reading(window=3, expected=400)
    [first] = reading.asks()
    reading.take(first, page(names(100)))
    left, middle, right = reading.asks()
    reading.take(left, page(names(100, 700)))  # shares nothing: a hole
    [patch] = reading.asks()
    assert patch.offset < left.offset
    reading.take(middle, page(names(100, 800)))
    reading.take(right, page(names(100, 900)))
    assert not reading.done
    reading.take(patch, page(names(100, 50)))
    assert reading.rows == 150


def test_a_full_page_of_known_rows_without_the_last_is_read_past() -> None:
    """A server that repeats rows proves no end."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(50) * 2))
    assert not reading.done
    assert reading.asks()[0].offset == 80


def test_rows_put_in_before_the_front_move_it() -> None:
    """Where the known rows are found further right, what comes after them is asked for there."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(100)))  # asked from 80 on: the listing has grown by 80 at its head
    assert reading.asks()[0].offset == 160


@given(st.integers(0, 2**32))
def test_a_listing_that_changes_altogether_asks_for_nothing_impossible(seed: int) -> None:
    """Rows come and go by the hundred, in any order, under any cap and any hint; the reading ends all the same."""
    rng = random.Random(seed)
    listing = names(rng.choice([0, 3, 30, 300]))
    number = 1000

    def serve(ask: Ask) -> Page:
        nonlocal number
        cap = rng.choice([5, 20, 100])
        served = page(listing[ask.offset : ask.offset + cap], rng.choice([None, len(listing), 500]))
        for _ in range(rng.choice([0, 0, 5, 100])):
            listing.insert(rng.randint(0, len(listing)), f"j{number}")
            number += 1
        for _ in range(min(len(listing), rng.choice([0, 0, 5, 100]))):
            listing.pop(rng.randrange(len(listing)))
        return served

    reading = Reading(window=rng.choice([1, 8]), expected=rng.choice([0, 50, 1000]), phase=rng.randrange(100))
    read(reading, serve, shuffle=rng)


def test_a_look_up_ends_once_all_that_was_wanted_has_come() -> None:
    """There is nothing to prove then."""
    reading = Reading(expected=2, wanted=["a", "b"])
    assert read(reading, lambda _: page(["b", "a"])) == ({"a", "b"}, 1)
    assert reading.whole


def test_a_look_up_of_a_missing_job_is_read_to_a_proven_end() -> None:
    """That a job is not there must be proven like the end of any listing."""
    reading = Reading(expected=3, wanted=["a", "b", "gone"])
    assert read(reading, still(["a", "b"])) == ({"a", "b"}, 2)
    assert reading.whole


def test_a_look_up_from_a_capped_server_is_paged() -> None:
    """A cap holds for a look-up too."""
    reading = Reading(expected=100, wanted=names(100))
    seen, _ = read(reading, still(names(100), cap=20))
    assert seen == set(names(100))
    assert reading.whole
