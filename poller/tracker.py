"""What is known of one target's jobs: sightings go in, news comes out.

A *run* is tracked from its first active sighting to its end. Either the API shows it in a terminal state (a
`Completion`; without an EndTime it is *held* for a while, in case the time comes late), or the API no longer knows it
(`Unresolved`), after which it is *dormant*: asked about now and then, since it may turn up.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from sys import intern
from typing import Final

from poller.lifecycle import ACTIVE, STEPS, Step
from poller.models import Completion, Instant, Job, Sighting, State, Target, Unresolved
from poller.runs import Dormant, Held, Missed, Reported, Tracked
from poller.stats import Vocabulary

MISSES: Final = 3
MISSED_FOR: Final = 60.0
"""A job is unresolved after this many counted misses over this many seconds."""

MISSED_FOR_WITHOUT_CONTROL: Final = 600.0
"""The same where no id is known that the API must return, so that an answer can't be checked."""

HOLD_FOR: Final = 60.0
"""How long a terminal job without EndTime is asked for again before it is reported without, in seconds."""

DORMANT_EVERY: Final = 600.0
DORMANT_FOR: Final = 86_400.0
DORMANT_MOST: Final = 10_000

REPORTED_FOR: Final = 600.0
"""How long a reported job is remembered after its last sighting, in seconds: a lagging replica can't revive it."""

_CONTROLS: Final = 16


