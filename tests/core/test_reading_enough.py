"""A reading that need not come to the end of its listing."""

import random

from hypothesis import given
from hypothesis import strategies as st

from poller.models import Page
from poller.reading import Ask, Reading
from tests.core.listings import names, page


def test_a_page_with_enough_ends_the_reading_whole() -> None:
    """Nothing behind it is wanted, so that nothing has to be proven."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)), enough=True)
    assert (reading.done, reading.whole, reading.rows) == (True, True, 100)
    assert reading.asks() == []


def test_a_later_page_with_enough_ends_the_reading_if_it_is_linked() -> None:
    """It is whole up to there."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(100, 80)), enough=True)
    assert (reading.done, reading.whole, reading.rows) == (True, True, 180)


def test_a_page_with_enough_behind_a_hole_does_not_end_the_reading() -> None:
    """What lies between was not seen."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(100, 200)), enough=True)
    assert not reading.done
    [patch] = reading.asks()
    reading.take(patch, page(names(100, 80)), enough=True)
    assert (reading.done, reading.whole) == (True, True)


def test_a_full_page_with_enough_and_nothing_new_ends_the_reading() -> None:
    """There is no need to read past what is known already."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page(names(100)), enough=True)
    assert (reading.done, reading.whole) == (True, True)


def test_an_empty_page_with_enough_is_believed_no_sooner() -> None:
    """It shows nothing that could be enough."""
    reading = Reading(expected=1)
    reading.take(reading.asks()[0], page([]), enough=True)
    assert not reading.done


def test_rows_without_identity_before_enough_leave_the_reading_not_whole() -> None:
    """What cannot be linked is not claimed."""
    reading = Reading()
    reading.take(reading.asks()[0], page(names(100)))
    reading.take(reading.asks()[0], page([], bad=100))
    reading.take(reading.asks()[0], page(names(100, 200)), enough=True)
    assert (reading.done, reading.whole) == (True, False)


@given(st.integers(0, 2**32))
def test_a_reading_down_to_a_known_row_misses_nothing_before_it(seed: int) -> None:
    """Rows put in at the newest end while it is read, as many as there may be, hide none that was there before."""
    rng = random.Random(seed)
    listing = names(600)
    old, number = set(names(300, 300)), 600

    def serve(ask: Ask) -> Page:
        nonlocal number
        served = page(listing[ask.offset : ask.offset + 100])
        for _ in range(rng.randint(0, 130)):
            listing.insert(0, f"j{number}")
            number += 1
        for _ in range(rng.randint(0, 3)):
            listing.pop(rng.randrange(len(listing)))
        return served

    there = set(names(300))
    reading, seen = Reading(expected=1, trust_count=False), set[str]()
    while asks := reading.asks():
        served = serve(asks[0])
        ids = {job.job_id for job in served.jobs}
        seen |= ids
        reading.take(asks[0], served, enough=bool(ids) and ids <= old)
    if reading.whole:
        assert there & set(listing) <= seen
