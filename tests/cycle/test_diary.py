"""What an operator is told of odd rows, once."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from poller.cycle import Edges, TargetPoller
from poller.frontier import Floor
from poller.models import Instant, News, Page, Query, Target
from poller.stats import Deadlines, Stats

TARGET = Target()

pytestmark = pytest.mark.anyio


class OddApi:
    """Answers every listing with one page, the same each time."""

    def __init__(self, page: Page) -> None:
        self.answer = page

    async def page(self, query: Query) -> Page:
        """Answer, and bring nothing after it."""
        return self.answer if query.offset == 0 else Page(jobs=[], received=0)


class Nobody:
    """Takes no news, since there is none."""

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Fail."""
        raise AssertionError(news)


async def cycles(page: Page, count: int) -> list[str]:
    """Run some cycles and return what was warned of."""
    poller = TargetPoller(
        TARGET,
        Edges(pages=OddApi(page), reports=Nobody(), keys=lambda: None, now=lambda: Instant(0, 0)),
        stats=Stats([TARGET], interval=10),
        deadlines=Deadlines(),
        window=1,
        floor=Floor(0),
    )
    with capture_logs() as entries:
        for _ in range(count):
            await poller.cycle()
    return [entry["event"] for entry in entries if entry["log_level"] == "warning"]


async def test_states_that_are_not_listed_are_warned_of_once() -> None:
    """They are tracked all the same."""
    [said] = await cycles(Page(jobs=[], received=0, unlisted_states=("CANCELLED",)), 3)
    assert "does not list" in said


async def test_rows_that_are_skipped_are_warned_of_once() -> None:
    """As long as there are some."""
    [said] = await cycles(Page(jobs=[], received=2, skipped=2), 3)
    assert "skipped" in said
