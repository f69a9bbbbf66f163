"""Cities that come and go."""

from poller.models import MAX_CITIES
from poller.roster import GONE_FOR, Change, Roster

DAY = GONE_FOR


def test_what_is_listed_first_comes() -> None:
    """In the order of the answer, and once."""
    roster = Roster()
    assert roster.take(["b", "a"], [], 0) == Change(came=("b", "a"))
    assert roster.take(["a", "b"], [], 3600) == Change()
    assert roster.take(["a", "b", "c"], [], 7200) == Change(came=("c",))


def test_a_city_out_of_every_answer_for_a_day_goes() -> None:
    """Its absence is told once; it goes only with an answer that lacks it."""
    roster = Roster()
    roster.take(["a", "b"], [], 0)
    assert roster.take(["a"], [], 3600) == Change(missing=("b",))
    assert roster.take(["a"], [], 3600 + DAY - 1) == Change()
    assert roster.take(["a"], [], 3600 + DAY) == Change(gone=("b",))
    assert roster.take(["a", "b"], [], 3600 + 2 * DAY) == Change(came=("b",))


def test_a_city_that_is_listed_again_stays() -> None:
    """One answer may have lied; the day begins anew."""
    roster = Roster()
    roster.take(["a", "b"], [], 0)
    roster.take(["a"], [], 3600)
    assert roster.take(["a", "b"], [], DAY) == Change()
    assert roster.take(["a"], [], 2 * DAY) == Change(missing=("b",))


def test_a_city_with_jobs_stays_for_a_day_after_the_last() -> None:
    """However long they take."""
    roster = Roster()
    roster.take(["a", "b"], [], 0)
    for day in range(1, 10):
        assert roster.take(["a"], ["b"], day * DAY).gone == ()
    assert roster.take(["a"], [], 10 * DAY - 1).gone == ()
    assert roster.take(["a"], [], 10 * DAY).gone == ("b",)


def test_an_empty_answer_says_nothing() -> None:
    """However often it comes."""
    roster = Roster()
    roster.take(["a"], [], 0)
    for day in range(1, 10):
        assert roster.take([], [], day * DAY) == Change()


def test_there_is_room_for_so_many_cities() -> None:
    """An API that lists new ones without end is not followed."""
    roster = Roster()
    assert roster.take(map(str, range(MAX_CITIES - 1)), [], 0).excess == 0
    change = roster.take(["x", "y", "z"], [], 3600)
    assert (change.came, change.excess) == (("x",), 2)
