"""A reading from the end of a listing that is sorted oldest first."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.models import Page, Sighting, State
from poller.reading import MAX_ROWS, Ask, TrailingReading

Serve = Callable[[Ask], Page]
Enough = Callable[[Page], bool]

LONG_LISTING = 1000


def page(ids: list[str], total: int | None = None, *, bad: int = 0) -> Page:
    """Make a page of finished jobs, with bad rows at its end."""
    jobs = [Sighting(job_id=job_id, state=State.SUCCESS) for job_id in ids]
    return Page(jobs=jobs, received=len(ids) + bad, skipped=bad, total_count=total)


def names(count: int, start: int = 0) -> list[str]:
    """Name jobs j0, j1 and so on, oldest first."""
    return [f"j{number}" for number in range(start, start + count)]


def ids(answer: Page) -> list[str]:
    """Name the jobs of a page."""
    return [job.job_id for job in answer.jobs]


def anything(answer: Page) -> bool:
    """Call every page enough."""
    return True


def nothing(answer: Page) -> bool:
    """Call no page enough."""
    return False


def read(reading: TrailingReading, serve: Serve, enough: Enough = nothing) -> tuple[set[str], list[int]]:
    """Drive a reading to its end; return what was seen and the offsets that were asked for."""
    seen: set[str] = set()
    offsets: list[int] = []
    while asks := reading.asks():
        [ask] = asks
        assert reading.asks() == []
        assert ask.offset >= 0
        assert 1 <= ask.limit <= 100
        offsets.append(ask.offset)
        answer = serve(ask)
        seen.update(ids(answer))
        reading.take(ask, answer, enough=enough(answer))
        assert len(offsets) < 5000
    assert reading.done
    return seen, offsets


def still(listing: list[str], *, cap: int = 100, total: int | None = None) -> Serve:
    """Serve a listing that does not move."""
    return lambda ask: page(listing[ask.offset : ask.offset + min(ask.limit, cap)], total)


@dataclass
class MovingListing:
    """A listing that changes after every page, in ways drawn from a seed; rows are (time, number)."""

    rng: random.Random
    rows: list[tuple[int, int]]
    cap: int = 100
    appended: int = 0
    inserted: int = 0
    purged: int = 0
    removed: int = 0
    tie: int = 1
    lies: float = 0.0
    repeats: float = 0.0
    total: str = "none"
    longest: int = 0
    lied: bool = False
    numbers: int = 1_000_000
    lasting: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lasting = set(self.rows)
        self.longest = len(self.rows)

    def serve(self, ask: Ask) -> Page:
        """Answer with what stands there now, or lie; then change."""
        if self.tie > 1:
            self.rows.sort(key=lambda row: (row[0], self.rng.random()))
        rows = self.rows[ask.offset : ask.offset + min(ask.limit, self.cap)]
        total = self._total()
        self.lied = not self.lied and self.rng.random() < self.lies
        if self.lied:
            rows, total = [], 0 if total is not None else None
        elif rows and self.rng.random() < self.repeats:
            at = self.rng.randrange(len(rows))
            rows = [*rows[: at + 1], *rows[at:]][: min(ask.limit, self.cap)]
        self._change()
        return page([f"{time}-{number}" for time, number in rows], total)

    def _total(self) -> int | None:
        count = len(self.rows)
        return {"none": None, "true": count, "half": count // 2, "zero": 0, "all": count + 777}[self.total]

    def _change(self) -> None:
        draw = self.rng.randint
        newest = max(self.rows)[0] if self.rows else 0
        for _ in range(draw(0, self.appended)):
            newest += 1
            self._add(newest)
        for _ in range(draw(0, self.inserted)):
            self._add(draw(0, newest))
        del self.rows[: draw(0, self.purged)]
        for _ in range(min(len(self.rows), draw(0, self.removed))):
            self.rows.pop(self.rng.randrange(len(self.rows)))
        self.rows.sort()
        self.lasting.intersection_update(self.rows)
        self.longest = max(self.longest, len(self.rows))

    def _add(self, time: int) -> None:
        self.numbers += 1
        self.rows.append((time, self.numbers))


def moving(rng: random.Random) -> MovingListing:
    """Draw a listing, and how it changes, from a calm one to one that can't be read."""
    cap = rng.choice([2, 7, 20, 50, 100, 100, 100])
    tie = rng.choice([1, 1, 3]) if cap >= 20 else 1  # shorter pages can't share rows enough to tell ties apart
    return MovingListing(
        rng,
        [(number // tie * 1000, number) for number in range(rng.choice([0, 1, 15, 100, 333, LONG_LISTING]))],
        cap=cap,
        appended=rng.choice([0, 0, 3, 30]),
        inserted=rng.choice([0, 0, 3, 30]),
        purged=rng.choice([0, 0, 3, 30]),
        removed=rng.choice([0, 0, 3, 30]),
        tie=tie,
        lies=rng.choice([0.0, 0.0, 0.1]),
        repeats=rng.choice([0.0, 0.0, 0.2]),
        total=rng.choice(["none", "true", "half", "zero", "all"]),
    )


def hold(rng: random.Random) -> bool:
    """Read a moving listing once, and hold what was seen against what it owes; tell whether it was whole."""
    listing = moving(rng)
    count = len(listing.rows)
    expected = max(0, count + rng.choice([0, 0, 0, -30, 30, -200, 500, -count, 5000]))
    if expected == 0:
        listing.lies = 0.0  # where nothing was ever known, an empty page is believed
    confirm = rng.random() < 0.5
    reading = TrailingReading(
        expected=expected,
        capacity=rng.choice([0, listing.cap, 100 if confirm else listing.cap]),
        confirm=confirm,
        trust_count=rng.random() < 0.5,
    )
    wanted = rng.choice([0, rng.randint(0, 1000 * count)])
    seen, offsets = read(
        reading, listing.serve, lambda answer: all(int(name.split("-")[0]) < wanted for name in ids(answer))
    )
    assert len(offsets) <= 3 * 64 + 4 * listing.longest
    if reading.whole:
        assert {f"{time}-{number}" for time, number in listing.lasting if time >= wanted} <= seen
    return reading.whole


@given(st.integers(0, 2**32))
def test_a_whole_reading_has_seen_every_lasting_row_that_was_wanted(seed: int) -> None:
    """However rows move, tie, repeat or hide, whole is claimed only where nothing wanted was skipped."""
    hold(random.Random(seed))


def test_most_moving_listings_are_read_whole() -> None:
    """The promise above would be kept by a reading that never claims to be whole."""
    assert sum(hold(random.Random(seed)) for seed in range(300)) > 200


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 99, 100, 101, 180, 1000])
def test_an_ordinary_cycle_costs_one_request(count: int) -> None:
    """Nothing has changed since the last reading."""
    reading = TrailingReading(expected=count, capacity=100)
    _, offsets = read(reading, still(names(count)), anything)
    assert (reading.whole, len(offsets), reading.end) == (True, 1, count)


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 99, 100, 101, 180, 1000])
def test_a_confirmed_end_costs_one_request_more(count: int) -> None:
    """A page that begins in known rows and brings nothing after them is the proof."""
    reading = TrailingReading(expected=count, capacity=100, confirm=True)
    _, offsets = read(reading, still(names(count)), anything)
    assert (reading.whole, len(offsets), reading.end) == (True, 2, count)


