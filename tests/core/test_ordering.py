"""In which order a listing comes, told by its rows alone."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.models import Job
from poller.ordering import SLACK, Order, Ordering, contradicts
from tests.core.sightings import done

CREATED: Callable[[Job], int] = lambda job: job.create_time or 0  # noqa: E731 (one of three that go in a table)
BEGUN: Callable[[Job], int] = lambda job: job.begin_time or 0  # noqa: E731 (as above)
ENDED: Callable[[Job], int] = lambda job: job.end_time or 0  # noqa: E731 (as above)


def jobs(count: int, *, seed: int = 1, every: int = 20) -> list[Job]:
    """Make finished jobs whose creation, begin and end come in three different orders."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        created = 1_000_000 + every * number
        begun = created + rng.randrange(1, 500)
        made.append(done(f"j{number}", created=created, begun=begun, ended=begun + rng.randrange(1, 500)))
    return made


def learnt(listing: list[Job], *, page: int = 100, overlap: int = 20) -> Ordering:
    """Learn from a listing that is read in pages."""
    ordering = Ordering()
    for start in range(0, max(1, len(listing) - overlap), page - overlap):
        ordering.take(listing[start : start + page])
    return ordering


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(("key", "by_creation"), [(CREATED, True), (BEGUN, False), (ENDED, False)])
def test_an_order_by_any_of_the_three_times_is_found(
    key: Callable[[Job], int], *, by_creation: bool, newest_first: bool
) -> None:
    """Whichever time it goes by, the end where news is is known."""
    listing = sorted(jobs(300), key=key, reverse=newest_first)
    assert learnt(listing).verdict() == Order(newest_first, by_creation)


def test_a_listing_without_order_has_none() -> None:
    """It has to be read whole."""
    listing = jobs(300)
    random.Random(2).shuffle(listing)
    assert learnt(listing).verdict() is None


def test_two_sorted_halves_are_no_order() -> None:
    """The page that has the joint in it gives it away."""
    listing = jobs(400)
    halves = [*reversed(listing[:200]), *reversed(listing[200:])]
    assert learnt(halves).verdict() is None


@given(st.integers(100, 400), st.data())
def test_halves_are_found_out_wherever_the_joint_is(count: int, data: st.DataObject) -> None:
    """Neighbouring pages share rows, so that nothing stands between them unseen."""
    listing = jobs(count)
    joint = data.draw(st.integers(20, count - 20))
    halves = [*reversed(listing[:joint]), *reversed(listing[joint:])]
    assert learnt(halves).verdict() is None


def test_each_page_is_held_against_itself_alone() -> None:
    """While a listing is read it moves, so that the next page may begin with newer rows."""
    listing = sorted(jobs(300), key=ENDED, reverse=True)
    ordering = Ordering()
    for start in (0, 200, 100):
        ordering.take(listing[start : start + 100])
    assert ordering.verdict() == Order(newest_first=True, maybe_by_creation=False)


@pytest.mark.parametrize(("off", "expected"), [(SLACK, Order(newest_first=True, maybe_by_creation=True)), (6, None)])
def test_rows_may_stand_a_little_out_of_order(off: int, expected: Order | None) -> None:
    """Ids and times are not drawn at once; more than a few seconds is another order."""
    rows = [done(f"j{number}", created=1_000_000 - 20 * number, ended=1_000_000 - 20 * number) for number in range(40)]
    late = 1_000_000 - 20 * 10 + off
    rows.insert(11, done("late", created=late, ended=late))
    ordering = Ordering()
    ordering.take(rows)
    assert ordering.verdict() == expected


def test_slack_does_not_add_up() -> None:
    """Rows that each are a little off in the wrong direction are in the wrong order all the same."""
    rising = [done(f"j{number}", created=1_000_000 + 4 * number, ended=1_000_000 + 4 * number) for number in range(100)]
    assert learnt(rising).verdict() == Order(newest_first=False, maybe_by_creation=True)


