"""Reads a listing that is sorted oldest first from its end, where the news is, back to where nothing is wanted.

The end is looked for near the last known one: galloping right while pages are full, left while they are empty, then
bisecting. From there pages are read leftwards, each linked to its right neighbour as `poller.reading.stretch` tells.

A page that shares rows with the last and brings nothing after them, though it had room, proves the end. One short page
is *believed* to be the end, which makes the ordinary cycle one request, if earlier readings saw longer ones, it reaches
the last known end, repeats no row, and no trusted TotalCount claims more. Were the server's cap lower than believed,
the page would be full of rows new since the last reading, hence hardly enough, and the next one to the left would break
off inside rows we know: that is noticed, and the end is proven after all. What a believed end has cut off, the next
reading finds, as it starts from there; a reading that a frontier rests on should ``confirm``.
"""

from typing import Final, NamedTuple

from poller.models import MAX_PAGE_ROWS, Page
from poller.reading.stretch import MAX_ROWS, PATIENCE, SHORT_PAGES, Ask, ListingReading, Stretch, link

_SEARCH: Final = 64
"""Requests after which the search for the end is given up: the listing grows faster than it is read."""


class _Chain(NamedTuple):
    """The outermost two of the linked stretches; or one, as both."""

    left: Stretch
    right: Stretch

    def moved(self, offset: int) -> "_Chain":
        return self._replace(left=self.left._replace(offset=offset))


