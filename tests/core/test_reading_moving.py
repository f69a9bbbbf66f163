"""A reading from the front of a listing that moves, ties, lies and repeats: whole only where nothing was skipped."""

import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from poller.models import Page, Sighting, State
from poller.reading import OVERLAP, Ask, Reading
from poller.reading.stretch import LEAST_OVERLAP

Row = tuple[int, int]

FURTHEST = 1_000_000

STILL_AFTER = 40
"""Requests after which a listing moves no more: what grows faster than it is read has no end."""


def name(row: Row) -> str:
    """Name a row by its time and its number."""
    return f"{row[0]}-{row[1]}"


@dataclass
class MovingListing:
    """A listing that changes after every page, in ways drawn from a seed; rows are (time, number), sorted by time.

    Rows of one time are served in another order each time. Those in ``bad`` cannot be read.
    """

    rng: random.Random
    rows: list[Row]
    cap: int = 100
    appended: int = 0
    prepended: int = 0
    inserted: int = 0
    purged: int = 0
    removed: int = 0
    tie: int = 1
    lies: float = 0.0
    repeats: float = 0.0
    total: str = "none"
    bad: set[Row] = field(default_factory=set)
    requests: int = 0
    lied: bool = False
    numbers: int = 1_000_000
    lasting: set[Row] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.lasting = set(self.rows) - self.bad

    def serve(self, ask: Ask) -> Page:
        """Answer with what stands there now, or lie; then change."""
        if self.tie > 1:
            self.rows.sort(key=lambda row: (row[0], self.rng.random()))
        limit = min(ask.limit, self.cap)
        rows = self.rows[ask.offset : ask.offset + limit]
        total = self._total()
        self.lied = not self.lied and self.rng.random() < self.lies
        if self.lied:
            rows, total = [], 0 if total is not None else None
        elif rows and self.rng.random() < self.repeats:
            at = self.rng.randrange(len(rows))
            rows = [*rows[: at + 1], *rows[at:]][:limit]
        self._change()
        jobs = [Sighting(job_id=name(row), state=State.RUNNING) for row in rows if row not in self.bad]
        return Page(jobs=jobs, received=len(rows), skipped=len(rows) - len(jobs), total_count=total)

    def _total(self) -> int | None:
        count = len(self.rows)
        return {"none": None, "true": count, "half": count // 2, "zero": 0, "all": count + 777}[self.total]

    def _change(self) -> None:
        self.requests += 1
        if self.requests > STILL_AFTER:
            return
        draw = self.rng.randint
        oldest, newest = (self.rows[0][0], self.rows[-1][0]) if self.rows else (0, 0)
        ties = Counter(time for time, _ in self.rows)
        for number in range(draw(0, self.appended)):
            self._add(newest + 1 + number // self.tie, ties)
        for number in range(draw(0, self.prepended)):
            self._add(oldest - 1 - number // self.tie, ties)
        for _ in range(draw(0, self.inserted)):
            self._add(draw(oldest, newest), ties)
        self.rows.sort(key=lambda row: row[0])
        del self.rows[: draw(0, self.purged)]
        for _ in range(min(len(self.rows), draw(0, self.removed))):
            self.rows.pop(self.rng.randrange(len(self.rows)))
        self.lasting.intersection_update(self.rows)

    def _add(self, time: int, ties: Counter[int]) -> None:
        """Put a row in, unless as many tie with it as may."""
        if ties[time] < self.tie:
            ties[time] += 1
            self.numbers += 1
            self.rows.append((time, self.numbers))


def moving(rng: random.Random) -> MovingListing:
    """Draw a listing, and how it changes, from a calm one to one that can't be read."""
    cap = rng.choice([1, 2, 3, 7, 20, 50, 100, 100, 100, rng.randint(1, 100)])
    # As many as linked pages share.
    tie = rng.randint(1, max(1, min(4, cap // 4)))
    count = rng.choice([0, 1, 2, 5, 15, 100, 333, rng.randint(0, 150), 400])
    rows = [(number // tie * 100, number) for number in range(count)]
    bad = {row for row in rows if rng.random() < rng.choice([0.0, 0.0, 0.02])}
    if rows and rng.random() < 0.2:
        start = rng.randrange(count)
        bad |= set(rows[start : start + rng.choice([1, 5, 30, 150])])
    return MovingListing(
        rng,
        rows,
        cap=cap,
        appended=rng.choice([0, 0, 3, 30]),
        prepended=rng.choice([0, 0, 3, 30]),
        inserted=rng.choice([0, 0, 3, 30]),
        purged=rng.choice([0, 0, 3, 10, 30]),
        removed=rng.choice([0, 0, 3, 30]),
        tie=tie,
        lies=rng.choice([0.0, 0.0, 0.1]),
        repeats=rng.choice([0.0, 0.0, 0.2]),
        total=rng.choice(["none", "true", "half", "zero", "all"]),
        bad=bad,
    )


def read(reading: Reading, listing: MovingListing, wanted: int) -> tuple[set[str], int]:
    """Drive a reading to its end, in any order; a page with nothing before ``wanted`` is enough."""
    seen: set[str] = set()
    requests = 0
    under_way = reading.asks()
    while under_way:
        ask = under_way.pop(listing.rng.randrange(len(under_way)))
        requests += 1
        answer = listing.serve(ask)
        names = [job.job_id for job in answer.jobs]
        seen.update(names)
        if listing.rng.random() < 0.1:
            reading.foresee(2 * (reading.end + answer.received))
        enough = bool(names) and all(int(text.rpartition("-")[0]) > wanted for text in names)
        reading.take(ask, answer, enough=enough)
        under_way += reading.asks()
    assert reading.done
    return seen, requests


def hold(rng: random.Random) -> bool:
    """Read a moving listing once, and hold what was seen against what it owes; tell whether it was whole."""
    listing = moving(rng)
    count = len(listing.rows)
    expected = max(0, count + rng.choice([0, 0, 0, -30, 30, -200, 500, -count, 5000]))
    if expected == 0:
        listing.lies = 0.0  # where nothing was ever known, an empty page is believed
    reading = Reading(
        expected=expected,
        # That the cap has fallen to one row since can't be told from a listing of one row that moves.
        capacity=rng.choice([0, listing.cap, 100 if listing.cap > 1 else 1]),
        overlap=rng.choice([LEAST_OVERLAP, 10, OVERLAP]),
        phase=rng.randrange(200),
        window=rng.choice([1, 1, 2, 4, 8]),
        trust_count=rng.random() < 0.5,
    )
    wanted = rng.choice([FURTHEST, FURTHEST, rng.randint(0, 100 * count)])
    seen, requests = read(reading, listing, wanted)
    assert requests <= 70 + 4 * (reading.rows // max(1, reading.capacity // 2) + 12)
    if reading.whole:
        assert {name(row) for row in listing.lasting if row[0] <= wanted} <= seen
    return reading.whole


@given(st.integers(0, 2**32))
def test_a_whole_reading_has_seen_every_lasting_row_that_was_wanted(seed: int) -> None:
    """However rows move, tie, repeat or hide, whole is claimed only where nothing wanted was skipped."""
    hold(random.Random(seed))


def test_most_moving_listings_are_read_whole() -> None:
    """The promise above would be kept by a reading that never claims to be whole."""
    assert sum(hold(random.Random(seed)) for seed in range(150)) > 100
