"""Reads a listing whole, or tells that it did not: which page to ask for next, and whether the pages leave a hole.

A listing has offsets and no cursor, and its rows move while it is read. So neighbouring pages overlap, and two
pages are *linked* only when they share a row: each is one unbroken stretch of the listing at its time, so that a row
which was there throughout lies in one of two linked pages. Pages may be asked for side by side; those that arrive
before their left neighbour wait in ``_ahead``. The end is proven by a page that begins in rows we know and brings
nothing after them though it had room. An empty page alone proves nothing, nor does a short one, nor TotalCount.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from poller.models import MAX_PAGE_ROWS, Page

OVERLAP: Final = 20
"""Rows that neighbouring pages share at first; doubled while rows leave faster than that."""

MAX_ROWS: Final = 4_000_000
"""A listing longer than this is given up: it may be endless."""

_PATIENCE: Final = 12
"""Requests in a row without progress after which a reading is given up."""

_SHORT_PAGES: Final = 4
"""Short pages in a row that end a reading although each brought something: jobs arrive as fast as we read, at the
end, and those are the next sweep's."""

_LINKS_PER_WIDENING: Final = 8


class Ask(NamedTuple):
    """A page to ask for."""

    offset: int
    limit: int


class _Stretch(NamedTuple):
    """Rows that stood side by side when a page was made; ``received`` counts the unreadable ones too."""

    offset: int
    ids: Sequence[str]
    received: int

    @property
    def end(self) -> int:
        return self.offset + self.received


