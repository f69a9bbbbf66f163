"""Reads the status off what the poller knows: bounded, whatever there is."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from poller.lifecycle import ACTIVE, TERMINAL
from poller.models import Instant, State, Target
from poller.stats import Ending, TargetStats
from poller.web.health import readyz
from poller.web.status import record
from poller.web.status.oldest import Old
from poller.web.status.problems import condition, problems
from poller.web.status.source import ActiveJobs, Source
from poller.web.status.words import MESSAGE_CHARS, cut, cut_or_none, elapsed, moment, moment_or_none

MOST_TARGETS: Final = 50
MOST_CODES: Final = 30

_RANK: Final[dict[record.Standing, int]] = {"refused": 0, "stale": 1, "failing": 2, "waiting": 3, "ok": 4}
_ACTIVE: Final = tuple(state for state in State if state in ACTIVE)
_TERMINAL: Final = tuple(state for state in State if state in TERMINAL)

Kind = tuple[str, State]


class _Place(TypedDict):
    project_id: str | None
    region: str | None
    city_id: str | None
    product_type: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A target at the moment of the request. Where it is not known well enough, ``active`` is None."""

    target: Target
    own: TargetStats
    standing: record.Standing
    active: ActiveJobs | None


def known_well(source: Source, now: float) -> dict[Target, ActiveJobs]:
    """Return the targets of whose jobs something may be said; ``now`` is monotonic, in seconds."""
    stats = source.stats
    return {
        target: tracker
        for target, tracker in source.trackers.items()
        if target in stats.targets and stats.targets[target].complete_within(now, interval=stats.interval)
    }


def read(source: Source, oldest: Iterable[Old]) -> record.Status:
    """Read all of the status; ``oldest`` are the oldest jobs, as far as they are active still."""
    now, stats = source.now(), source.stats
    fresh = known_well(source, now.mono)
    targets = [
        _Known(target, own, _standing(own, target in fresh), fresh.get(target)) for target, own in stats.targets.items()
    ]
    counts = _target_counts(targets)
    code, ready = readyz(stats, now.mono)
    api = _api(source, now)
    wrong = problems(source, counts, api)
    return record.Status(
        schema_version=record.SCHEMA_VERSION,
        timestamp=moment(now.wall),
        status=condition(ready=code == 200, known=len(fresh), problems=wrong),
        problems=wrong,
        ready=code == 200,
        ready_reason=ready.get("reason"),
        version=source.version,
        start_time=moment(source.started.wall),
        uptime_seconds=elapsed(source.started.mono, now.mono),
        interval_seconds=stats.interval,
        target_counts=counts,
        targets=_targets(targets, now),
        jobs=_jobs(targets, now),
        oldest_jobs=_oldest(oldest, fresh, now),
        newest_completions=[_ended(each, now) for each in reversed(stats.newest)],
        api=api,
        errors=_errors(source, now),
        events=record.EventStatus(
            stats.events.written, stats.events.pending, cut_or_none(stats.events.obstacle, MESSAGE_CHARS)
        ),
        state_file=_state_file(source, now) if source.keeps_state else None,
    )


def _standing(own: TargetStats, fresh: bool) -> record.Standing:  # noqa: FBT001 (one of two)
    if own.refusal is not None:
        return "refused"
    if own.last_complete_at is not None and not fresh:
        return "stale"
    if own.outcome is None:
        return "ok" if fresh else "waiting"
    return "ok" if own.up else "failing"


def _target_counts(targets: Iterable[_Known]) -> record.TargetCounts:
    found = Counter(each.standing for each in targets)
    return record.TargetCounts(
        found.total(), found["ok"], found["waiting"], found["failing"], found["stale"], found["refused"]
    )


def _targets(targets: list[_Known], now: Instant) -> list[record.TargetStatus]:
    shown = sorted(targets, key=lambda each: _RANK[each.standing])[:MOST_TARGETS]
    return [_target(each, now) for each in shown]


def _target(known: _Known, now: Instant) -> record.TargetStatus:
    own = known.own
    return record.TargetStatus(
        **_place(known.target),
        standing=known.standing,
        outcome=own.outcome,
        last_complete_time=moment_or_none(own.last_complete_timestamp),
        last_complete_age_seconds=None if own.last_complete_at is None else elapsed(own.last_complete_at, now.mono),
        cycle_seconds=round(own.last_cycle_seconds, 3),
        full_scan=own.full_scan,
        error_code=cut_or_none(own.problem.code if own.problem else None),
        error_message=cut_or_none(own.problem.message if own.problem else None, MESSAGE_CHARS),
        active_jobs=None if known.active is None else _active(known.active.counts),
        listed_jobs=None if known.active is None else _by_word(own.listed),
    )


def _jobs(targets: list[_Known], now: Instant) -> record.JobStatus:
    active: Counter[Kind] = Counter()
    ended: Counter[Kind] = Counter()
    unresolved: Counter[str] = Counter()
    oldest: dict[Kind, int] = {}
    for each in targets:
        ended.update(each.own.finished)
        unresolved.update(each.own.unresolved)
        if each.active is not None:
            active.update(each.active.counts)
            for kind, since in each.active.oldest.items():
                oldest[kind] = min(since, oldest.get(kind, since))
    shown = [each for each in targets if each.active is not None]
    return record.JobStatus(
        targets_known=len(shown),
        active=_active(active),
        listed=_listed(shown),
        ended=_ended_counts(ended, unresolved.total()),
        by_type=_by_type(active, ended, unresolved, oldest, now),
    )


