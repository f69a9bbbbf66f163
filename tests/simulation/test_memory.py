"""What the poller keeps in memory and in the state file stays within bounds, however long it runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from poller.cycle.memory import scope
from poller.frontier import MARGIN
from poller.models import Target
from poller.simulator.options import Order, Outage
from poller.tracker import Tracker
from tests.simulation.plan import Plan
from tests.simulation.situations import calm
from tests.simulation.trial import Trial, run

if TYPE_CHECKING:
    from collections.abc import Sized

RATE: Final = 1.5
"""Jobs that finish in a second."""

HOUR: Final = 3600.0
EVERY: Final = 60.0
MARGINS: Final = 6
"""In so many margins' time what was reported is forgotten, where nothing holds a frontier up."""

SLACK: Final = 40
"""Jobs that have ended and are still tracked, since no cycle has come to them."""


@dataclass(frozen=True)
class Kept:
    """How much there is of everything, in memory and in the state file, and how many jobs are truly active."""

    reported: int
    tracked: int
    others: int
    entries: int
    active: int

    @classmethod
    def now(cls, trial: Trial) -> "Kept":
        """Look into the process."""
        assert trial.process is not None
        [poller] = trial.process._pollers
        [city_id] = trial.process._plan.city_ids
        file = trial.process._file
        return cls(
            reported=len(poller.tracker.ledger),
            tracked=len(poller.tracker.jobs),
            others=_others(poller.tracker),
            entries=sum(1 for _ in file.entries(scope(Target(city_id=city_id)))) if file else 0,
            active=sum(job.state_at(trial._time()) in _ACTIVE for job in trial._world.jobs_at(trial._time())),
        )


_ACTIVE: Final = ("PENDING", "RUNNING")


def _others(tracker: Tracker) -> int:
    ledger = tracker.ledger
    absences = tracker._absences
    kept: tuple[Sized, ...] = (
        tracker.book.held,
        tracker.book.dormant,
        tracker.book.changed,
        absences._missed,
        absences._controls,
    )
    return sum(len(each) for each in kept) + len(ledger.baseline) + len(ledger._suspected)


def _plan(seconds: float, **options: object) -> Plan:
    busy = {"arrival_rate": RATE, "queue_time": (0.05, 10.0), "run_time": (0.05, 120.0), "retention": 900.0}
    return calm(1, (0.0, seconds), options=busy | options, keeps_state=True)


def _watch(plan: Plan) -> list[Kept]:
    kept: list[Kept] = []
    run(plan, every=EVERY, look=lambda trial: kept.append(Kept.now(trial)))
    return kept


@pytest.fixture(scope="module")
def calm_hours() -> list[Kept]:
    """Two hours without trouble."""
    return _watch(_plan(2 * HOUR + 1))


def test_reported_jobs_are_forgotten_as_the_frontier_moves(calm_hours: list[Kept]) -> None:
    """What is remembered is bounded by what finishes in some margins."""
    assert max(kept.reported for kept in calm_hours) <= MARGINS * MARGIN * RATE
    assert min(kept.reported for kept in calm_hours[1:]) > 0


def test_no_more_jobs_are_tracked_than_are_active(calm_hours: list[Kept]) -> None:
    """But for those that ended since the last cycle."""
    assert max(kept.tracked - kept.active for kept in calm_hours) <= SLACK
    assert max(kept.tracked for kept in calm_hours) > SLACK / 2


def test_nothing_grows_from_hour_to_hour(calm_hours: list[Kept]) -> None:
    """Of whatever there is in the process, and in the state file."""
    first, second = calm_hours[10:60], calm_hours[60:120]
    for name in Kept.__dataclass_fields__:
        most, later = (max(getattr(kept, name) for kept in hour) for hour in (first, second))
        assert later <= 1.3 * most + 5, name


def test_the_state_file_has_no_more_entries_than_the_process_has_jobs(calm_hours: list[Kept]) -> None:
    """And one for the target: what is forgotten is deleted with the next save."""
    assert all(kept.entries <= kept.reported + kept.tracked + kept.others + 1 + SLACK for kept in calm_hours)
    assert calm_hours[-1].entries > 0


def test_outages_hold_up_what_is_forgotten_and_no_more() -> None:
    """While nothing can be read nothing new is known, and afterwards it is all as before."""
    outages = tuple((begin, begin + 300.0, Outage.HTTP_503) for begin in range(600, 3600, 1000))
    kept = _watch(_plan(HOUR + 600, outages=outages))
    assert max(each.reported for each in kept) <= (MARGINS * MARGIN + 300 + MARGINS * MARGIN) * RATE
    assert kept[-1].reported <= MARGINS * MARGIN * RATE


@pytest.mark.parametrize("order", [Order.NEWEST_FIRST, Order.NONE])
def test_a_backlog_of_old_jobs_leaves_nothing_behind(order: Order) -> None:
    """Every row of it has been read, and is none of ours."""
    options = {"arrival_rate": 0.0, "finished_jobs": 5000, "retention": 86_400.0, "order": order}
    last = _watch(_plan(310, **options))[-1]
    assert (last.reported, last.tracked, last.others, last.entries) == (0, 0, 0, 1)
