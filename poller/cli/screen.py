"""Jobs as a person watches them: a coloured line as each starts and as each ends."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import click

from poller.models import Completion, News, State, Target
from poller.tracker import Tracker

_COLOURS: Final = MappingProxyType(
    {
        State.PENDING: "white",
        State.RUNNING: "blue",
        State.SUCCESS: "green",
        State.PARTIAL_SUCCESS: "yellow",
        State.FAILED: "red",
        State.UNKNOWN: "magenta",
    }
)


class Screen:
    """Where events go when a person watches: both the reports and the outlet of a daemon."""

    def __init__(self) -> None:
        self._shown: dict[str, State] = {}

    async def report(self, target: Target, news: Sequence[News]) -> None:  # noqa: ARG002 (there is one target)
        """Show what has ended."""
        for item in news:
            if isinstance(item, Completion):
                self._show_end(item)
            else:
                _line(item.seen_at, State.UNKNOWN, item.job_type, item.job_id, "is no longer known to the API")

    def show_active(self, trackers: Collection[Tracker], now: float) -> None:
        """Show what has come up or moved on since the last look; ``now`` is in Unix seconds."""
        active = {job_id: run for tracker in trackers for job_id, run in tracker.jobs.items()}
        for job_id, run in active.items():
            if self._shown.get(job_id) is not run.state:
                _line(now, run.state, run.job_type, job_id, "waits" if run.state is State.PENDING else "runs")
        self._shown = {job_id: run.state for job_id, run in active.items()}

    def check(self) -> None:
        """Do nothing: a terminal that has gone away ends the process by a signal."""

    def obstacle(self) -> str:
        """Nothing keeps events back."""
        return "nothing"

    async def aclose(self, grace: float) -> int:  # noqa: ARG002 (nothing waits)
        """Leave nothing unwritten."""
        return 0

    def _show_end(self, completion: Completion) -> None:
        job = completion.job
        tasks = job.tasks or []
        failed = [task for task in tasks if task.state is State.FAILED]
        words = []
        if job.begin_time is not None and job.end_time is not None:
            words.append(f"after {job.end_time - job.begin_time} s")
        if failed:
            words.append(f"{len(failed)} of {len(tasks)} tasks failed: {failed[0].error_message}")
        _line(completion.seen_at, job.state, job.job_type, job.job_id, ", ".join(words))


def _line(when: float, state: State, job_type: str, job_id: str, words: str) -> None:
    clock = datetime.fromtimestamp(when, UTC).astimezone().strftime("%H:%M:%S")
    coloured = click.style(f"{state:<15}", fg=_COLOURS[state], bold=True)
    click.echo(f"{click.style(clock, dim=True)}  {coloured}  {job_type:<26}  {job_id}  {words}".rstrip())
