"""The parts of the page that tell of jobs."""

from typing import Final

from poller.web.status.markup import Markup, outside
from poller.web.status.places import Places
from poller.web.status.record import ActiveJob, EndedJob, Status, TypeStatus
from poller.web.status.tables import Column, badge, none, section, table
from poller.web.status.words import duration

_TONES: Final = {"SUCCESS": "good", "FAILED": "bad", "PARTIAL_SUCCESS": "warn", "RUNNING": "idle", "PENDING": "idle"}


def oldest(status: Status, places: Places) -> Markup:
    """Show the active jobs that have waited or run the longest; ``places`` names their targets."""
    jobs = status.oldest_jobs
    if not jobs:
        words = (
            "There is no active job."
            if status.jobs.targets_known
            else "Not known: no target has had a complete cycle lately."
        )
        return section("Oldest active jobs", none(words), name="oldest")
    columns = [Column("Job", "mono id"), Column("Type", "mono id"), Column("State", "badged"), Column("For", "number")]
    if places:
        columns.append(Column("Target", "place"))
    rows = [[*_old(job), *places.cells(job)] for job in jobs]
    return section("Oldest active jobs", table("Waiting or running the longest", columns, rows), name="oldest")


def _old(job: ActiveJob) -> list[str]:
    return [outside(job.job_id), outside(job.job_type or ""), _state(job.state), duration(job.age_seconds)]


def newest(status: Status, places: Places) -> Markup:
    """Show the jobs that were reported last."""
    if not status.newest_completions:
        return section("Newest completions", none("None since the start."), name="newest")
    columns = [
        Column("Job", "mono id"),
        Column("Type", "mono id"),
        Column("State", "badged"),
        Column("Seen", "number"),
        Column("Ran", "number"),
        Column("First error", "wide"),
    ]
    if places:
        columns.append(Column("Target", "place"))
    rows = [[*_new(job), *places.cells(job)] for job in status.newest_completions]
    return section("Newest completions", table("The newest first", columns, rows), name="newest")


def _new(job: EndedJob) -> list[str]:
    return [
        outside(job.job_id),
        outside(job.job_type or ""),
        _state(job.state),
        f"{duration(job.age_seconds)} ago",
        "" if job.run_seconds is None else duration(job.run_seconds),
        outside(job.error_message) if job.error_message else _gone(job),
    ]


def _gone(job: EndedJob) -> str:
    return "" if job.state else "no longer known to the API"


def _state(state: str | None) -> Markup:
    return badge(state or "unresolved", _TONES.get(state or "", "warn"))


def types(status: Status) -> Markup:
    """Show jobs by type."""
    if not status.jobs.by_type:
        return section("Jobs by type", none("No job has been seen yet."), name="types")
    columns = [
        Column("Type", "mono id"),
        *(Column(title, "number") for title in ("Waiting", "Longest wait", "Running", "Longest run", "Other")),
        *(Column(title, "number") for title in ("Succeeded", "Failed", "In part", "Unresolved")),
    ]
    rows = [_type(each) for each in status.jobs.by_type]
    return section("Jobs by type", table("Active now, and ended since the start", columns, rows), name="types")


def _type(each: TypeStatus) -> list[str]:
    active, ended = each.active_jobs, each.ended_jobs
    return [
        outside(each.job_type),
        _count(active.pending),
        _age(each.oldest_pending_seconds),
        _count(active.running),
        _age(each.oldest_running_seconds),
        _count(active.unknown),
        *map(_count, (ended.success, ended.failed, ended.partial_success, ended.unresolved)),
    ]


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _age(seconds: int | None) -> str:
    return "" if seconds is None else duration(seconds)
