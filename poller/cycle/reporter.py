"""Hands news to the event log and counts what was written."""

from collections import defaultdict
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
        self._count_finished([item for item in news if isinstance(item, Completion)])
        self._count_unresolved([item for item in news if isinstance(item, Unresolved)])
        # Of more than are kept in mind, the last ones.
        most = self._stats.newest.maxlen or 0
        self._stats.newest.extend(ending(self._target, item) for item in news[-most:])

    def _count_unresolved(self, lost: Sequence[Unresolved]) -> None:
        word = self._stats.job_types.word
        self._stats.targets[self._target].unresolved.update(word(item.job_type or "unknown") for item in lost)

    def _count_finished(self, completions: Sequence[Completion]) -> None:
        own, word = self._stats.targets[self._target], self._stats.job_types.word
        jobs = [completion.job for completion in completions]
        kinds = [(word(job.job_type or "unknown"), job.state) for job in jobs]
        own.finished.update(kinds)
        own.tasks_finished.update(
            (job_type, task.state) for (job_type, _), job in zip(kinds, jobs, strict=True) for task in job.tasks or ()
        )
        self._observe(completions, kinds)

    def _observe(self, completions: Sequence[Completion], kinds: Sequence[tuple[str, State]]) -> None:
        """Take the times that completions tell; ``kinds`` are their job types, as words, and states."""
        waited, ran = defaultdict[str, list[int]](list), defaultdict[tuple[str, State], list[int]](list)
        unseen: list[float] = []
        for completion, kind in zip(completions, kinds, strict=True):
            job = completion.job
            created, begun, ended = job.create_time, job.begin_time, job.end_time
            if created is not None and begun is not None:
                waited[kind[0]].append(begun - created)
            if begun is not None and ended is not None:
                ran[kind].append(ended - begun)
            if ended is not None:
                unseen.append(completion.seen_at - ended)
        stats, family = self._stats, self._family
        for job_type, seconds in waited.items():
            stats.queue_seconds[*family, job_type].observe(*seconds)
        for kind, seconds in ran.items():
            stats.run_seconds[*family, *kind].observe(*seconds)
        if unseen:
            stats.detection_seconds[family].observe(*unseen)


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
