"""What readings of a moving listing share: unbroken stretches of it, when two of them link, and what is counted.

Each page is one unbroken stretch of the listing at its time. Between two stretches, a row that was there throughout
can only be skipped if it stood behind the left one and before the right one, each at its time. Then it has changed
places with every row that the two share: where rows keep their order there is none, and where rows with equal sort keys
are served in another order each time, all of them tie with it. So two stretches that share as many rows as `link` asks
for hide none of a group of ties that is no larger than that. A larger group may hide rows where a page boundary cuts
it: boundaries therefore move from one reading to the next.
"""

from typing import Final, NamedTuple

from poller.models import MAX_PAGE_ROWS, Page

OVERLAP: Final = 20
"""Rows that neighbouring pages share at first; doubled while rows move faster than that."""

LEAST_OVERLAP: Final = 6
"""The same where a listing has been seen not to move: a link, and a row that may leave meanwhile."""

MAX_ROWS: Final = 4_000_000
"""A listing longer than this is given up: it may be endless."""

PATIENCE: Final = 12
"""Requests in a row without progress after which a reading is given up."""

SHORT_PAGES: Final = 4
"""Short pages in a row that are the end although each brought something: rows come as fast as we read, and those are
the next reading's."""

_LINK: Final = 5


def link(shared: int, *sizes: int) -> int:
    """Return how many rows two stretches must have in common to be linked.

    ``shared`` is how many neighbours should share, and ``sizes`` are how many there are to be shared.
    """
    return max(1, min(_LINK, shared // 2, *sizes))


class Ask(NamedTuple):
    """A page to ask for."""

    offset: int
    limit: int


class Stretch(NamedTuple):
    """Rows that stood side by side when a page was made: their ids, and these once more in their order.

    ``received`` counts the unreadable ones too, and ``repeats`` those that were in it before. ``enough`` is the page,
    where nothing beyond it is wanted; ``total`` is its TotalCount.
    """

    offset: int
    ids: frozenset[str]
    rows: list[str]
    received: int
    repeats: int = 0
    enough: Page | None = None
    total: int | None = None

    @property
    def end(self) -> int:
        """The offset behind its last row."""
        return self.offset + self.received - self.repeats

    def keeps_order(self, right: "Stretch", common: int) -> bool:
        """Tell whether the next stretch has the rows that it shares with this one, ``common`` of them, in its order."""
        if self.rows[-common:] == right.rows[:common]:  # as it is where nothing has moved
            return True
        return [row for row in self.rows if row in right.ids] == [row for row in right.rows if row in self.ids]


class ListingReading:
    """What is counted of one reading, in either direction: it is ``done`` when nothing more is asked for.

    ``whole`` says that no row which was there throughout was skipped, ``rows`` how many came, and ``counts`` are the
    TotalCounts that were answered. ``ended_by`` is the page behind which nothing was wanted, where such a one was the
    end. ``reach`` is how many rows a page is thought to have, at least, ``overlap`` how many neighbouring pages share.
    """

    def __init__(self, *, trust_count: bool, reach: int = 0, overlap: int = OVERLAP) -> None:
        self.done = self.whole = False
        self.rows = 0
        self.counts: list[int] = []
        self.ended_by: Page | None = None
        self.capacity = 0
        """The longest page received, in rows."""
        self._trust_count = trust_count
        self._reach = reach
        self._overlap = overlap
        self._lost = 0
        self._requests = self._fruitless = 0

    @property
    def hidden(self) -> bool:
        """Tell whether the API counted jobs in this listing and showed none of them."""
        return self.rows == 0 and any(self.counts) and self._trust_count

    @property
    def first_count(self) -> int | None:
        """What the API counted at first: none where it showed nothing and did not say; None where it does not say."""
        if self.counts:
            return self.counts[0]
        return 0 if self.whole and not self.rows else None

    @property
    def next_overlap(self) -> int:
        """How many rows the neighbours of the next reading should share: twice what they lost in this one, and a link.

        Too few cost a step back, and too many requests.
        """
        return min(LEAST_OVERLAP + 2 * self._lost, OVERLAP) if self.whole else OVERLAP

    def abandon(self) -> None:
        """Give the reading up: a page that was asked for will not come."""
        self.done = True

    @property
    def _shared(self) -> int:
        return min(self._overlap, self._reach // 2)

    @property
    def _most_shared(self) -> int:
        return min(OVERLAP, self._reach // 2)

    @property
    def _step(self) -> int:
        return max(1, self._reach - self._shared)

    def _receive(self, ask: Ask, page: Page, *, enough: bool) -> Stretch:
        self._requests += 1
        if page.total_count is not None:
            self.counts.append(page.total_count)
        self.capacity = max(self.capacity, page.received)
        self._reach = max(self._reach, page.received)
        rows = [job.job_id for job in page.jobs]
        ids = frozenset(rows)
        repeats = len(rows) - len(ids)
        return Stretch(ask.offset, ids, rows, page.received, repeats, page if enough else None, page.total_count)

    def _widen(self) -> None:
        self._lost = OVERLAP
        self._overlap = min(max(2 * self._overlap, OVERLAP), MAX_PAGE_ROWS // 2)
