"""Hands news to the event log and counts what was written."""

from collections.abc import Sequence

from anyio import CancelScope

from poller.cycle.ports import Reports
from poller.cycle.pulse import Pulse
from poller.models import Completion, News, Target, Unresolved
from poller.stats import Stats, label


class Reporter:
    """Reports one target's news. Counters move when an event is written, so that they agree with the log."""

    def __init__(self, target: Target, reports: Reports, stats: Stats, pulse: Pulse) -> None:
        self._target = target
        self._reports = reports
        self._stats = stats
        self._pulse = pulse

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
        job, stats = completion.job, self._stats
        family = (label(self._target.project_id), self._target.product_type)
        begun, ended = job.begin_time, job.end_time
        if job.create_time is not None and begun is not None:
            stats.queue_seconds[*family, job_type].observe(max(0, begun - job.create_time))
        if begun is not None and ended is not None:
            stats.run_seconds[*family, job_type, job.state].observe(max(0, ended - begun))
        if ended is not None:
            stats.detection_seconds[family].observe(max(0.0, completion.seen_at - ended))