@pytest.mark.parametrize("grown", [1, 50, 79])
def test_what_was_added_since_comes_with_the_same_request(grown: int) -> None:
    """A page has room for it."""
    reading = TrailingReading(expected=1000, capacity=100)
    seen, offsets = read(reading, still(names(1000 + grown)), anything)
    assert set(names(grown, 1000)) <= seen
    assert (reading.whole, len(offsets), reading.end) == (True, 1, 1000 + grown)


@pytest.mark.parametrize("cap", [2, 3, 20, 99, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 19, 21, 99, 101, 1000])
@pytest.mark.parametrize("expected", [0, 1, 50, 1000, 1040, 30_000])
@pytest.mark.parametrize("confirm", [False, True])
def test_a_still_listing_is_read_whole(cap: int, count: int, expected: int, *, confirm: bool) -> None:
    """Wherever its end was thought to be, and whatever the cap, every row is seen and the reading knows it."""
    reading = TrailingReading(expected=expected, confirm=confirm)
    seen, _ = read(reading, still(names(count), cap=cap))
    assert seen == set(names(count))
    assert (reading.whole, reading.rows, reading.end) == (True, count, count)


@pytest.mark.parametrize(("total", "requests"), [(100_000, 3), (50_000, 25), (None, 25), (0, 25), (200_000, 25)])
def test_a_count_says_where_to_look_first(total: int | None, requests: int) -> None:
    """It is a guess, and the pages decide."""
    reading = TrailingReading(capacity=100)
    _, offsets = read(reading, still(names(100_000), total=total), anything)
    assert (reading.whole, reading.end) == (True, 100_000)
    assert len(offsets) <= requests


