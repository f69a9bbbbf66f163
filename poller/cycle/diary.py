"""What an operator is told of a target's cycles: once when something changes, and a summary each."""

from collections import Counter

from poller.cycle.listing import Listing
from poller.cycle.reader import Reader
from poller.errors import FixRequest
from poller.logs import get_logger
from poller.models import State, Target
from poller.ordering import Order
from poller.stats import Outcome, Problem
from poller.tracker import Tracker

_STATES_SAID = 32


def problem_of(outcome: Outcome, reader: Reader) -> Problem | None:
    """Tell why a cycle was not complete; None if it was: what failed in it was asked for again, and came."""
    if outcome == "complete":
        return None
    error = reader.refusal or next(iter(reader.failures), None)
    if error is None:
        return Problem(outcome, "a listing moved too fast, or the API did not show all of it")
    return Problem(error.code, str(error))


class Diary:
    """Keeps in mind what was said of a target, so that nothing is said twice."""

    def __init__(self, target: Target) -> None:
        self._log = get_logger("poller.cycle").bind(target=str(target))
        self._outcome: Outcome = "complete"
        self._trouble: str | None = None
        self._active: Counter[State] = Counter()
        self._states: set[str] = set()
        self._shared_with: set[Target] = set()
        self._amended = 0
        self._orders: dict[State, Order | None] = {}
        self._skipping = False

    def cycle(self, outcome: Outcome, reader: Reader, tracker: Tracker, seconds: float) -> None:
        """Sum a cycle up: at info when the jobs or the outcome changed, else at debug."""
        self._say_trouble(outcome, reader)
        self._say_unlisted(reader)
        self._say_shared(tracker)
        self._say_amended(tracker)
        active: Counter[State] = Counter()
        for (_, state), count in tracker.counts.items():
            active[state] += count
        changed = active != self._active or outcome != self._outcome
        self._active, self._outcome = active, outcome
        say = self._log.info if changed else self._log.debug
        say(
            "cycle done",
            outcome=outcome,
            pending=active[State.PENDING],
            running=active[State.RUNNING],
            unknown=active[State.UNKNOWN],
            pages=reader.received,
            seconds=round(seconds, 3),
        )

    def blindness(self, listing: Listing) -> None:
        """Say that the API counts jobs in a state and lists none, or no longer does."""
        if listing.blind:
            self._log.warning(
                "the API counts jobs in this state and lists none: they are seen once they have moved on",
                state=listing.state,
                counted=listing.count,
            )
        else:
            self._log.info("the API lists jobs in this state again", state=listing.state)

    def order(self, state: State, order: Order | None) -> None:
        """Say what has been learnt of a listing's order."""
        if state in self._orders and self._orders[state] == order:
            return
        self._orders[state] = order
        if order is None:
            self._log.warning("a listing has no order to go by, so it is read whole again and again", state=state)
        else:
            first = "newest" if order.newest_first else "oldest"
            self._log.debug("a listing has an order", state=state, first=first)

    def refused_id(self, job_id: str, refusal: FixRequest) -> None:
        """Say that the API refuses to look a job up; the same in every cycle until the job is unresolved."""
        self._log.debug("the API refuses to look a job up", job_id=job_id, problem=str(refusal))

    def _say_trouble(self, outcome: Outcome, reader: Reader) -> None:
        problem = problem_of(outcome, reader)
        trouble = problem.code if problem else None
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if reader.refusal:
            self._log.error("the API refuses this target; it is asked again slowly", problem=str(reader.refusal))
        elif problem is not None:
            self._log.warning(
                "the cycle is not complete; the next one goes on", problem=problem.message, outcome=outcome
            )
        else:
            self._log.info("cycles are complete again")

    def _say_shared(self, tracker: Tracker) -> None:
        for other in sorted(tracker.shared_with - self._shared_with, key=str):
            self._log.warning("jobs are listed under two targets; they stay the first one's", first=str(other))
        self._shared_with |= tracker.shared_with

    def _say_amended(self, tracker: Tracker) -> None:
        amended = tracker.ledger.amended
        if amended > self._amended:
            self._log.info(
                "the API shows another state or end of jobs that were reported; the first ones stand",
                jobs=amended - self._amended,
            )
            self._amended = amended

    def _say_unlisted(self, reader: Reader) -> None:
        new = reader.unlisted_states - self._states
        if new and len(self._states) < _STATES_SAID:
            self._states |= new
            self._log.warning("jobs are in states that the vendor's page does not list; tracked", states=sorted(new))
        if reader.skipped and not self._skipping:
            self._log.warning("rows without a usable JobId are skipped", rows=reader.skipped)
        self._skipping = reader.skipped > 0
