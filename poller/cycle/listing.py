"""What one listing of a target has taught: how long it is, and what its TotalCount is worth."""

from dataclasses import dataclass

from poller.models import State
from poller.reading import OVERLAP, Reading

BLIND_AFTER = 3
"""Sweeps in a row that found a listing counted and not shown, after which that is how this API is."""

_COUNT_SLACK = 0.05


@dataclass(slots=True)
class Listing:
    """The PENDING or the RUNNING jobs, from one sweep to the next.

    ``count_holds`` tells whether TotalCount has proved to be the number of jobs in this state: True or False once
    a whole reading has shown it, else None. ``count`` is the newest TotalCount, ``count_at_first`` the one with which
    the last reading began. ``overlap`` is how many rows neighbouring pages should share, as the last sweep has found.
    """

    state: State
    expected: int = 0
    count: int | None = None
    count_at_first: int | None = None
    count_holds: bool | None = None
    hidden_sweeps: int = 0
    overlap: int = OVERLAP

    @property
    def blind(self) -> bool:
        """Tell whether the API keeps this listing's jobs to itself, for as long as we have looked."""
        return self.hidden_sweeps >= BLIND_AFTER

    def learn(self, reading: Reading) -> None:
        """Take what a reading that has ended shows."""
        self.glance(reading)
        self.hidden_sweeps = self.hidden_sweeps + 1 if reading.hidden else 0
        self.overlap = reading.next_overlap
        if not reading.whole:
            return
        self.expected = reading.rows
        if reading.counts:
            self._judge(reading)

    def glance(self, reading: Reading) -> None:
        """Take what a reading counts, whether or not it went further than the first page."""
        self.count_at_first = reading.first_count
        self.count = reading.counts[-1] if reading.counts else None

    def _judge(self, reading: Reading) -> None:
        if reading.rows in reading.counts:
            self.count_holds = True
        # Jobs come and go while we read, so that only a clear difference is proof.
        elif min(abs(reading.rows - count) for count in reading.counts) > 2 + _COUNT_SLACK * reading.rows:
            self.count_holds = False