def test_a_count_over_the_rows_that_came_asks_for_proof() -> None:
    """A trusted TotalCount speaks against the end; one that is not trusted does not."""
    for trust, requests in ((True, 2), (False, 1)):
        reading = TrailingReading(expected=500, capacity=100, trust_count=trust)
        _, offsets = read(reading, still(names(500), total=900), anything)
        assert (reading.whole, len(offsets)) == (True, requests)


def test_an_end_before_the_last_known_one_asks_for_proof() -> None:
    """Rows have left, or the page was cut."""
    reading = TrailingReading(expected=500, capacity=100)
    _, offsets = read(reading, still(names(495)), anything)
    assert (reading.whole, len(offsets), reading.end) == (True, 2, 495)


def test_one_shared_row_of_several_that_tie_is_no_link() -> None:
    """Another of them may have changed places with it, and been on neither page."""
    answers = [page(["a", *names(19, 200)]), page([*names(98), "b", "a"])]
    reading = TrailingReading(expected=199, capacity=100)
    for answer in answers:
        reading.take(reading.asks()[0], answer)
    assert reading.rows == 20
    assert not reading.done


def test_a_repeated_row_asks_for_proof_and_counts_once() -> None:
    """A page with a row in it twice has not the length it seems to have."""
    listing = names(500)
    answers = iter([page([*listing[480:], "j499"])])
    reading = TrailingReading(expected=500, capacity=100)
    _, offsets = read(reading, lambda ask: next(answers, None) or still(listing)(ask), anything)
    assert (reading.whole, len(offsets), reading.end) == (True, 2, 500)


def test_a_cap_lower_than_believed_is_noticed_by_a_page_that_breaks_off() -> None:
    """What a believed end had cut off is read after all."""
    listing = names(1200)
    reading = TrailingReading(expected=1000, capacity=100)
    seen, _ = read(reading, still(listing, cap=50), lambda answer: not set(names(300, 950)) & set(ids(answer)))
    assert reading.whole
    assert set(names(200, 1000)) <= seen


@pytest.mark.parametrize("lie", range(6))
def test_a_lying_empty_page_is_contradicted(lie: int) -> None:
    """It costs requests and no row."""
    lies = iter([False] * lie + [True])
    listing = names(400)
    reading = TrailingReading(expected=400, capacity=100)
    seen, _ = read(reading, lambda ask: page([]) if next(lies, False) else still(listing)(ask))
    assert (reading.whole, seen) == (True, set(listing))


def test_an_empty_listing_is_whole_after_one_request() -> None:
    """Where nothing was known and nothing is counted, an empty page is believed."""
    reading = TrailingReading()
    assert read(reading, still([], total=0)) == (set(), [0])
    assert (reading.whole, reading.end) == (True, 0)


def test_a_known_listing_is_not_believed_empty_on_one_answer() -> None:
    """The very beginning is asked for twice."""
    reading = TrailingReading(expected=3)
    assert read(reading, still([])) == (set(), [0, 0])
    assert (reading.whole, reading.end) == (True, 0)


def test_empty_pages_elsewhere_do_not_make_the_very_beginning_believed() -> None:
    """A lie at offset 0 after an overshoot is asked about again."""
    asked: list[int] = []

    def serve(ask: Ask) -> Page:
        asked.append(ask.offset)
        return page([]) if asked.count(0) == 1 else still(names(15))(ask)

    reading = TrailingReading(expected=35, capacity=100)
    seen, offsets = read(reading, serve)
    assert offsets[:3] == [15, 0, 0]
    assert (reading.whole, seen) == (True, set(names(15)))


def test_a_counted_listing_without_rows_is_hidden() -> None:
    """TotalCount over 0 with no rows is a hole, not an empty listing."""
    reading = TrailingReading()
    read(reading, still([], total=7))
    assert (reading.whole, reading.hidden) == (False, True)


