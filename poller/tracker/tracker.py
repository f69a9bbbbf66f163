"""What is known of one target's jobs: sightings go in, news comes out."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from sys import intern
from typing import Final, cast

from msgspec import structs

from poller.frontier import MARGIN
from poller.lifecycle import ACTIVE, STEPS, TERMINAL, Step
from poller.models import Completion, Instant, Job, Sighting, State, Target, Unresolved
from poller.runs import Held, Reported, Tracked, ran_before
from poller.stats import Vocabulary
from poller.tracker.absences import Absences
from poller.tracker.book import DORMANT_EVERY, Book
from poller.tracker.ledger import Verdict

HOLD_FOR: Final = 60.0
"""How long a terminal job without EndTime is asked for again before it is reported without, in seconds."""


class Tracker:
    """The jobs of one target. Nothing here reads a clock: every ``now`` is the caller's.

    ``elsewhere`` names the target that a job belongs to, because it was known there first; those that were found so are
    in ``shared_with``. The ``book`` has the runs; ``jobs`` are those that are tracked, the ``ledger`` has those that
    were reported.
    """

    def __init__(self, job_types: Vocabulary) -> None:
        self.elsewhere: Callable[[str], Target | None] = lambda _job_id: None
        self.shared_with: set[Target] = set()
        self.book = Book(job_types)
        self.jobs = self.book.jobs
        self.ledger = self.book.ledger
        self._absences = Absences()
        self._last_sighted: str | None = None

    @property
    def counts(self) -> Counter[tuple[str, State]]:
        """The active jobs by (job type, state); job types are words of the vocabulary."""
        return self.book.census.counts

    @property
    def oldest(self) -> Mapping[tuple[str, State], int]:
        """Since when the oldest has waited or run, likewise, in Unix seconds."""
        return self.book.census.oldest

    @property
    def unlisted(self) -> bool:
        """Tell whether any job has been in a state that the vendor's page does not list."""
        return self.book.unlisted

    @property
    def busy(self) -> bool:
        """Tell whether there is a job whose end is yet to be told."""
        return bool(self.jobs or self.book.held)

    def has(self, job_id: str) -> bool:
        """Tell whether a job is ours to report, or was just now. An unresolved one is not: it may have moved."""
        return job_id in self.jobs or job_id in self.book.held or job_id in self.ledger

    def sight(self, rows: Iterable[Sighting], now: Instant) -> list[Completion]:
        """Take rows as they came, from whatever listing or look-up; return the runs that they show to have ended."""
        jobs, mono = self.jobs, now.mono
        completions = []
        for row in rows:
            run = jobs.get(row.job_id)
            if run is not None and run.state is row.state and run.complete:
                run.sighted = mono
                continue
            if row.state in TERMINAL and not isinstance(row, Job):
                continue  # an event tells of tasks: the job will be asked for by its id
            completion = self._consider(row, run, now)
            if completion is not None:
                completions.append(completion)
        return completions

    def _consider(self, row: Sighting, run: Tracked | None, now: Instant) -> Completion | None:
        """Decide on a row that is not plainly what we knew."""
        job_id = row.job_id
        self.book.unlisted = self.book.unlisted or row.state is State.UNKNOWN
        earlier: Reported | None = None
        if job_id in self.ledger:
            if not self.ledger.is_new_run(row, now):
                return None
            earlier = self.ledger.leave(job_id)
            self.book.touch(job_id)
        elif job_id in self.book.held:
            return self._consider_held(row, self.book.held[job_id], now)
        elif run is None and job_id in self.book.dormant:
            if self._belongs_elsewhere(job_id):
                self.book.forget_dormant(job_id)  # it turned up there first
                return None
            run = self.book.wake(job_id)
        if run is not None:
            return self._step(row, run, now)
        if row.state in TERMINAL:
            return self._meet(row, now, rerun=earlier is not None)
        self._track(row, earlier, now)
        return None

    def _meet(self, row: Sighting, now: Instant, *, rerun: bool) -> Completion | None:
        """Decide on a run that is over, and that nobody has seen before."""
        verdict = Verdict.NEWS if rerun else self.ledger.judge(row)
        elsewhere = verdict is Verdict.NEWS and self._belongs_elsewhere(row.job_id)
        if verdict is Verdict.UNDATED or (elsewhere and not row.dated):
            # No frontier will ever tell that it is none of ours.
            self.ledger.baseline.add(row.job_id)
            self.book.touch(row.job_id)
        if verdict is not Verdict.NEWS or elsewhere:
            return None
        return self._finish(row, None, now)

    def _belongs_elsewhere(self, job_id: str) -> bool:
        target = self.elsewhere(job_id)
        if target is not None:
            self.shared_with.add(target)
        return target is not None

    def _step(self, row: Sighting, run: Tracked, now: Instant) -> Completion | None:
        step = STEPS[run.state, row.state]
        if step is Step.FINISHED and _is_of_an_earlier_run(row, run):
            # No replica shows a job as it was for longer than the margin: what is still so then, is so.
            if now.mono - run.sighted < MARGIN:
                return None
            if _is_the_reported_run(row, run):
                self._take_back(row, now)
                return None
        if step is Step.FINISHED:
            return self._finish(row, run.state, now)
        if step is Step.STALE:
            return None  # what an old view shows is no sign of life: the job will be asked for by its id
        run.sighted = now.mono
        created, begun = run.create_time or row.create_time, row.begin_time or run.begin_time
        typed = bool(row.job_type) and not run.job_type
        if (row.state, created, begun) != (run.state, run.create_time, run.begin_time) or typed:
            self.book.census.count(run, -1)
            run.job_type = run.job_type or intern(row.job_type)
            run.learn(row.state, created, begun)
            self.book.census.count(run, +1)
            self.book.touch(row.job_id)
        return None

    def _track(self, row: Sighting, earlier: Reported | None, now: Instant) -> None:
        if self._belongs_elsewhere(row.job_id):
            return
        self._last_sighted = row.job_id
        self.book.take_up(row.job_id, _tracked(row, earlier.ended if earlier else None, now))

    def _finish(self, row: Sighting, previous_state: State | None, now: Instant) -> Completion | None:
        """End a run, or hold it where the API has not told when it ended."""
        job = cast("Job", row)  # no other row of a run that is over gets past `sight`
        self._absences.forget(job.job_id)
        held, run = self.book.held.get(job.job_id), self.jobs.get(job.job_id)
        seen = held.seen if held else now
        if job.end_time is None and now.mono - seen.mono < HOLD_FOR:
            after = held.after if held else run.after if run else None
            self.book.hold(Held(job, previous_state, seen, after))
            return None
        self.book.held.pop(job.job_id, None)
        self.book.drop(job.job_id)
        self._enter(job, seen, now)
        return Completion(job=job, previous_state=previous_state, seen_at=seen.wall)

    def _consider_held(self, row: Sighting, held: Held, now: Instant) -> Completion | None:
        """Take the EndTime that a held run has waited for. The row may be of another run of the job, on either side."""
        if held.follows(row):
            return None
        if row.state in ACTIVE and not held.precedes(row):
            self._doubt(row, held, now)
            return None
        if held.doubted is not None:
            return self._begin_again(row, held, now)
        if held.precedes(row) or held.differs(row):
            # The API will not tell any more. The new run is taken up when it is sighted next.
            return self._release([row.job_id], now)[0]
        if ran_before(held.job, row.begin_time):
            # Another run so soon can't be told from a begin that was amended: one of the two is reported, as seen now.
            del self.book.held[row.job_id]
        return self._finish(row, held.previous_state, now)

    def _doubt(self, row: Sighting, held: Held, now: Instant) -> None:
        """Take note that a held run is shown active. Where that lasts it is, and the end was that of an earlier run."""
        held.doubted = now.mono
        if row.state is not State.UNKNOWN and now.mono - held.seen.mono >= MARGIN:
            del self.book.held[row.job_id]
            self.book.take_up(row.job_id, _tracked(row, held.after, now))

    def _begin_again(self, row: Sighting, held: Held, now: Instant) -> Completion | None:
        """Put a row in the place of a held end that was contradicted: that was an earlier run's."""
        if row.state in TERMINAL:
            self.book.hold(structs.replace(held, seen=now, doubted=None))
            return self._finish(row, held.previous_state, now)
        del self.book.held[row.job_id]
        self.book.take_up(row.job_id, _tracked(row, held.after, now))
        return None

    def _take_back(self, row: Sighting, now: Instant) -> None:
        """Drop a run that was taken for a new one, and is the one that was reported."""
        self.book.drop(row.job_id)
        self.ledger.enter(cast("Job", row), now, now)

    def overdue(self, now: Instant) -> list[Completion]:
        """Return the held runs whose EndTime has not come in time."""
        return self._release([job_id for job_id, held in self.book.held.items() if _is_overdue(held, now)], now)

    def farewell(self, now: Instant) -> list[Completion]:
        """Return all held runs that nothing speaks against: there is no later in which their EndTime could come."""
        return self._release([job_id for job_id, held in self.book.held.items() if held.doubted is None], now)

    def _release(self, ids: Iterable[str], now: Instant) -> list[Completion]:
        released = [self.book.held.pop(job_id) for job_id in ids]
        for held in released:
            self._enter(held.job, held.seen, now)
        return [
            Completion(job=held.job, previous_state=held.previous_state, seen_at=held.seen.wall) for held in released
        ]

    def _enter(self, job: Job, seen: Instant, now: Instant) -> None:
        self.ledger.enter(job, seen, now)
        self._absences.add_control(job.job_id)
        self.book.touch(job.job_id)

    def questions(self, unsighted_since: float, now: Instant) -> list[str]:
        """Name the jobs to look up: not sighted since a monotonic time, held, perhaps run again, or dormant and due."""
        ids = [job_id for job_id, run in self.jobs.items() if run.sighted < unsighted_since]
        ids += self.book.held
        ids += self.ledger.suspected
        for job_id, dormant in self.book.dormant.items():
            if dormant.ask_at <= now.mono:
                dormant.ask_at = now.mono + DORMANT_EVERY
                ids.append(job_id)
        return ids

    def control(self, unsighted_since: float) -> str | None:
        """Name a job that the API must know, to be asked for beside those that it may not; None if there is none."""
        last = self._last_sighted
        if last is not None and last in self.jobs and self.jobs[last].sighted >= unsighted_since:
            return last
        for job_id, run in self.jobs.items():
            if run.sighted >= unsighted_since:
                self._last_sighted = job_id
                return job_id
        return self._absences.control

    def absent(
        self, asked: Iterable[str], found: Collection[str], control: str | None, now: Instant
    ) -> list[Unresolved]:
        """Take note of who was missing from the whole answer to a look-up of ``asked`` and a ``control``.

        ``now`` is when it was asked: a run that has been sighted since is not missing.
        """
        for job_id in found:
            self._absences.forget(job_id)
        if not self._absences.trusts(found, control):
            return []
        lost = []
        for job_id in asked:
            run = self.jobs.get(job_id) if job_id not in found else None
            if run is None or run.sighted > now.mono:
                continue
            if self._absences.miss(job_id, run, now, controlled=control is not None):
                lost += self._unresolve(job_id, run, now)
        return lost

    def _unresolve(self, job_id: str, run: Tracked, now: Instant) -> list[Unresolved]:
        self._absences.forget(job_id)
        said, run.said = run.said, True
        self.book.sleep(job_id, run, now)
        if said:
            return []
        return [Unresolved(job_id, run.job_type, run.state, run.create_time, run.begin_time, now.wall)]

    def settle(self, now: Instant, *, margin: float, others: float = float("inf")) -> None:
        """Close a cycle: forget what has been kept long enough, and find the oldest jobs again if any moved.

        ``others`` is the least frontier of other targets that list the same jobs.
        """
        self.book.settle(now, margin=margin, others=others)


def _is_of_an_earlier_run(row: Sighting, run: Tracked) -> bool:
    """Tell whether a row looks like the end of an earlier run of a job, rather than of the one that is tracked."""
    before_it_was_seen = run.first is not None and row.end_time is not None and row.end_time < run.first - MARGIN
    return before_it_was_seen or _is_the_reported_run(row, run) or ran_before(row, run.begin_time)


def _is_the_reported_run(row: Sighting, run: Tracked) -> bool:
    return run.after is not None and row.end_time is not None and row.end_time <= run.after


def _tracked(row: Sighting, after: int | None, now: Instant) -> Tracked:
    """Begin a run with its first sighting."""
    return Tracked(
        row.state, intern(row.job_type), row.create_time, row.begin_time, now.mono, first=now.server, after=after
    )


def _is_overdue(held: Held, now: Instant) -> bool:
    doubtful = held.doubted is not None and now.mono - held.doubted < MARGIN
    return now.mono - held.seen.mono >= HOLD_FOR and not doubtful