class Reading:
    """One reading of one listing.

    Call `asks` for the pages to fetch now, side by side, and `take` with each that came, until `done`. ``expected``
    is how many rows the last reading found: a hint for asking side by side, never a reason to stop. ``phase`` moves
    the page boundaries, since rows with equal sort keys may be served in another order each time. ``window`` is how
    many pages may be under way together; like a congestion window it halves at a hole and grows again. A look-up names
    the ids that it ``wanted``: once all have come there is nothing to prove.
    """

    def __init__(
        self,
        *,
        expected: int = 0,
        phase: int = 0,
        window: int = 1,
        trust_count: bool = True,
        wanted: Iterable[str] = (),
    ) -> None:
        self.done = False
        self.whole = False
        self.rows = 0
        self.counts: list[int] = []
        self._expected = expected
        self._phase = phase
        self._widest = self._window = window
        self._trust_count = trust_count
        self._wanted = set(wanted)
        self._overlap = OVERLAP
        self._capacity = 0
        self._front: _Stretch | None = None
        self._known: frozenset[str] = frozenset()
        self._asked: set[int] = set()
        self._ahead: dict[int, _Stretch] = {}
        self._planned = 0
        self._back = 0
        self._unproven = False
        self._linked = self._requests = self._fruitless = self._empty = self._short = 0

    @property
    def hidden(self) -> bool:
        """Tell whether the API counted jobs in this listing and showed none of them."""
        return self.rows == 0 and any(self.counts) and self._trust_count

    def asks(self) -> list[Ask]:
        """Return the pages to ask for now, beside those still under way; they count as asked for."""
        if self.done:
            return []
        offsets = self._speculate() if self._front is not None and not self._back else []
        if not offsets and not self._asked:
            offsets = [self._next_offset()]
        self._asked.update(offsets)
        return [Ask(offset, MAX_PAGE_ROWS) for offset in offsets]

    def take(self, ask: Ask, page: Page) -> None:
        """Take the page that was asked for."""
        self._requests += 1
        if page.total_count is not None:
            self.counts.append(page.total_count)
        self._capacity = max(self._capacity, page.received)
        stretch = _Stretch(ask.offset, [job.job_id for job in page.jobs], page.received)
        if self._wanted:
            self._wanted.difference_update(stretch.ids)
            self.done = self.whole = not self._wanted
        if ask.offset in self._asked:  # else it was overtaken by a hole to its left
            self._asked.discard(ask.offset)
            if not self.done:
                self._place(stretch)
        if not self.done and self._hopeless:
            self.abandon()

    def abandon(self) -> None:
        """Give the reading up: a page that was asked for will not come."""
        self.done = True

    @property
    def _hopeless(self) -> bool:
        deserved = 4 * (_PATIENCE + self.rows // self._step)
        return self._fruitless > _PATIENCE or self.rows > MAX_ROWS or self._requests > deserved

    @property
    def _shared(self) -> int:
        return min(self._overlap, self._capacity // 2)

    @property
    def _step(self) -> int:
        return max(1, self._capacity - self._shared)

    @property
    def _in_flight(self) -> int:
        return len(self._asked) + len(self._ahead)

    def _speculate(self) -> list[int]:
        """Plan pages as far as the listing is expected to reach: they need not wait for each other."""
        offsets: list[int] = []
        while self._planned + self._shared < self._expected and self._in_flight + len(offsets) < self._window:
            offsets.append(self._planned)
            self._planned += self._step
        return offsets

    def _next_offset(self) -> int:
        front = self._front
        if front is None:
            return 0
        if self._back:
            return max(0, front.end - self._back)
        if not front.ids:
            return front.end
        # A full page promises more; a short one may be the last, which a page from its last row on can prove.
        return max(0, front.end - (self._shared if front.received >= self._capacity > 1 else 1))

    def _place(self, stretch: _Stretch) -> None:
        """Link what has arrived, left to right, as far as no page to the left is still under way."""
        if self._front is None:
            self._begin(stretch)
            return
        self._ahead[stretch.offset] = stretch
        while self._ahead and not self.done:
            offset = min(self._ahead)
            if any(asked < offset for asked in self._asked):
                return
            self._link(self._front, self._ahead.pop(offset))

    def _begin(self, stretch: _Stretch) -> None:
        if not stretch.received:
            self._meet_nothing()
            return
        self._advance(stretch, len(set(stretch.ids)))
        if self._trust_count:
            self._expected = max(self._expected, *self.counts, 0)
        # The first step is shortened, by up to half a page, and with it every later boundary moves.
        if self._expected > stretch.end:
            self._planned = max(0, self._planned - self._phase % max(1, self._step // 2))

    def _link(self, front: _Stretch, stretch: _Stretch) -> None:
        """Put a stretch behind the front, or find out why it does not fit."""
        ids = set(stretch.ids)
        new = len(ids - self._known)
        if not stretch.received:
            self._meet_gap(front, stretch)
        elif not front.ids or not ids:
            # Rows without identity link to nothing: what follows is read on trust, and whole is not claimed any more.
            self._unproven = True
            self._advance(stretch, new)
        elif new == len(ids) and stretch.offset > 0:
            self._meet_hole(front, stretch)
        elif new:
            self._advance(stretch, new)
        elif not self._in_flight:
            self._meet_end(front, stretch)

    def _advance(self, stretch: _Stretch, new: int) -> None:
        if self._front is None or self._back:
            self._planned = max(0, stretch.end - self._shared)
        self._front, self._known = stretch, frozenset(stretch.ids)
        self.rows += new
        self._back = self._fruitless = self._empty = 0
        self._linked += 1
        if self._linked % _LINKS_PER_WIDENING == 0:
            self._window = min(self._window + 1, self._widest)
        self._short = 0 if self._in_flight or stretch.received >= self._capacity else self._short + 1
        if self._short >= _SHORT_PAGES:
            self._end()

    def _end(self) -> None:
        self.done = True
        self.whole = not self._unproven

    def _meet_end(self, front: _Stretch, stretch: _Stretch) -> None:
        """Decide on a page that brings nothing new after the front."""
        last = front.ids[-1]
        if stretch.received < self._capacity or (stretch.received == 1 and stretch.ids[0] == last):
            self._end()
            return
        self._fruitless += 1
        self._back = 0
        if last in stretch.ids:
            # Rows were put in before the front and moved it: what comes after it is further right now.
            moved = stretch.offset + stretch.ids.index(last) + 1
            self._front = front._replace(offset=moved - front.received)

    def _meet_hole(self, front: _Stretch, stretch: _Stretch) -> None:
        """Read on from the front after a page that shares no row with it: what lies between was not seen.

        Rows move faster than these pages were made. The nearer in time two neighbours are, the more they share, so
        fewer are asked for side by side.
        """
        self._linked = 0
        self._window = max(1, self._window // 2)
        self._overlap = min(2 * self._overlap, MAX_PAGE_ROWS // 2)
        self._asked.clear()
        self._ahead.clear()
        self._step_back(front.end - stretch.offset)

    def _meet_gap(self, front: _Stretch, stretch: _Stretch) -> None:
        """Decide on an empty page after the front: overshot, or rows have left, or the server is lying."""
        self._expected = min(self._expected, stretch.offset)
        if not self._in_flight and not front.ids:
            self._end()
            return
        if self._in_flight or stretch.offset >= front.end:
            return
        if stretch.offset > 0:
            self._step_back(front.end - stretch.offset)
        else:
            self._meet_nothing()

    def _meet_nothing(self) -> None:
        """Decide on an empty page at the very beginning: believed at once only where nothing speaks against it."""
        self._empty += 1
        believed = self._empty > 1 or (self._expected == 0 and self._front is None and not self.hidden)
        if believed:
            self.done = True
            self.whole = not self.hidden
        else:
            self._fruitless += 1

    def _step_back(self, gap: int) -> None:
        """Ask further left than ``gap`` rows before the front's end, if that was near enough to be its neighbour.

        Twice as far each time, and by a page at most, so as not to leap over the front.
        """
        self._fruitless += 1
        near = gap >= self._shared // 2
        self._back = gap + min(gap, self._capacity) if near else max(self._shared, 1)