class Tracker:
    """The jobs of one target. Nothing here reads a clock: every ``now`` is the caller's.

    ``counts`` is by (job type, state), ``oldest`` likewise in Unix seconds: since creation for PENDING, since its
    begin for RUNNING. Job types are words of the vocabulary. ``elsewhere`` names the target that a job belongs to,
    because it was tracked there first; those that were found so are in ``shared_with``.
    """

    def __init__(self, job_types: Vocabulary) -> None:
        self.elsewhere: Callable[[str], Target | None] = lambda _job_id: None
        self.shared_with: set[Target] = set()
        self.jobs: dict[str, Tracked] = {}
        self.counts: Counter[tuple[str, State]] = Counter()
        self.oldest: Mapping[tuple[str, State], int] = {}
        self._job_types = job_types
        self._held: dict[str, Held] = {}
        self._dormant: dict[str, Dormant] = {}
        self._missed: dict[str, Missed] = {}
        self._reported: dict[str, Reported] = {}
        self._reruns: dict[str, int] = {}
        self._said_unresolved: set[str] = set()
        self._controls: dict[str, None] = {}
        self._last_sighted: str | None = None
        self._oldest_moved = False

    def has(self, job_id: str) -> bool:
        """Tell whether a job is ours to report, or was just now. An unresolved one is not: it may have moved."""
        return job_id in self.jobs or job_id in self._held or job_id in self._reported

    def sight(self, rows: Iterable[Sighting], now: Instant) -> list[Completion]:
        """Take rows as they came, from whatever listing or look-up; return the runs that they show to have ended."""
        jobs, mono = self.jobs, now.mono
        completions = []
        for row in rows:
            run = jobs.get(row.job_id)
            if run is not None and run.state is row.state and run.complete:
                run.sighted = mono
                continue
            completion = self._consider(row, run, now)
            if completion is not None:
                completions.append(completion)
        return completions

    def _consider(self, row: Sighting, run: Tracked | None, now: Instant) -> Completion | None:
        """Decide on a row that is not plainly what we knew."""
        job_id = row.job_id
        if job_id in self._reported and not self._is_rerun(row, now):
            return None
        if job_id in self._held:
            return self._finish(row, self._held[job_id].previous_state, now)
        if run is None and job_id in self._dormant:
            run = self._wake(job_id)
        if run is None:
            # A job that ended before anyone saw it active is not ours to report.
            if row.state in ACTIVE and not self._belongs_elsewhere(job_id):
                self._track(row, now)
            return None
        return self._step(row, run, now)

    def _belongs_elsewhere(self, job_id: str) -> bool:
        target = self.elsewhere(job_id)
        if target is not None:
            self.shared_with.add(target)
        return target is not None

    def _is_rerun(self, row: Sighting, now: Instant) -> bool:
        """Tell a new run of a reported job from an echo of the old one, which keeps that in mind."""
        ended = self._reported.pop(row.job_id).ended
        begun = row.begin_time if row.state in ACTIVE else None
        if ended is not None and begun is not None and begun > ended:
            self._reruns[row.job_id] = ended
            return True
        self._reported[row.job_id] = Reported(now.mono, ended)
        return False

    def _step(self, row: Sighting, run: Tracked, now: Instant) -> Completion | None:
        step = STEPS[run.state, row.state]
        if step is Step.FINISHED and self._ended_before(row):
            step = Step.STALE
        if step is Step.FINISHED:
            return self._finish(row, run.state, now)
        if step is Step.STALE:
            return None  # what an old view shows is no sign of life: the job will be asked for by its id
        run.sighted = now.mono
        learnt = (
            row.state,
            run.job_type or intern(row.job_type),
            run.create_time or row.create_time,
            row.begin_time or run.begin_time,
        )
        if learnt != (run.state, run.job_type, run.create_time, run.begin_time):
            self._count(run, -1)
            run.state, run.job_type, run.create_time, run.begin_time = learnt
            run.complete = run.tells_all()
            self._count(run, +1)
        return None

    def _ended_before(self, row: Sighting) -> bool:
        """Tell the end of a job's reported run from that of the one that followed it."""
        reported = self._reruns.get(row.job_id)
        return reported is not None and row.end_time is not None and row.end_time <= reported

    def _track(self, row: Sighting, now: Instant) -> None:
        run = Tracked(row.state, intern(row.job_type), row.create_time, row.begin_time, now.mono)
        run.complete = run.tells_all()
        self.jobs[row.job_id] = run
        self._last_sighted = row.job_id
        self._count(run, +1)

    def _finish(self, row: Sighting, previous_state: State, now: Instant) -> Completion | None:
        """End a run, or hold it where the API has not told when it ended."""
        if not isinstance(row, Job) or row.state in ACTIVE:
            return None
        held = self._held.pop(row.job_id, None)
        seen = held.seen if held else now
        self._drop(row.job_id)
        if row.end_time is None and now.mono - seen.mono < HOLD_FOR:
            self._held[row.job_id] = Held(row, previous_state, seen)
            return None
        self._remember(row, now)
        return Completion(job=row, previous_state=previous_state, seen_at=seen.wall)

    def overdue(self, now: Instant) -> list[Completion]:
        """Return the held runs whose EndTime has not come in time."""
        return self._release(
            [job_id for job_id, held in self._held.items() if now.mono - held.seen.mono >= HOLD_FOR], now
        )

    def farewell(self, now: Instant) -> list[Completion]:
        """Return all held runs: there is no later in which their EndTime could come."""
        return self._release(list(self._held), now)

    def _release(self, ids: Iterable[str], now: Instant) -> list[Completion]:
        released = [self._held.pop(job_id) for job_id in ids]
        for held in released:
            self._remember(held.job, now)
        return [
            Completion(job=held.job, previous_state=held.previous_state, seen_at=held.seen.wall) for held in released
        ]

    def questions(self, unsighted_since: float, now: Instant) -> list[str]:
        """Name the jobs to look up: not sighted since a monotonic time, held, or dormant and due."""
        ids = [job_id for job_id, run in self.jobs.items() if run.sighted < unsighted_since]
        ids += self._held
        for job_id, dormant in self._dormant.items():
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
        return next(reversed(self._controls), None)

    def absent(
        self, asked: Iterable[str], found: Collection[str], control: str | None, now: Instant
    ) -> list[Unresolved]:
        """Take note of who was missing from the whole answer to a look-up of ``asked`` and a ``control``."""
        for job_id in found:
            self._missed.pop(job_id, None)
        if control is not None and control not in found:
            # The answer is not to be trusted, or the control was purged and will not be asked for again.
            self._controls.pop(control, None)
            return []
        missing = (job_id for job_id in asked if job_id not in found)
        misses = (self._miss(job_id, control is not None, now) for job_id in missing)
        return [lost for lost in misses if lost is not None]

    def _miss(self, job_id: str, controlled: bool, now: Instant) -> Unresolved | None:  # noqa: FBT001 (private)
        run = self.jobs.get(job_id)
        if run is None:
            return None
        missed = self._missed.get(job_id)
        if missed is None or missed.since < run.sighted:
            missed = self._missed[job_id] = Missed(since=now.mono)
        if controlled:
            missed.counted_since = missed.counted_since if missed.counted else now.mono
            missed.counted += 1
        else:
            missed.uncontrolled += 1
        proven = missed.counted >= MISSES and now.mono - missed.counted_since >= MISSED_FOR
        likely = missed.uncontrolled >= MISSES and now.mono - missed.since >= MISSED_FOR_WITHOUT_CONTROL
        return self._unresolve(job_id, run, now) if proven or likely else None

    def _unresolve(self, job_id: str, run: Tracked, now: Instant) -> Unresolved | None:
        self._drop(job_id)
        self._dormant[job_id] = Dormant(run, now.mono, now.mono + DORMANT_EVERY)
        if len(self._dormant) > DORMANT_MOST:
            self._forget_dormant(next(iter(self._dormant)))
        if job_id in self._said_unresolved:
            return None
        self._said_unresolved.add(job_id)
        return Unresolved(job_id, run.job_type, run.state, run.create_time, run.begin_time, now.wall)

    def _wake(self, job_id: str) -> Tracked:
        run = self._dormant.pop(job_id).run
        self.jobs[job_id] = run
        self._count(run, +1)
        return run

    def _forget_dormant(self, job_id: str) -> None:
        del self._dormant[job_id]
        self._said_unresolved.discard(job_id)

    def _drop(self, job_id: str) -> None:
        run = self.jobs.pop(job_id, None)
        if run is not None:
            self._count(run, -1)
            self._missed.pop(job_id, None)
            self._reruns.pop(job_id, None)

    def _remember(self, row: Sighting, now: Instant) -> None:
        """Keep a reported job in mind; the API is sure to know it for a while."""
        job_id = row.job_id
        self._reported[job_id] = Reported(now.mono, row.end_time)
        self._said_unresolved.discard(job_id)
        self._controls.pop(job_id, None)
        self._controls[job_id] = None
        if len(self._controls) > _CONTROLS:
            del self._controls[next(iter(self._controls))]

    def _count(self, run: Tracked, by: int) -> None:
        key = (self._job_types.word(run.job_type or "unknown"), run.state)
        self.counts[key] += by
        self._oldest_moved = True

    def settle(self, now: Instant) -> None:
        """Close a cycle: forget what has been kept long enough, and find the oldest jobs again if any moved."""
        for job_id, reported in list(self._reported.items()):
            if now.mono - reported.sighted < REPORTED_FOR:
                break
            del self._reported[job_id]
        for job_id in [key for key, dormant in self._dormant.items() if now.mono - dormant.since >= DORMANT_FOR]:
            self._forget_dormant(job_id)
        if self._oldest_moved:
            self.oldest = self._find_oldest()
            self._oldest_moved = False

    def _find_oldest(self) -> dict[tuple[str, State], int]:
        oldest: dict[tuple[str, State], int] = {}
        for run in self.jobs.values():
            since = run.create_time if run.state is State.PENDING else run.begin_time
            if since is None or run.state is State.UNKNOWN:
                continue
            key = (self._job_types.word(run.job_type or "unknown"), run.state)
            oldest[key] = min(since, oldest.get(key, since))
        return oldest
