"""What the API counts in each state against what is known here: while they agree, a sweep has nothing new to find."""

from collections import Counter
from collections.abc import Mapping
from itertools import chain

from poller.lifecycle import TERMINAL
from poller.models import State
from poller.tracker import Tracker

Counts = Mapping[State, int | None]
"""The TotalCount of each listing, as it was when it was last read; None where the API did not say."""


class Balance:
    """Remembers how far both were apart after the last sweep, and what that led to.

    Known of a state are the jobs that are tracked in it, or that were ``finished`` in it, by (job type, state). The API
    may count more, such as another target's, or those that ended before the start. What it counts of the finished may
    become fewer at any time, since old ones are purged. One that came unseen and another that went so do not show: the
    next sweep finds both, and what has ended is in the listings of finished jobs.
    """

    def __init__(self, tracker: Tracker, finished: Mapping[tuple[str, State], int]) -> None:
        self._tracker = tracker
        self._finished = finished
        self._surplus: Mapping[State, int] | None = None

    def upset(self) -> None:
        """Begin anew: a sweep is under way, or has failed."""
        self._surplus = None

    def settle(self, counts: Counts) -> None:
        """Take what is known now for all that could be known when the API counted so."""
        self._surplus = self._compare(counts)

    @property
    def is_settled(self) -> bool:
        """Tell whether there is anything to hold counts against."""
        return self._surplus is not None

    def holds(self, counts: Counts) -> bool:
        """Tell whether the API counts no job more or less than have come and gone here since."""
        now, then = self._compare(counts), self._surplus
        if now is None or then is None:
            return False
        # Where old jobs have been purged, what is fewer by now is what later counts are held against.
        self._surplus = now
        return all(now[state] == then[state] or (state in TERMINAL and now[state] < then[state]) for state in then)

    def _compare(self, counts: Counts) -> Mapping[State, int] | None:
        known: Counter[State] = Counter()
        for (_, state), jobs in chain(self._tracker.counts.items(), self._finished.items()):
            known[state] += jobs
        surplus = {state: count - known[state] for state, count in counts.items() if count is not None}
        return surplus if len(surplus) == len(counts) else None
