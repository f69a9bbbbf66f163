"""Reads what is active, whole: PENDING, then RUNNING. Where the counts tell nothing new, the first pages may do."""

from collections.abc import Mapping
from typing import Final

from poller.cycle.balance import Counts
from poller.cycle.diary import Diary
from poller.cycle.listing import Listing
from poller.cycle.reader import Reader, Sight
from poller.models import MAX_PAGE_ROWS, Query, State, Target
from poller.reading import Reading

_PHASE_STEP: Final = 7


class Sweep:
    """One target's sweeps, and what they teach of its two listings.

    ``window`` is how many pages are under way at a time. ``waiting_seen`` tells whether a PENDING job has ever been
    listed, ``counted`` whether a TotalCount has been the number of rows of some other listing.
    """

    def __init__(self, target: Target, sight: Sight, diary: Diary, *, window: int) -> None:
        self._target = target
        self._sight = sight
        self._diary = diary
        self._window = window
        # PENDING first: a job that moves on between the two is then seen twice rather than never.
        self._listings = (Listing(State.PENDING), Listing(State.RUNNING))
        self.waiting_seen = False
        self.counted = False
        self._sweeps = 0

    async def run(self, reader: Reader) -> bool:
        """Sweep once; True if every listing was read whole, or is known to be kept from us."""
        whole = True
        for listing in self._listings:
            whole = await self._read(listing, reader) and whole
            if reader.refusal:
                return False
        self._sweeps += 1
        return whole

    @property
    def may_rest(self) -> bool:
        """Tell whether a glance may take the place of the next sweep.

        TotalCount has to have proved to tell what pages behind the first do not show, and there have to be such pages,
        so that anything is saved.
        """
        rows = sum(listing.expected for listing in self._listings)
        return self.counts_hold and self.sees_all and rows > MAX_PAGE_ROWS

    async def glance(self, reader: Reader) -> bool:
        """Read the first pages alone; True if both came."""
        for listing in self._listings:
            reading = Reading()
            await reader.read(Query(self._target, listing.state), reading, judge=lambda _page, _completions: True)
            if not reading.whole:
                return False
            listing.glance(reading)
        return True

    @property
    def counts(self) -> Counts:
        """What the API counts in each listing, as of when it was last begun."""
        return {listing.state: listing.count_at_first for listing in self._listings}

    @property
    def sees_all(self) -> bool:
        """Tell whether a sweep is proof of what is active: no listing is kept from us, as far as can be shown.

        The API may keep waiting jobs to itself. It does not where it has shown one, or counts none with a count that
        holds.
        """
        if any(listing.blind for listing in self._listings):
            return False
        counted = self.counted or any(listing.count_holds and listing.expected for listing in self._listings)
        return self.waiting_seen or (counted and self._counts_are_trusted and self._listings[0].count == 0)

    @property
    def counts_hold(self) -> bool:
        """Tell whether TotalCount has proved to be of one state, and nothing speaks against it."""
        return self._counts_are_trusted and any(listing.count_holds for listing in self._listings)

    def listed(self) -> Mapping[State, int]:
        """Return the API's own counts, where one has proved to be of its state."""
        return {
            listing.state: listing.count
            for listing in self._listings
            if listing.count is not None and (listing.count_holds or (listing.blind and self.counts_hold))
        }

    async def _read(self, listing: Listing, reader: Reader) -> bool:
        reading = Reading(
            expected=listing.expected,
            capacity=self._sight.longest_page,
            overlap=listing.overlap,
            phase=self._sweeps * _PHASE_STEP,
            window=self._window,
            trust_count=self._counts_are_trusted,
        )
        await reader.read(Query(self._target, listing.state), reading)
        was_blind = listing.blind
        listing.learn(reading)
        self.waiting_seen = self.waiting_seen or (listing.state is State.PENDING and reading.rows > 0)
        if listing.blind != was_blind:
            self._diary.blindness(listing)
        return reading.whole or listing.blind

    @property
    def _counts_are_trusted(self) -> bool:
        return all(listing.count_holds is not False for listing in self._listings)