def test_rows_put_in_by_the_hundred_are_stepped_over() -> None:
    """A page that shares no row with its right neighbour is read again further right."""
    listing = names(1000)
    asked = 0

    def serve(ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            listing[100:100] = names(130, 5000)
        return still(listing)(ask)

    reading = TrailingReading(expected=1000, capacity=100)
    seen, _ = read(reading, serve)
    assert reading.whole
    assert set(names(1000)) <= seen


def test_a_purge_by_the_hundred_is_followed_to_the_left() -> None:
    """Two empty pages where rows were say that these have moved."""
    listing = names(1000)
    asked = 0

    def serve(ask: Ask) -> Page:
        nonlocal asked
        asked += 1
        if asked == 2:
            del listing[:500]
        return still(listing)(ask)

    reading = TrailingReading(expected=1000, capacity=100)
    seen, _ = read(reading, serve)
    assert reading.whole
    assert set(listing) <= seen


def test_pages_of_one_row_link_to_nothing() -> None:
    """Such a listing is given up, unless it has one row."""
    for count in (1, 2, 50):
        reading = TrailingReading(expected=count)
        _, offsets = read(reading, still(names(count), cap=1))
        assert reading.whole == (count == 1)
        assert len(offsets) < 150


def test_a_tail_that_grows_as_fast_as_it_is_read_is_left_to_the_next_reading() -> None:
    """What was there when the reading began has been seen; chasing the rest would never end."""
    listing = names(150)

    def serve(ask: Ask) -> Page:
        served = still(listing)(ask)
        listing.extend(names(5, len(listing)))
        return served

    reading = TrailingReading(expected=150, confirm=True)
    seen, offsets = read(reading, serve)
    assert set(names(150)) <= seen
    assert reading.whole
    assert len(offsets) < 12


def test_a_listing_that_outgrows_every_page_is_given_up() -> None:
    """Its end moves away faster than pages of two rows can follow."""
    length = 100

    def serve(ask: Ask) -> Page:
        nonlocal length
        length += 20
        return page(names(min(2, max(0, length - ask.offset)), ask.offset))

    reading = TrailingReading(capacity=2)
    _, offsets = read(reading, serve)
    assert not reading.whole
    assert len(offsets) < 80


def test_a_listing_without_end_is_given_up() -> None:
    """A server that invents rows for ever is left after a logarithm of what would fit."""
    reading = TrailingReading(capacity=100)
    _, offsets = read(reading, lambda ask: page(names(100, ask.offset)))
    assert not reading.whole
    assert reading.end > MAX_ROWS
    assert len(offsets) < 20


def test_a_server_that_ignores_the_offset_is_given_up() -> None:
    """The same full page for ever is no reading, and no endless loop."""
    reading = TrailingReading(expected=500, capacity=100)
    _, offsets = read(reading, lambda _: page(names(100)))
    assert not reading.whole
    assert len(offsets) < 20


def test_an_abandoned_reading_asks_for_nothing_more() -> None:
    """A page that will not come ends the reading, and it is not whole."""
    reading = TrailingReading()
    reading.asks()
    reading.abandon()
    assert reading.asks() == []
    assert not reading.whole


def bad_where(listing: list[str]) -> Serve:
    """Serve a listing in which a row without a name can't be read."""

    def serve(ask: Ask) -> Page:
        rows = listing[ask.offset : ask.offset + 100]
        good = [name for name in rows if name]
        return page(good, bad=len(rows) - len(good))

    return serve


@pytest.mark.parametrize(("bad", "confirm"), [(8, False), (8, True), (30, False)])
def test_bad_rows_at_the_end_hide_no_row_before_them(bad: int, *, confirm: bool) -> None:
    """Rows without identity prove nothing, so a page further left must."""
    listing = [*names(300), *[""] * bad]
    reading = TrailingReading(expected=len(listing), capacity=100, confirm=confirm)
    seen, _ = read(reading, bad_where(listing))
    assert (reading.whole, seen, reading.end) == (True, set(names(300)), len(listing))


def test_more_bad_rows_at_the_end_than_pages_overlap_leave_it_unproven() -> None:
    """No page that begins near the end has a row to tell it by; but the search ends."""
    reading = TrailingReading(expected=330, capacity=100, confirm=True)
    _, offsets = read(reading, bad_where([*names(300), *[""] * 30]))
    assert not reading.whole
    assert len(offsets) < 70


def test_bad_rows_that_fill_a_page_are_passed_and_whole_is_not_claimed() -> None:
    """Rows without identity cannot link pages, but what stands before them is read."""
    listing = [*names(50), *[""] * 220, *names(50, 50)]
    reading = TrailingReading(expected=320, capacity=100)
    seen, _ = read(reading, bad_where(listing))
    assert seen == set(names(100))
    assert not reading.whole


def test_a_listing_of_bad_rows_alone_is_given_up() -> None:
    """Nothing in it tells one page from another."""
    reading = TrailingReading(expected=30, capacity=100)
    _, offsets = read(reading, bad_where([""] * 30))
    assert not reading.whole
    assert len(offsets) < 20