def test_ties_are_in_every_order() -> None:
    """They prove nothing and speak against nothing."""
    rows = [done(f"j{number}", created=1_000_000 - 20 * (number // 3), ended=1_000_000) for number in range(90)]
    assert learnt(rows).verdict() == Order(newest_first=True, maybe_by_creation=True)


def test_a_listing_of_ties_has_no_order_yet() -> None:
    """A burst that was created at once may stand either way round."""
    rows = [done(f"j{number}", created=1_000_000, begun=1_000_000, ended=1_000_001) for number in range(90)]
    assert learnt(rows).verdict() is None


@pytest.mark.parametrize(("count", "found"), [(0, False), (1, False), (16, False), (17, True)])
def test_few_rows_are_no_proof_of_an_order(count: int, *, found: bool) -> None:
    """Some may stand in order by chance."""
    rows = [
        done(f"j{number}", created=1_000_000 - 20 * number, ended=1_000_000 - 20 * number) for number in range(count)
    ]
    assert (learnt(rows).verdict() is not None) is found


def test_evidence_adds_up_over_pages() -> None:
    """A server may cap them."""
    listing = sorted(jobs(40), key=ENDED, reverse=True)
    assert learnt(listing, page=4, overlap=1).verdict() == Order(newest_first=True, maybe_by_creation=False)


def test_an_order_is_of_no_use_without_most_end_times() -> None:
    """Nothing would tell where to stop."""
    listing = [
        done(f"j{number}", created=2_000_000 - 20 * number, ended=2_000_000 - 20 * number if number % 3 == 0 else None)
        for number in range(200)
    ]
    assert learnt(listing).verdict() is None


def test_some_missing_times_hide_no_order() -> None:
    """The rows that tell are enough."""
    listing = [
        done(f"j{number}", created=2_000_000 - 20 * number, ended=2_000_000 - 20 * number if number % 3 else None)
        for number in range(200)
    ]
    assert learnt(listing).verdict() == Order(newest_first=True, maybe_by_creation=True)


def test_an_order_by_end_without_creation_times_may_be_one_by_creation() -> None:
    """What is not told can't be ruled out."""
    listing = [done(f"j{number}", ended=2_000_000 - 20 * number) for number in range(100)]
    assert learnt(listing).verdict() == Order(newest_first=True, maybe_by_creation=True)


def test_times_that_contradict_each_other_are_no_order() -> None:
    """Created newest first and ended oldest first: there is no saying where news is."""
    rows = [done(f"j{number}", created=1_000_000 - 20 * number, ended=2_000_000 + 20 * number) for number in range(100)]
    assert learnt(rows).verdict() is None


@pytest.mark.parametrize(("key", "by_creation"), [(CREATED, True), (BEGUN, False), (ENDED, False)])
def test_a_page_in_order_does_not_contradict_it(key: Callable[[Job], int], *, by_creation: bool) -> None:
    """Whichever time it goes by."""
    listing = sorted(jobs(100), key=key, reverse=True)
    assert not contradicts(listing, Order(newest_first=True, maybe_by_creation=by_creation))


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("by_creation", [True, False])
@pytest.mark.parametrize("key", [CREATED, BEGUN, ENDED])
def test_a_page_in_reverse_contradicts_an_order(
    key: Callable[[Job], int], *, by_creation: bool, newest_first: bool
) -> None:
    """The end where news was is not where it is now."""
    listing = sorted(jobs(100), key=key, reverse=not newest_first)
    assert contradicts(listing, Order(newest_first, by_creation))


def test_an_order_by_creation_contradicts_one_that_is_not() -> None:
    """A listing that was sorted by begin or end is not any more."""
    listing = sorted(jobs(100), key=CREATED, reverse=True)
    assert contradicts(listing, Order(newest_first=True, maybe_by_creation=False))


@pytest.mark.parametrize("count", [0, 1])
def test_a_page_of_no_more_than_a_row_contradicts_nothing(count: int) -> None:
    """It has no order."""
    assert not contradicts(jobs(count), Order(newest_first=True, maybe_by_creation=False))


def test_a_time_that_is_never_told_saves_no_order() -> None:
    """Ends that rise are no order by ends that fall, though nobody knows when these jobs began."""
    rising = [done(f"j{number}", ended=1_000_000 + 20 * number) for number in range(100)]
    assert contradicts(rising, Order(newest_first=True, maybe_by_creation=False))
    assert contradicts(rising, Order(newest_first=True, maybe_by_creation=True))


def test_a_tie_in_one_time_leaves_room_for_the_others() -> None:
    """Jobs that all began at once may end in any order, in a listing by begin."""
    rng = random.Random(3)
    rows = [done(f"j{number}", created=1, begun=500_000, ended=1_000_000 + rng.randrange(1000)) for number in range(50)]
    assert not contradicts(rows, Order(newest_first=True, maybe_by_creation=False))


def test_pages_that_span_a_few_seconds_tell_an_order_together() -> None:
    """A busy fleet finishes a hundred jobs in less time than ids and times may be apart."""
    listing = sorted((done(f"j{number}", ended=1_000_000 + number // 30) for number in range(6000)), key=ENDED)
    assert learnt(listing[::-1]).verdict() is not None


def test_the_rows_that_pages_share_are_no_evidence_twice() -> None:
    """A page goes back a little behind the one before, which is no step."""
    listing = sorted(jobs(20, every=6), key=CREATED)[:12]
    ordering = Ordering()
    for _ in range(10):
        ordering.take(listing)
    assert ordering.verdict() is None


@pytest.mark.parametrize("newest_first", [True, False])
def test_an_order_by_end_that_puts_rows_without_it_at_the_far_end_is_of_no_use(*, newest_first: bool) -> None:
    """What has just ended, and does not tell when, would be looked for at the other one."""
    listing = sorted(jobs(300), key=ENDED, reverse=newest_first)
    undated = [done("undated", created=1, begun=2)]
    far = listing + undated if newest_first else undated + listing
    near = undated + listing if newest_first else listing + undated
    assert learnt(far).verdict() is None
    assert learnt(near).verdict() == Order(newest_first, maybe_by_creation=False)