class TrailingReading(ListingReading):
    """One reading of one listing, one page at a time: a `poller.reading.Reading` in the other direction.

    ``expected`` is the `end` and ``capacity`` the longest page that earlier readings found, 0 where there was none.
    ``confirm`` has the end proven rather than believed. ``trust_count`` lets TotalCount say where to look. ``rows``
    counts the rows from the end to the leftmost linked page.
    """

    def __init__(
        self, *, expected: int = 0, capacity: int = 0, confirm: bool = False, trust_count: bool = True
    ) -> None:
        super().__init__(trust_count=trust_count, reach=capacity or MAX_PAGE_ROWS)
        self._expected = expected
        self._usual = capacity
        self._confirm = confirm
        self._next = max(0, expected - self._shared)
        self._chain: _Chain | None = None
        self._beyond: int | None = None
        self._under_way = self._ended = self._unproven = False
        self._vacant = self._leap = self._back = 0
        self._empty = self._short = 0

    @property
    def end(self) -> int:
        """How many rows the listing turned out to have: what the next reading is to expect."""
        return self._expected if self._chain is None else self._chain.right.end

    def asks(self) -> list[Ask]:
        """Return the page to ask for now, if none is under way."""
        if self.done or self._under_way:
            return []
        self._under_way = True
        return [Ask(self._next, MAX_PAGE_ROWS)]

    def take(self, ask: Ask, page: Page, *, enough: bool = False) -> None:
        """Take the page that was asked for; ``enough`` says that nothing older than its rows is wanted.

        The reading then ends with it, and is whole back to there, if it is linked to the end.
        """
        self._under_way = False
        stretch = self._receive(ask, page, enough=enough)
        self._place(stretch, short=page.received < self._room)
        if not self.done and self._hopeless:
            self.abandon()

    @property
    def _hopeless(self) -> bool:
        deserved = _SEARCH + (4 * self.end // self._step if self._ended else 0)
        return self._fruitless > PATIENCE or self.end > MAX_ROWS or self._requests > deserved

    @property
    def _room(self) -> int:
        """The rows that a page could have had: as this reading has seen, or as it believes.

        What may be believed in any case is that the cap is not one row: a listing of one row can't be told from it.
        """
        return max(self.capacity, min(self._usual, 2) if self._confirm else self._usual)

    def _linked(self, known: frozenset[str], ids: frozenset[str]) -> bool:
        return len(known & ids) >= link(self._shared, len(known), len(ids))

    def _place(self, stretch: Stretch, *, short: bool) -> None:
        chain = self._chain
        if not stretch.received:
            self._meet_nothing(stretch.offset)
            return
        self._empty = 0
        if chain is None:
            self._advance(_Chain(stretch, stretch), len(stretch.ids), short=short)
        elif not self._ended:
            self._seek(chain, stretch, short=short)
        elif short and not self._confirm and not chain.left.ids <= stretch.ids:
            # It broke off inside rows we know: the cap is lower than the one that the end was believed on.
            self._confirm, self._ended, self._requests = True, False, 0
            self._next = max(0, chain.right.end - self._near)
        else:
            self._walk(chain, stretch)

    def _seek(self, chain: _Chain, stretch: Stretch, *, short: bool) -> None:
        """Link a page to the right of what is known, or begin anew with it."""
        known = chain.right.ids
        if not stretch.ids:
            self._step_back(chain.right)
        elif not self._linked(known, stretch.ids):
            self.rows = 0
            self._advance(_Chain(stretch, stretch), len(stretch.ids), short=short)
        elif short and stretch.ids <= known:
            self._meet_end(_Chain(chain.left, stretch))
        else:
            self._advance(_Chain(chain.left, stretch), len(stretch.ids - known - chain.left.ids), short=short)

    def _advance(self, chain: _Chain, new: int, *, short: bool) -> None:
        self._chain = chain
        edge = self.end
        self.rows += new
        self._back = 0
        self._fruitless = 0 if new else self._fruitless + 1
        self._short = self._short + 1 if short else 0
        if self._beyond is not None and edge > self._beyond:
            self._beyond, self._leap = None, 0
        if short and (self._short >= SHORT_PAGES or self._believed(chain.right)):
            self._meet_end(chain)
        elif new and not short:
            self._next = self._gallop(edge)
        else:
            # After a full page of known rows nothing is left to begin in: it may have been cut to the last of them.
            self._next = max(0, edge - self._near) if short else edge

    def _believed(self, stretch: Stretch) -> bool:
        return (
            not self._confirm
            and bool(stretch.ids)
            and not stretch.repeats
            and stretch.end >= max(self._expected, self._claimed)
        )

    def _gallop(self, edge: int) -> int:
        """Return where to look after a page that promises more: its neighbour first, then twice as far each time."""
        leap, self._leap = self._leap, 2 * self._leap or self._step
        guess = self._claimed - self._shared
        if edge + self._step - self._shared < guess and (self._beyond is None or guess < self._beyond):
            return guess
        if self._beyond is not None:
            gap = self._beyond - edge
            leap = gap // 2 if gap > self.capacity else 0
        return max(0, edge - self._near + leap)

    @property
    def _near(self) -> int:
        """How far to the left of the last known row its neighbour begins."""
        return max(1, min(self._shared, self.capacity // 2))

    @property
    def _claimed(self) -> int:
        return self.counts[-1] if self.counts and self._trust_count else 0

    def _step_back(self, right: Stretch) -> None:
        """Ask further left, twice as far each time: rows have left, or cannot be read, or the server is lying."""
        self._fruitless += 1
        self._back = 2 * self._back or self._shared or 1
        self._next = max(0, right.end - self._back)

    def _meet_nothing(self, offset: int) -> None:
        """Decide on an empty page: overshot, or rows have left, or the server is lying."""
        # A page elsewhere may have been empty for another reason.
        self._empty = self._empty + 1 if offset == self._vacant else 1
        self._vacant = offset
        chain = self._chain
        if chain is not None and self._ended:
            self._meet_gap(chain, offset)
        elif offset == 0:
            self._meet_no_rows()
        elif chain is None:
            self._leap = 2 * self._leap or self._step
            guess = self._claimed - self._shared
            self._next = guess if 0 < guess < offset else max(0, offset - self._leap)
            self._beyond = offset
        elif offset > chain.right.end:
            self._beyond = offset
            self._next = self._gallop(chain.right.end)
        elif chain.right.end > 1:
            self._beyond = offset
            self._step_back(chain.right)
        elif self._empty > 1:  # Pages of one row link to nothing, so this is all the proof that there is for it.
            self._meet_end(chain)

    def _meet_no_rows(self) -> None:
        """Decide on an empty page at the very beginning, believed at once only where nothing speaks against it."""
        self._fruitless += 1
        if self._empty > 1 or (self._chain is None and self._expected == 0 and not self.hidden):
            self._expected, self._chain = 0, None
            self.done = True
            self.whole = not self.hidden
        self._next = 0

    def _meet_end(self, chain: _Chain) -> None:
        self._ended = True
        self._requests = self._fruitless = self._empty = 0
        self._settle(chain)

    def _settle(self, chain: _Chain) -> None:
        """Go on to the left from here, or end."""
        self._chain = chain
        self.ended_by = chain.left.enough
        self.done = self.ended_by is not None or chain.left.offset == 0
        self.whole = self.done and not self._unproven
        self._next = max(0, chain.left.offset - self._step)

    def _walk(self, chain: _Chain, stretch: Stretch) -> None:
        """Link a page to the left of what is known, or find out why it does not fit."""
        if not chain.left.ids or not stretch.ids:
            # Rows without identity link to nothing: what follows is read on trust, and whole is not claimed any more.
            self._unproven = True
        elif not self._linked(chain.left.ids, stretch.ids):
            self._meet_hole(chain, stretch)
            return
        self.rows += len(stretch.ids - chain.left.ids - chain.right.ids)
        self._fruitless = 0
        self._settle(_Chain(stretch, chain.right))

    def _meet_hole(self, chain: _Chain, stretch: Stretch) -> None:
        """Read on further right after a page that shares too little with its right neighbour."""
        self._fruitless += 1
        self._widen()
        if stretch.end > chain.left.offset:
            # Rows were put in to the left and have moved ours. Never by more than a page, so as not to leap over them.
            self._settle(chain.moved(chain.left.offset + self._shared))
        else:
            self._reach = stretch.end - stretch.offset
            self._settle(chain)

    def _meet_gap(self, chain: _Chain, offset: int) -> None:
        """Decide on an empty page to the left of rows: asked again, it tells that they have moved further left."""
        self._fruitless += 1
        if self._empty > 1 or (self._fruitless > 2 and offset > 0):
            self._settle(chain.moved(offset))
