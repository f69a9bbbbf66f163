"""Reads a listing whole, or tells that it did not: which page to ask for next, and whether the pages leave a hole.

A listing has offsets and no cursor, and its rows move while it is read. So neighbouring pages overlap, and are *linked*
only when they share enough rows, as `poller.reading.stretch` tells; a row which was there throughout lies in one of two
linked pages. Pages may be asked for side by side; those that arrive before their left neighbour wait in ``_ahead``. The
end is proven by a page that begins in rows we know and brings nothing after them though it had room: fewer rows than
another page of this reading. An empty page alone proves nothing, nor does a short one, nor TotalCount.

``whole`` holds while rows come and go anywhere, and while as many tie as a link has rows: 5, or a quarter of a page
where pages have fewer than 20 rows. Neighbours that share few rows are no neighbours either if they share more than
positions tell, or in another order, or if the API counts more or fewer: so ties show that may hide one another. It does
not hold for larger groups of ties that a page boundary cuts while they change places, nor for a cap that is lowered
during the reading. Pages of one row are never whole, unless that is all; a cap that has fallen to one row since the
last reading shows, save where the next row moves or is lied about.
"""

from collections.abc import Iterable
from typing import Final

from poller.models import MAX_PAGE_ROWS, Page
from poller.reading.stretch import MAX_ROWS, OVERLAP, PATIENCE, SHORT_PAGES, Ask, ListingReading, Stretch, link

_LINKS_PER_WIDENING: Final = 8


