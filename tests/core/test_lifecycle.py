"""The table of a job's states."""

import itertools

import pytest

from poller.lifecycle import ACTIVE, STEPS, TERMINAL, Step
from poller.models import State


def test_a_state_is_either_active_or_terminal() -> None:
    """No state is both, and none is left out."""
    assert set(State) == ACTIVE | TERMINAL
    assert not ACTIVE & TERMINAL


def test_the_table_has_a_step_for_whatever_a_tracked_job_may_be_seen_in() -> None:
    """Every active state known, every state seen; what has ended is tracked no more."""
    assert set(STEPS) == set(itertools.product(ACTIVE, State))


@pytest.mark.parametrize("known", sorted(ACTIVE))
@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_any_run_may_end(known: State, end: State) -> None:
    """Also one that was never seen running."""
    assert STEPS[known, end] is Step.FINISHED


@pytest.mark.parametrize(
    ("known", "seen", "step"),
    [
        (State.PENDING, State.PENDING, Step.SAME),
        (State.PENDING, State.RUNNING, Step.MOVED),
        (State.PENDING, State.UNKNOWN, Step.MOVED),
        (State.RUNNING, State.PENDING, Step.STALE),
        (State.RUNNING, State.RUNNING, Step.SAME),
        (State.RUNNING, State.UNKNOWN, Step.MOVED),
        (State.UNKNOWN, State.PENDING, Step.MOVED),
        (State.UNKNOWN, State.RUNNING, Step.MOVED),
        (State.UNKNOWN, State.UNKNOWN, Step.SAME),
    ],
)
def test_a_step_between_active_states(known: State, seen: State, step: Step) -> None:
    """A job moves forward; backward is a replica's delay; an unlisted state has no place in the order."""
    assert STEPS[known, seen] is step
