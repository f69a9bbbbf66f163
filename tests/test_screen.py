"""What a person sees of the demo."""

import pytest

from poller.cli.screen import Screen
from poller.models import Completion, Instant, Job, Sighting, State, Target, Task, Unresolved
from poller.stats import Vocabulary
from poller.tracker import Tracker

TARGET = Target()

pytestmark = pytest.mark.anyio


def tracker(*rows: Sighting) -> Tracker:
    """Make a tracker of some jobs."""
    known = Tracker(Vocabulary())
    known.sight(rows, Instant(0, 0))
    return known


async def test_a_job_is_shown_as_it_comes_up_and_as_it_moves_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Once for each state, not at every look."""
    screen = Screen()
    waiting = tracker(Sighting("uj-1", State.PENDING, "INSTALL_APP"))
    screen.show_active([waiting], 0)
    screen.show_active([waiting], 1)
    screen.show_active([tracker(Sighting("uj-1", State.RUNNING, "INSTALL_APP"))], 2)
    first, second = capsys.readouterr().out.splitlines()
    assert ("PENDING" in first, "waits" in first) == (True, True)
    assert ("RUNNING" in second, "runs" in second) == (True, True)


async def test_a_failure_is_shown_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """How long it ran, how many tasks failed, and why the first did."""
    tasks = [Task(state=State.SUCCESS), Task(state=State.FAILED, error_message="device is offline")]
    job = Job("uj-1", State.PARTIAL_SUCCESS, "INSTALL_APP", begun=10, ended=15, tasks=tasks)
    await Screen().report(TARGET, [Completion(job, State.RUNNING, 20.0)])
    assert "after 5 s, 1 of 2 tasks failed: device is offline" in capsys.readouterr().out


async def test_a_vanished_job_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    """That nothing is known is news as well."""
    await Screen().report(TARGET, [Unresolved("uj-1", "INSTALL_APP", State.RUNNING, None, None, 20.0)])
    assert "no longer known" in capsys.readouterr().out


async def test_a_screen_leaves_nothing_unwritten() -> None:
    """It has no reader that could stall."""
    screen = Screen()
    screen.check()
    assert await screen.aclose(0) == 0
