"""Where every run of a target is kept, in the part of its life that it is in, and what of that has changed."""

from typing import Final, assert_never

from poller.models import Instant, Job, State
from poller.runs import Dormant, Held, Reported, Tracked
from poller.stats import Vocabulary
from poller.tracker import record
from poller.tracker.census import Census
from poller.tracker.ledger import Ledger
from poller.tracker.record import (
    ActiveRecord,
    BaselineRecord,
    DormantRecord,
    HeldRecord,
    JobRecord,
    ReportedRecord,
)

DORMANT_EVERY: Final = 600.0
DORMANT_FOR: Final = 86_400.0
DORMANT_MOST: Final = 10_000

_JUST: Final = 1.0
"""How long before it was taken up again a run counts as sighted, in seconds: any cycle will ask for it."""


class Book:
    """A job is in one of ``jobs``, ``held``, ``dormant`` and the ``ledger`` at a time.

    ``unlisted`` tells whether any was in a state that the vendor's page does not list. With ``recording`` on, `changes`
    has to be called, or they pile up.
    """

    def __init__(self, job_types: Vocabulary) -> None:
        self.jobs: dict[str, Tracked] = {}
        self.held: dict[str, Held] = {}
        self.dormant: dict[str, Dormant] = {}
        self.ledger = Ledger()
        self.census = Census(job_types)
        self.recording = False
        self.unlisted = False
        self.changed: dict[str, None] = {}

    def take_up(self, job_id: str, run: Tracked) -> Tracked:
        """Track a run."""
        self.jobs[job_id] = run
        self.census.count(run, +1)
        self.unlisted = self.unlisted or run.state is State.UNKNOWN
        self.touch(job_id)
        return run

    def drop(self, job_id: str) -> None:
        """Track a run no more, if it was."""
        run = self.jobs.pop(job_id, None)
        if run is not None:
            self.census.count(run, -1)
        self.touch(job_id)

    def hold(self, run: Held) -> None:
        """Hold a run, or what is newer of one."""
        job_id = run.job.job_id
        # It is asked for in every cycle, and mostly nothing has changed.
        if self.held.get(job_id) != run:
            self.held[job_id] = run
            self.drop(job_id)

    def end(self, job: Job, seen: Instant, now: Instant) -> None:
        """Enter a run in the ledger that was tracked, held, or never seen before, and was first seen over then."""
        job_id = job.job_id
        run = self.jobs.pop(job_id, None)
        if run is not None:
            self.census.count(run, -1)
        else:
            self.held.pop(job_id, None)
        self.ledger.enter(job, seen, now)
        self.touch(job_id)

    def sleep(self, job_id: str, run: Tracked, now: Instant) -> None:
        """Let a run be dormant, and forget the longest dormant one if they are too many."""
        self.drop(job_id)
        self.dormant[job_id] = Dormant(run, now.mono, now.mono + DORMANT_EVERY)
        if len(self.dormant) > DORMANT_MOST:
            self.forget_dormant(next(iter(self.dormant)))

    def wake(self, job_id: str) -> Tracked:
        """Track a dormant run again."""
        return self.take_up(job_id, self.dormant.pop(job_id).run)

    def forget_dormant(self, job_id: str) -> None:
        """Ask for a job no more."""
        del self.dormant[job_id]
        self.touch(job_id)

    def settle(self, now: Instant, *, margin: float, others: float) -> None:
        """Forget what has been kept long enough."""
        for job_id in self.ledger.forget(margin, others):
            self.touch(job_id)
        for job_id in [key for key, dormant in self.dormant.items() if now.mono - dormant.since >= DORMANT_FOR]:
            self.forget_dormant(job_id)
        self.census.settle(self.jobs.values())

    def touch(self, job_id: str) -> None:
        """Take note that a job's record has changed."""
        if self.recording:
            self.changed[job_id] = None

    def changes(self, now: Instant) -> list[tuple[str, bytes | None]]:
        """Return the records of the jobs that have changed since the last call, None for those that are forgotten."""
        changed, self.changed = self.changed, {}
        return [(job_id, self._record(job_id, now)) for job_id in changed]

    def _record(self, job_id: str, now: Instant) -> bytes | None:
        kept: JobRecord | None = None
        if (reported := self.ledger.get(job_id)) is not None:
            kept = record.reported(reported)
        elif job_id in self.jobs:
            kept = record.active(self.jobs[job_id])
        elif job_id in self.held:
            kept = record.held(self.held[job_id])
        elif job_id in self.dormant:
            kept = record.dormant(self.dormant[job_id], now)
        elif job_id in self.ledger.baseline:
            kept = BaselineRecord()
        return None if kept is None else record.encode(kept)

    def restore(self, job_id: str, kept: JobRecord, now: Instant) -> None:
        """Take up what an earlier process had recorded of a job."""
        match kept:
            case ActiveRecord():
                self.take_up(job_id, record.tracked(kept, now.mono - _JUST))
            case HeldRecord():
                seen = Instant(kept.seen, now.mono, kept.server)
                self.held[job_id] = Held(kept.job, kept.previous_state, seen, kept.after)
            case DormantRecord():
                since = now.mono - max(0.0, now.wall - kept.since)
                self.dormant[job_id] = Dormant(record.tracked(kept.run, now.mono - _JUST), since, now.mono)
            case ReportedRecord():
                self.ledger.restore(
                    job_id, Reported(kept.state, kept.begun, kept.ended, kept.bound, now.mono, kept.timeless)
                )
            case BaselineRecord():
                self.ledger.baseline.add(job_id)
            case _:
                assert_never(kept)