class Reading(ListingReading):
    """One reading of one listing.

    Call `asks` for the pages to fetch now, side by side, and `take` with each that came, until `done`. ``expected``
    is how many rows the last reading found: a hint for asking side by side, never a reason to stop. ``capacity`` is the
    longest page that earlier readings of this server found, 0 where there was none: it makes a listing of one row
    cheaper to prove. ``overlap`` is how many rows neighbours share, as an earlier reading's ``next_overlap`` advised.
    ``phase`` moves the page boundaries, since rows with equal sort keys may be served in another order each time.
    ``window`` is how many pages may be under way together; like a congestion window it halves at a hole and grows
    again. A look-up names the ids that it ``wanted``: once all have come there is nothing to prove.
    """

    def __init__(
        self,
        *,
        expected: int = 0,
        capacity: int = 0,
        overlap: int = OVERLAP,
        phase: int = 0,
        window: int = 1,
        trust_count: bool = True,
        wanted: Iterable[str] = (),
    ) -> None:
        super().__init__(trust_count=trust_count, overlap=overlap)
        self._expected = expected
        self._usual = capacity
        self._phase = phase
        self._widest = self._window = window
        self._wanted = set(wanted)
        self._front: Stretch | None = None
        self._before: frozenset[str] = frozenset()
        self._asked: set[int] = set()
        self._ahead: dict[int, Stretch] = {}
        self._planned = self._shift = self._back = 0
        self._unproven = False
        self._linked = self._empty = self._vacant = self._short = 0

    @property
    def end(self) -> int:
        """How many rows the listing turned out to have, as far as it was read."""
        return self._expected if self._front is None else self._front.end

    def foresee(self, rows: int) -> None:
        """Expect so many rows, and so ask for that much side by side: a hint, as ``expected`` is."""
        self._expected = max(self._expected, rows)

    def asks(self) -> list[Ask]:
        """Return the pages to ask for now, beside those still under way; they count as asked for."""
        if self.done:
            return []
        offsets = self._speculate() if self._front is not None and not self._back else []
        if not offsets and not self._asked:
            offsets = [self._next_offset()]
        self._asked.update(offsets)
        return [Ask(offset, MAX_PAGE_ROWS) for offset in offsets]

    def take(self, ask: Ask, page: Page, *, enough: bool = False) -> None:
        """Take the page that was asked for; ``enough`` says that nothing behind its rows is wanted.

        The reading then ends with it, and is whole up to there, if it is linked to the pages before.
        """
        stretch = self._receive(ask, page, enough=enough)
        if self._wanted:
            self._wanted.difference_update(stretch.ids)
            self.done = self.whole = not self._wanted
        if ask.offset not in self._asked:
            # Overtaken by a hole to its left; but two empty pages that it came between are not two in a row.
            self._empty = 0
        elif not self.done:
            self._asked.discard(ask.offset)
            self._place(stretch)
        if not self.done and self._hopeless:
            self.abandon()

    @property
    def _hopeless(self) -> bool:
        deserved = 4 * (PATIENCE + self.rows // self._step)
        return self._fruitless > PATIENCE or self.rows > MAX_ROWS or self._requests > deserved

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
        if not front.ids and not self._back:
            return front.end
        return max(0, front.end - (self._back or self._shared + self._shift))

    def _place(self, stretch: Stretch) -> None:
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

    def _begin(self, stretch: Stretch) -> None:
        if not stretch.received:
            self._count_empty(stretch.offset)
            self._meet_nothing()
            return
        self._advance(stretch, len(stretch.ids))
        if self._trust_count:
            self._expected = max(self._expected, *self.counts, 0)
        # The first step is shortened, by up to half a page, and with it every later boundary moves.
        self._shift = self._phase % max(1, self._step // 2)
        if self._expected > stretch.end:
            self._planned = max(0, self._planned - self._shift)

    def _link(self, front: Stretch, stretch: Stretch) -> None:
        """Put a stretch behind the front, or find out why it does not fit."""
        if not stretch.received:
            self._meet_gap(front, stretch.offset)
            return
        vacant, self._empty = self._empty, 0
        beyond = stretch.ids - front.ids
        common = len(stretch.ids) - len(beyond)
        new = len(beyond) if beyond.isdisjoint(self._before) else len(beyond - self._before)
        unsettled = self._note_moves(front, stretch, common, new)
        if not front.ids or not stretch.ids or (self.capacity == 1 and self._unproven and not common):
            # Rows without identity link to nothing: what follows is read on trust, and whole is not claimed any more.
            self._trust(stretch, new)
            return
        # Never fewer where neighbours share less than they could.
        missing = link(self._most_shared) - common if stretch.offset > 0 else 0
        narrow = self._shared < self._most_shared
        if (narrow and unsettled) or (missing > 0 and common < len(front.ids)):
            self._meet_hole(front, stretch)
            return
        # A front that was short had the end of the listing in it; one with few readable rows can hide ties behind it.
        self._unproven = self._unproven or (missing > 0 and front.received >= self.capacity)
        if new:
            self._advance(stretch, new)
        elif not self._in_flight:
            self._meet_end(front, stretch, vacant)

    def _note_moves(self, front: Stretch, stretch: Stretch, common: int, new: int) -> bool:
        """Take note of how far rows have moved between two neighbours; tell whether ties may hide one another.

        They may where the two share more rows than positions tell, or share them in another order. The first may also
        be rows that were put in before them, and does not show where as many have left: then the API counts fewer.
        """
        lost = min(front.end - stretch.offset, len(stretch.ids)) - (len(stretch.ids) - new)
        unsettled = lost < 0 or front.total != stretch.total or not front.keeps_order(stretch, common)
        self._lost = OVERLAP if unsettled else max(self._lost, lost)
        return unsettled

    def _advance(self, stretch: Stretch, new: int) -> None:
        front = self._front
        next_offset = max(0, stretch.end - self._shared)
        self._planned = next_offset if front is None or self._back else max(self._planned, next_offset)
        self._before = front.ids if front else frozenset()
        self._front = stretch
        self.rows += new
        self._back = self._shift = self._fruitless = 0
        self._linked += 1
        if self._linked % _LINKS_PER_WIDENING == 0:
            self._window = min(self._window + 1, self._widest)
        self._short = 0 if self._in_flight or stretch.received >= self.capacity else self._short + 1
        if self._short >= SHORT_PAGES or stretch.enough:
            self._end(stretch)

    def _trust(self, stretch: Stretch, new: int) -> None:
        self._unproven = True
        self._advance(stretch, new)

    def _end(self, last: Stretch) -> None:
        self.ended_by = last.enough
        self.done = True
        self.whole = not self._unproven

    def _meet_end(self, front: Stretch, stretch: Stretch, vacant: int) -> None:
        """Decide on a page that brings nothing new after the front; ``vacant`` empty pages came just before it."""
        if stretch.received < self.capacity or stretch.enough:
            self._end(stretch)
            return
        if self.capacity == 1 and vacant > 1:
            # The row stood at the beginning before and after nothing stood behind it: it was alone.
            self._unproven = self._unproven or stretch.offset > 0
            self._end(stretch)
            return
        self._fruitless += 1
        self._back = 0
        if not stretch.repeats:
            # Rows were put in or removed before the front and moved it: what comes after it is elsewhere now.
            moved = stretch.end + len(front.ids - stretch.ids)
            self._front = front = front._replace(offset=moved - (front.end - front.offset))
        self._planned = max(0, front.end - self._shared)

    def _meet_hole(self, front: Stretch, stretch: Stretch) -> None:
        """Read on from the front after a page that shares too little with it: what lies between was not seen.

        Rows move faster than these pages were made. The nearer in time two neighbours are, the more they share, so
        fewer are asked for side by side.
        """
        if self.capacity == 1 and self._fruitless > 1:
            self._trust(stretch, len(stretch.ids))
            return
        self._linked = 0
        self._window = max(1, self._window // 2)
        self._widen()
        self._asked.clear()
        self._ahead.clear()
        self._step_back(front.end - stretch.offset)

    def _meet_gap(self, front: Stretch, offset: int) -> None:
        """Decide on an empty page after the front: overshot, or rows have left, or the server is lying."""
        self._expected = min(self._expected, offset)
        if self._in_flight:
            return
        self._count_empty(offset)
        if offset == 0:
            self._meet_nothing()
        elif offset < front.end:
            self._step_back(front.end - offset)
        elif offset == front.end and (self.capacity == 1 or not front.ids):
            self._meet_vacancy(front)

    def _count_empty(self, offset: int) -> None:
        # A page elsewhere may have been empty for another reason.
        self._empty = self._empty + 1 if offset == self._vacant else 1
        self._vacant = offset

    def _meet_nothing(self) -> None:
        """Decide on an empty page at the very beginning: believed at once only where nothing speaks against it."""
        self._fruitless += 1
        if self._empty > 1 or (self._expected == 0 and self._front is None and not self.hidden):
            self._expected, self._front = 0, None
            self.done = True
            self.whole = not self.hidden

    def _meet_vacancy(self, front: Stretch) -> None:
        """Decide on an empty page right behind a front that no page can be linked to: one row, or nothing readable.

        A row that came alone, where longer pages are known, was short of them, and the cap is not one row now either:
        another row would have stood here.
        """
        if self._usual > 1 and front.received == 1 and not self._unproven:
            self._end(front)
        elif self._empty > 1:
            if front.ids:
                self._back = 1
            else:
                self._end(front)

    def _step_back(self, gap: int) -> None:
        """Ask further left than ``gap`` rows before the front's end, if that was near enough to be its neighbour.

        Twice as far each time, and by a page at most, so as not to leap over the front.
        """
        self._fruitless += 1
        near = gap >= self._shared // 2
        self._back = gap + min(max(gap, 1), self.capacity) if near else max(self._shared, 1)