def _listed(targets: list[_Known]) -> dict[str, int]:
    """Add up the API's own counts of the states that all targets have one for."""
    sums: Counter[State] = Counter()
    having: Counter[State] = Counter()
    for each in targets:
        sums.update(each.own.listed)
        having.update(each.own.listed.keys())
    return _by_word({state: sums[state] for state in State if targets and having[state] == len(targets)})


def _by_type(
    active: Counter[Kind], ended: Counter[Kind], unresolved: Counter[str], oldest: Mapping[Kind, int], now: Instant
) -> list[record.TypeStatus]:
    """Tell of every type that has had a job; there are as many as the vocabulary has words."""
    found = {job_type for counts in (active, ended) for (job_type, _), count in counts.items() if count}
    return [
        record.TypeStatus(
            job_type=cut(job_type),
            active_jobs=_active({kind: active[kind] for kind in _kinds(job_type, _ACTIVE)}),
            oldest_pending_seconds=_age(oldest.get((job_type, State.PENDING)), now),
            oldest_running_seconds=_age(oldest.get((job_type, State.RUNNING)), now),
            ended_jobs=_ended_counts({kind: ended[kind] for kind in _kinds(job_type, _TERMINAL)}, unresolved[job_type]),
        )
        for job_type in sorted(found.union(job_type for job_type, count in unresolved.items() if count))
    ]


def _kinds(job_type: str, states: Iterable[State]) -> list[Kind]:
    return [(job_type, state) for state in states]


def _age(since: int | None, now: Instant) -> int | None:
    return None if since is None else elapsed(since, now.wall)


def _active(counts: Mapping[Kind, int]) -> record.ActiveCounts:
    found = _by_state(counts)
    return record.ActiveCounts(found[State.PENDING], found[State.RUNNING], found[State.UNKNOWN])


def _ended_counts(counts: Mapping[Kind, int], unresolved: int) -> record.EndedCounts:
    found = _by_state(counts)
    return record.EndedCounts(found[State.SUCCESS], found[State.FAILED], found[State.PARTIAL_SUCCESS], unresolved)


def _by_state(counts: Mapping[Kind, int]) -> Counter[State]:
    found: Counter[State] = Counter()
    for (_, state), count in counts.items():
        found[state] += count
    return found


def _by_word(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.lower(): count for state, count in counts.items()}


def _oldest(oldest: Iterable[Old], fresh: Mapping[Target, ActiveJobs], now: Instant) -> list[record.ActiveJob]:
    found = ((old, fresh[old.target].jobs.get(old.job_id)) for old in oldest if old.target in fresh)
    return [
        record.ActiveJob(
            **_place(old.target),
            job_id=cut(old.job_id, MESSAGE_CHARS),
            job_type=cut_or_none(run.job_type),
            state=run.state,
            create_time=moment_or_none(run.create_time),
            begin_time=moment_or_none(run.begin_time),
            age_seconds=elapsed(old.since, now.wall),
        )
        for old, run in found
        if run is not None
    ]


def _ended(ending: Ending, now: Instant) -> record.EndedJob:
    begun, ended = ending.begin_time, ending.end_time
    return record.EndedJob(
        **_place(ending.target),
        job_id=cut(ending.job_id, MESSAGE_CHARS),
        job_type=cut_or_none(ending.job_type),
        state=ending.state,
        timestamp=moment(ending.seen_at),
        age_seconds=elapsed(ending.seen_at, now.wall),
        end_time=moment_or_none(ended),
        run_seconds=None if begun is None or ended is None else max(0, ended - begun),
        error_message=cut_or_none(ending.error_message, MESSAGE_CHARS),
    )


def _api(source: Source, now: Instant) -> record.ApiStatus:
    api = source.stats.api
    counts = api.requests.most_common(MOST_CODES)
    trouble, rate = api.trouble, api.rate_limit
    since = None if trouble is None else elapsed(trouble.since, now.mono)
    return record.ApiStatus(
        requests=api.requests.total(),
        failed_requests=sum(count for (_, code), count in api.requests.items() if code != "0"),
        rows_skipped=api.rows_skipped,
        rate_limit=round(rate, 2),
        max_rps=source.max_rps,
        throttled=rate < source.max_rps,
        failing_since=None if since is None else moment(now.wall - since),
        failing_seconds=since,
        error_message=None if trouble is None else cut(trouble.problem, MESSAGE_CHARS),
        codes=[record.CodeCount(cut(action), cut(code), count) for (action, code), count in counts],
    )


def _errors(source: Source, now: Instant) -> list[record.ErrorStatus]:
    return [
        record.ErrorStatus(
            **_place(error.target),
            error_code=cut(code),
            error_message=cut(error.message, MESSAGE_CHARS),
            cycles=error.cycles,
            first_time=moment(error.first),
            last_time=moment(error.last),
            last_age_seconds=elapsed(error.last, now.wall),
        )
        for code, error in reversed(source.stats.errors.items())
    ]


def _state_file(source: Source, now: Instant) -> record.StateFileStatus:
    state = source.stats.state
    return record.StateFileStatus(
        last_save_time=moment_or_none(state.last_save),
        last_save_age_seconds=None if state.last_save is None else elapsed(state.last_save, now.wall),
        save_failures=state.failures,
        error_message=cut_or_none(state.problem, MESSAGE_CHARS),
    )


def _place(target: Target) -> _Place:
    return {
        "project_id": cut_or_none(target.project_id),
        "region": cut_or_none(target.region),
        "city_id": cut_or_none(target.city_id),
        "product_type": cut(target.product_type),
    }
