"""``poller jobs``: what jobs there are, as a table or as JSON lines."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import anyio
import click

from poller.cli.interrupts import interruptible
from poller.cli.options import EPILOG, load, with_settings
from poller.cli.printing import Stdout, lasting, remark, table
from poller.cli.wait import LOG_SECONDS, UNREACHABLE, now
from poller.config import Settings, duration
from poller.credentials import CredentialSource
from poller.lifecycle import ACTIVE
from poller.logs import configure
from poller.models import Sighting, State
from poller.stats import ApiStats
from poller.waiting import Found, Listed, Places, Wanted, encode_row, find_places, job_ids, list_jobs, open_api
from poller.wire import line

_ALL_ANSWERED: Final = 0
_UNWRITTEN: Final = 70
_STATES: Final = tuple(state for state in State if state is not State.UNKNOWN)
_MOST_NAMED: Final = 20


def _since(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float:
    """Return Unix seconds."""
    if text is None:
        return 0.0
    try:
        return time.time() - duration(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


def _ids(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return job_ids(texts)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


@click.command(epilog=EPILOG, short_help="List jobs as a table, with filters, or as JSON lines.")
@click.option(
    "--state",
    "states",
    type=click.Choice(_STATES, case_sensitive=False),
    multiple=True,
    metavar="STATE",
    help=f"Only jobs in this state, one of {', '.join(_STATES)}; may be repeated.",
)
@click.option("--type", "job_types", metavar="TYPE", multiple=True, help="Only jobs of this type; may be repeated.")
@click.option(
    "--since",
    metavar="DURATION",
    callback=_since,
    help="Of those that have ended, only those of the last 30m, 2h or 1d.",
)
@click.option("--job-id", "ids", metavar="JOB_ID", multiple=True, callback=_ids, help="Only this job; may be repeated.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="COUNT", default=50, show_default=True, help="The most jobs to list."
)
@click.option("--json", "as_json", is_flag=True, help="Write a line of JSON for each job, and no table.")
@with_settings
def jobs(flags: Mapping[str, str], *, as_json: bool, **filters: Any) -> int:  # noqa: ANN401 (checked by click)
    """List the jobs that wait or run, and those that have ended last: as many as --limit allows, active ones first and
    of each kind the newest first.

    \b
    Examples:
      export UCLOUD_PUBLIC_KEY=... UCLOUD_PRIVATE_KEY=... POLLER_CITY_IDS=cn-hangzhou
      poller jobs                                                what there is
      poller jobs --state FAILED --state PARTIAL_SUCCESS         what went wrong last, and why
      poller jobs --state FAILED --since 1d --limit 1000 --json  the same of a day, for a program
      poller jobs --job-id uj-7c1e5b2f9d04                       one job

    The columns: DURATION is how long a job has waited since it was created, or has run since it began. TASKS are those
    that are over, of all. ERROR is the reason that the first failed task gives. TARGET is shown where there are
    several.

    \b
    The exit code:
      0    listed
      2    wrong usage or configuration: one line names the argument or the setting
      5    some target did not answer, or refuses the request; what the others told is listed
      70   an internal error
      130  interrupted by Ctrl-C (143: by SIGTERM)

    With --json each line has the fields that `poller schema` describes for a job that has ended, as far as they make
    sense in any state: job_id, job_type, state, project_id, region, city_id, product_type, create_time, begin_time,
    end_time, queue_seconds, run_seconds, app_version_id, uphone_ids, tasks, error_message and failed_tasks.

    Waiting and running jobs are read whole. Those that have ended are read from their newest end, if the first pages
    show an order; else whole, which may take a while where there are many.
    """  # noqa: D205, D301 (the first paragraph is one to click, and \b is its own)
    settings, source = load(flags)
    for warning in settings.warnings:
        remark(f"warning: {warning}")
    wanted = Wanted(
        limit=filters["limit"],
        states=frozenset(map(State, filters["states"])),
        job_types=filters["job_types"],
        job_ids=filters["ids"],
        since=filters["since"],
    )
    diagnostics = configure(settings.log_level, settings.log_format, redact=source.secrets)
    try:
        return anyio.run(partial(_list, settings, source, wanted, as_json=as_json))
    finally:
        diagnostics.flush(LOG_SECONDS)


async def _list(settings: Settings, source: CredentialSource, wanted: Wanted, *, as_json: bool) -> int:
    code = UNREACHABLE
    async with open_api(settings, source.current, ApiStats()) as api, interruptible() as interruption:
        places = await find_places(settings.targets, api)
        listed = await list_jobs(places.targets, wanted, api, now=now, window=settings.concurrency)
        code = _print(places, listed, wanted, as_json=as_json)
    return interruption.exit_code or code


def _print(places: Places, listed: Listed, wanted: Wanted, *, as_json: bool) -> int:
    out, several = Stdout(), len(places.targets) > 1
    lines = [encode_row(found.row) for found in listed.jobs] if as_json else _table(listed.jobs, several=several)
    for text in lines:
        out.put(text)
    if out.problem:
        remark(f"error: stdout: {out.problem}")
        return _UNWRITTEN
    problems = [*((place.target, place.problem) for place in places.unknown), *listed.problems]
    if not listed.jobs and not problems and not listed.missing:
        remark("there is no such job")
    _remark_on(listed, wanted)
    for target, problem in problems:
        remark(f"error: {target}: {problem}")
    return UNREACHABLE if problems else _ALL_ANSWERED


def _remark_on(listed: Listed, wanted: Wanted) -> None:
    if listed.more:
        remark(f"there are more than the {wanted.limit} that are listed: raise --limit")
    for hole in listed.holes:
        remark(f"warning: {hole}: the listing could not be read without a hole, so jobs may be missing")
    for job_id in listed.missing[:_MOST_NAMED]:
        remark(f"{line(job_id)} is not known to the API")
    if len(listed.missing) > _MOST_NAMED:
        remark(f"and {len(listed.missing) - _MOST_NAMED} more likewise")


def _table(jobs: Sequence[Found], *, several: bool) -> list[str]:
    if not jobs:
        return []
    headings = ["JOB", "TYPE", "STATE", *(["TARGET"] if several else []), "CREATED", "DURATION", "TASKS", "ERROR"]
    rows = [headings, *(_row(found, several=several) for found in jobs)]
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    return table(rows)


def _row(found: Found, *, several: bool) -> list[str]:
    job, row = found.job, found.row
    tasks = "-" if row.tasks is None else f"{row.tasks.success + row.tasks.failed}/{row.tasks.total}"
    return [
        job.job_id,
        job.job_type or "-",
        job.state,
        *([str(found.target)] if several else []),
        _clock(job.create_time),
        _duration(job),
        tasks,
        row.error_message or "",
    ]


def _clock(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _duration(job: Sighting) -> str:
    since = job.create_time if job.state is State.PENDING else job.begin_time
    until = time.time() if job.state in ACTIVE else job.end_time
    return "-" if since is None or until is None else lasting(until - since)
