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

# To look a member up by its name costs Python 3.11 as much as a call.
_UNKNOWN: Final = State.UNKNOWN
_FINISHED: Final = Step.FINISHED
_STALE: Final = Step.STALE


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
            if row.state is _UNKNOWN:
                self.book.unlisted = True
            completion = self._consider(row, now) if run is None else self._step(row, run, now)
            if completion is not None:
                completions.append(completion)
        self._absences.add_controls(completions)
        return completions

    def _consider(self, row: Sighting, now: Instant) -> Completion | None:
        """Decide on a row of a job that is not tracked. From here on, one of a run that is over is a `Job`."""
        job_id = row.job_id
        earlier: Reported | None = None
        if job_id in self.ledger:
            if not self.ledger.is_new_run(row, now):
                return None
            earlier = self.ledger.leave(job_id)
            self.book.touch(job_id)
        elif job_id in self.book.held:
            return self._consider_held(row, self.book.held[job_id], now)
        elif job_id in self.book.dormant:
            if self._belongs_elsewhere(job_id):
                self.book.forget_dormant(job_id)  # it turned up there first
                return None
            return self._step(row, self.book.wake(job_id), now)
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
        return self._finish(Held(cast("Job", row), None, now), now)

    def _belongs_elsewhere(self, job_id: str) -> bool:
        target = self.elsewhere(job_id)
        if target is not None:
            self.shared_with.add(target)
        return target is not None

    def _step(self, row: Sighting, run: Tracked, now: Instant) -> Completion | None:
        """Decide on a row of a job that is tracked, and so neither held nor dormant nor in the ledger."""
        step = STEPS[run.state, row.state]
        if step is _FINISHED:
            return self._end(row, run, now)
        if step is _STALE:
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

    def _end(self, row: Sighting, run: Tracked, now: Instant) -> Completion | None:
        """Decide on the end of a run that is tracked."""
        if _is_of_an_earlier_run(row, run):
            # No replica shows a job as it was for longer than the margin: what is still so then, is so.
            if now.mono - run.sighted < MARGIN:
                return None
            if _is_the_reported_run(row.end_time, run):
                # It was taken for a new run, and is the one that was reported.
                self.book.end(cast("Job", row), now, now)
                return None
        return self._finish(Held(cast("Job", row), run.state, now, run.after), now)

    def _track(self, row: Sighting, earlier: Reported | None, now: Instant) -> None:
        if self._belongs_elsewhere(row.job_id):
            return
        self._last_sighted = row.job_id
        self.book.take_up(row.job_id, _tracked(row, earlier.ended if earlier else None, now))

    def _finish(self, run: Held, now: Instant) -> Completion | None:
        """End a run, or hold it where the API has not told when it ended."""
        self._absences.forget(run.job.job_id)
        if run.job.end_time is None and now.mono - run.seen.mono < HOLD_FOR:
            self.book.hold(run)
            return None
        return self._release(run, now)

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
            return self._release(held, now)
        if ran_before(held.job.begin_time, held.job.end_time, row.begin_time):
            # Another run so soon can't be told from a begin that was amended: one of the two is reported, as seen now.
            del self.book.held[row.job_id]
            return self._finish(Held(cast("Job", row), held.previous_state, now), now)
        return self._finish(structs.replace(held, job=cast("Job", row)), now)

    def _doubt(self, row: Sighting, held: Held, now: Instant) -> None:
        """Take note that a held run is shown active. Where that lasts it is, and the end was that of an earlier run."""
        held.doubted = now.mono
        if row.state is not State.UNKNOWN and now.mono - held.seen.mono >= MARGIN:
            del self.book.held[row.job_id]
            self.book.take_up(row.job_id, _tracked(row, held.after, now))

    def _begin_again(self, row: Sighting, held: Held, now: Instant) -> Completion | None:
        """Put a row in the place of a held end that was contradicted: that was an earlier run's."""
        if row.state in TERMINAL:
            return self._finish(Held(cast("Job", row), held.previous_state, now, held.after), now)
        del self.book.held[row.job_id]
        self.book.take_up(row.job_id, _tracked(row, held.after, now))
        return None

    def overdue(self, now: Instant) -> list[Completion]:
        """Return the held runs whose EndTime has not come in time."""
        return self._release_all([held for held in self.book.held.values() if _is_overdue(held, now)], now)

    def farewell(self, now: Instant) -> list[Completion]:
        """Return all held runs that nothing speaks against: there is no later in which their EndTime could come."""
        return self._release_all([held for held in self.book.held.values() if held.doubted is None], now)

    def _release_all(self, runs: Iterable[Held], now: Instant) -> list[Completion]:
        completions = [self._release(held, now) for held in runs]
        self._absences.add_controls(completions)
        return completions

    def _release(self, held: Held, now: Instant) -> Completion:
        self.book.end(held.job, held.seen, now)
        return Completion(held.job, held.previous_state, held.seen.wall)

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

        ``now`` is when it was asked: where a run has been sighted since, its misses count anew.
        """
        for job_id in found:
            self._absences.forget(job_id)
        if not self._absences.trusts(found, control):
            return []
        lost = []
        for job_id in asked:
            run = self.jobs.get(job_id) if job_id not in found else None
            if run is not None and self._absences.miss(job_id, run, now, controlled=control is not None):
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
    begins, ends = row.begin_time, row.end_time
    before_it_was_seen = ends is not None and run.first is not None and ends < run.first - MARGIN
    return before_it_was_seen or _is_the_reported_run(ends, run) or ran_before(begins, ends, run.begin_time)


def _is_the_reported_run(ends: int | None, run: Tracked) -> bool:
    return ends is not None and run.after is not None and ends <= run.after


def _tracked(row: Sighting, after: int | None, now: Instant) -> Tracked:
    """Begin a run with its first sighting."""
    return Tracked(
        row.state, intern(row.job_type), row.create_time, row.begin_time, now.mono, first=now.server, after=after
    )


def _is_overdue(held: Held, now: Instant) -> bool:
    doubtful = held.doubted is not None and now.mono - held.doubted < MARGIN
    return now.mono - held.seen.mono >= HOLD_FOR and not doubtful
