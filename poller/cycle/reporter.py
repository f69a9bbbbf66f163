"""Hands news to the event log and counts what was written."""

from collections.abc import Sequence
from typing import Final

from anyio import CancelScope

from poller.cycle.ports import Reports
from poller.cycle.pulse import Pulse
from poller.models import Completion, News, State, Target, Unresolved
from poller.stats import Ending, Stats, label

MAX_CHARS: Final = 400
"""What is kept of a text from the API for the status page."""


class Reporter:
    """Reports one target's news. Counters move when an event is written, so that they agree with the log."""

    def __init__(self, target: Target, reports: Reports, stats: Stats, pulse: Pulse) -> None:
        self._target = target
        self._reports = reports
        self._stats = stats
        self._pulse = pulse
        self._family = (label(target.project_id), target.product_type)

    async def tell(self, news: Sequence[News]) -> None:
        """Return when all of it is written. Not cancelled: what the tracker has let go of would be lost."""
        if not news:
            return
        with self._pulse.paused(), CancelScope(shield=True):
            await self._reports.report(self._target, news)
        for item in news:
            if isinstance(item, Completion):
                self._count_finished(item)
            else:
                self._count_unresolved(item)
        # Of more than are kept in mind, the last ones.
        most = self._stats.newest.maxlen or 0
        self._stats.newest.extend(ending(self._target, item) for item in news[-most:])

    def _count_unresolved(self, lost: Unresolved) -> None:
        job_type = self._stats.job_types.word(lost.job_type or "unknown")
        self._stats.targets[self._target].unresolved[job_type] += 1

    def _count_finished(self, completion: Completion) -> None:
        stats, job = self._stats.targets[self._target], completion.job
        job_type = self._stats.job_types.word(job.job_type or "unknown")
        stats.finished[job_type, job.state] += 1
        for task in job.tasks or ():
            stats.tasks_finished[job_type, task.state] += 1
        self._observe(completion, job_type)

    def _observe(self, completion: Completion, job_type: str) -> None:
        job, stats, family = completion.job, self._stats, self._family
        created, begun, ended = job.create_time, job.begin_time, job.end_time
        if created is not None and begun is not None:
            stats.queue_seconds[*family, job_type].observe(max(0, begun - created))
        if begun is not None and ended is not None:
            stats.run_seconds[*family, job_type, job.state].observe(max(0, ended - begun))
        if ended is not None:
            stats.detection_seconds[family].observe(max(0.0, completion.seen_at - ended))


def ending(target: Target, news: News) -> Ending:
    """Keep the little of a job that the status page shows."""
    if isinstance(news, Unresolved):
        return Ending(
            target=target,
            job_id=news.job_id,
            job_type=news.job_type[:MAX_CHARS],
            state=None,
            seen_at=news.seen_at,
            begin_time=news.begin_time,
        )
    job = news.job
    failed = next((task for task in job.tasks or () if task.state is State.FAILED), None)
    return Ending(
        target=target,
        job_id=job.job_id,
        job_type=job.job_type[:MAX_CHARS],
        state=job.state,
        seen_at=news.seen_at,
        begin_time=job.begin_time,
        end_time=job.end_time,
        error_message=(failed.error_message or "")[:MAX_CHARS] or None if failed else None,
    )
