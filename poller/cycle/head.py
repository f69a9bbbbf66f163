"""What is known of one listing of finished jobs, from one reading to the next."""

from dataclasses import dataclass

from poller.models import MAX_PAGE_ROWS, Page, State
from poller.ordering import Order, contradicts
from poller.reading import Reading, TrailingReading

EMPTY_FOR = 3600.0
"""Seconds in which no reading finds a row of a listing that had some, after which it is taken to be empty."""

AUDIT_EVERY = 86_400.0
"""Seconds after which a listing is read whole again, whatever is known of its order."""


@dataclass(slots=True)
class Head:
    """The SUCCESS, FAILED or PARTIAL_SUCCESS jobs.

    ``order`` is None until enough rows have shown one, and from when they show that there is none. ``rows`` is how many
    it had when its end was last seen, ``count`` what the API counted when it was last read, ``readings`` how often it
    was read from the front, ``unread`` how often running it could not be read whole, and ``audited`` the wall time at
    which the last whole reading began. ``covered_at`` is the monotonic time at which the last reading began that came
    down to the frontier. ``ids`` are those of the page that was held against the order last, ``vanished_at`` is when
    readings began to find no row any more. It is ``settled`` once a whole reading has begun a margin after two sweeps:
    what was created before the first frontier is known only then.
    """

    state: State
    order: Order | None = None
    rows: int = 0
    count: int | None = None
    readings: int = 0
    unread: int = 0
    vanished_at: float | None = None
    audited: float | None = None
    covered_at: float = float("-inf")
    ids: tuple[str, ...] = ()
    settled: bool = False

    def believes(self, reading: Reading | TrailingReading, began: float) -> bool:
        """Tell whether a frontier may rest on a reading that began at a monotonic time, if it is whole.

        Where rows were known, readings have to find none for a long time to be believed: an empty page proves nothing.
        """
        if reading.rows or not self.rows:
            self.vanished_at = None
            return True
        if not reading.whole:
            return False
        if self.vanished_at is None:
            self.vanished_at = began
        if began - self.vanished_at < EMPTY_FOR:
            return False
        self.rows = 0
        return True

    def trusted_order(self, *, sees_all: bool) -> Order | None:
        """Return the order to read by.

        Where sweeps do not see all that is active, or have not yet, a job may have waited for ever before it ended,
        unseen: in a listing sorted by creation it can be anywhere.
        """
        return self._order(may_be_by_creation=sees_all and self.settled)

    @property
    def keeps_order(self) -> bool:
        """Tell whether the order may be relied on after a restart too."""
        return self.order is not None and (self.settled or not self.order.maybe_by_creation)

    def scan_due(self, now_wall: float, now_mono: float, *, sees_all: bool, margin: float) -> bool:
        """Tell whether to read the whole listing: there is no order to go by, or the daily audit is due."""
        if self.audited is None or not 0 <= now_wall - self.audited < AUDIT_EVERY:
            return True
        unordered = self.trusted_order(sees_all=sees_all) is None
        return unordered and now_mono - self.covered_at >= margin

    def needs_full_scan(self, *, sees_all: bool) -> bool:
        """Tell whether a listing of more than a page has to be read whole again and again."""
        lasts = self._order(may_be_by_creation=sees_all) is None
        return self.audited is not None and self.rows > MAX_PAGE_ROWS and lasts

    def check(self, page: Page) -> bool:
        """Hold a page against the order; False if it is lost with it."""
        ids = tuple([row.job_id for row in page.jobs])
        if ids == self.ids:
            return True
        self.ids = ids
        if self.order is None or not contradicts(page.jobs, self.order):
            return True
        self.order = None
        return False

    def _order(self, *, may_be_by_creation: bool) -> Order | None:
        useless = self.order is not None and self.order.maybe_by_creation and not may_be_by_creation
        return None if useless else self.order
