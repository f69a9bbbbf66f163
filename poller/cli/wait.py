"""``poller wait``: block until jobs have ended, and tell by the exit code how."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import anyio
import click

from poller import events
from poller.cli.interrupts import interruptible
from poller.cli.options import EPILOG, load, with_settings
from poller.cli.printing import Stdout, remark, table
from poller.cli.waiting_screen import Bar, Lines, open_screen
from poller.config import Settings
from poller.config.values import positive_duration
from poller.credentials import CredentialSource
from poller.events import JobEvent, JobFinished
from poller.logs import configure
from poller.models import Instant
from poller.stats import Stats
from poller.waiting import Open, Result, Wait, job_ids, open_api
from poller.wire import line

ALL_SUCCESS: Final = 0
SOME_FAILED: Final = 1
TIMED_OUT: Final = 3
UNKNOWN_JOB: Final = 4
UNREACHABLE: Final = 5
_UNWRITTEN: Final = 70

LOG_SECONDS: Final = 0.5
"""How long diagnostics may still be written at the end. Not `poller.cli.run`'s, which brings the daemon along."""

_STDIN: Final = "-"
_LOOK_EVERY: Final = 0.5
_MOST_NAMED: Final = 20


def _timeout(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return positive_duration(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


def _ids(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        ids = job_ids(_with_those_of_stdin(texts))
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem
    if not ids:
        raise click.BadParameter("stdin has no job id: give one a line")
    return ids


def _with_those_of_stdin(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if text == _STDIN:
            yield from sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape").split()
        else:
            yield text


@click.command(epilog=EPILOG, short_help="Block until jobs have ended, and tell by the exit code how.")
@click.argument("ids", metavar="JOB_ID...", nargs=-1, required=True, callback=_ids)
@click.option(
    "--timeout",
    metavar="DURATION",
    callback=_timeout,
    help="Give up after so long, such as 90s, 10m or 1h30m. Unless set, there is no limit.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines to stdout, one for each job as it ends.")
@with_settings
def wait(flags: Mapping[str, str], ids: tuple[str, ...], timeout: float | None, *, as_json: bool) -> int:
    """Block until all of the jobs have ended. A JOB_ID is what the action that made the job has returned; - reads ids
    from stdin, separated by blanks or lines. A job that had ended before is told at once.

    \b
    Examples:
      export UCLOUD_PUBLIC_KEY=... UCLOUD_PRIVATE_KEY=... POLLER_CITY_IDS=cn-hangzhou
      poller wait uj-7c1e5b2f9d04                        one job, for as long as it takes
      poller wait "$JOB_ID" --timeout 10m || exit        a step of a pipeline
      cat ids.txt | poller wait - --json > ended.jsonl   many jobs, for a program

    \b
    The exit code; where several apply, the first of 5, 4, 3 and 1:
      0    every job has ended in SUCCESS
      1    some job has ended in FAILED or PARTIAL_SUCCESS
      2    wrong usage or configuration: one line names the argument or the setting
      3    the timeout has passed
      4    the API does not know some job
      5    the API cannot be reached, or refuses the credentials
      70   an internal error
      130  interrupted by Ctrl-C (143: by SIGTERM)

    stdout has a line for each job as it ends, and in the end a table of the tasks that failed, with their reasons. With
    --json it has nothing but the records that `poller schema` describes and `poller run` writes: job.finished, with the
    failed tasks in it, or job.unresolved for a job that the API does not know. stderr has the progress: a bar on a
    terminal, else a line every ten seconds at most.

    Jobs are looked for in every configured target (city and product type), a hundred ids a request: after 1 s at first,
    later after a tenth of the time waited so far, and never less often than POLLER_INTERVAL. No answer at all counts
    as unreachable at once, or 10 minutes after the last answer; refused credentials likewise, or after 1 minute.
    At the timeout, a target whose last look failed counts as unreachable.

    A job counts as unknown when three answers over at least a minute lack it although they have another job that is
    known to exist; over ten minutes where the target has no such other.
    """  # noqa: D205, D301 (the first paragraph is one to click, and \b is its own)
    settings, source = load(flags)
    for warning in settings.warnings:
        remark(f"warning: {warning}")
    diagnostics = configure(settings.log_level, settings.log_format, redact=source.secrets)
    try:
        return anyio.run(partial(_wait, settings, source, ids, within=timeout, as_json=as_json))
    finally:
        diagnostics.flush(LOG_SECONDS)


async def _wait(
    settings: Settings, source: CredentialSource, ids: Sequence[str], *, within: float | None, as_json: bool
) -> int:
    out, screen, stats = Stdout(), open_screen(), Stats(interval=settings.interval)

    def tell(event: JobEvent) -> None:
        screen.clear()
        if as_json:
            out.put(events.encode(event).removesuffix(b"\n"))
        elif isinstance(event, JobFinished):
            _print_end(event, out)

    async with open_api(settings, source.current, stats.api) as api:
        waiting = Wait(
            ids,
            settings.targets,
            api,
            tell=tell,
            now=now,
            stats=stats,
            window=settings.concurrency,
            execute_messages=settings.execute_messages,
        )
        async with interruptible() as interruption, anyio.create_task_group() as group:
            group.start_soon(_show, waiting, screen)
            with anyio.move_on_after(within):
                await waiting.run()
            await waiting.part()
            group.cancel_scope.cancel()
    screen.clear()
    result = waiting.result()
    if not as_json:
        _print_failures(result.ended, out)
    _sum_up(result)
    if out.problem:
        remark(f"error: stdout: {out.problem}")
        return _UNWRITTEN
    return interruption.exit_code or exit_code(result)


def now() -> Instant:
    """Read both clocks, in the event loop."""
    return Instant(time.time(), anyio.current_time())


async def _show(waiting: Wait, screen: Lines | Bar) -> None:
    began = anyio.current_time()
    while True:
        screen.show(waiting.progress(), anyio.current_time() - began)
        await anyio.sleep(_LOOK_EVERY)


def exit_code(result: Result) -> int:
    """Tell how a wait went."""
    if result.problem is not None:
        return UNREACHABLE
    if result.unknown:
        return UNKNOWN_JOB
    if result.open:
        return TIMED_OUT
    return ALL_SUCCESS if all(event.state == "SUCCESS" for event in result.ended) else SOME_FAILED


def _print_end(event: JobFinished, out: Stdout) -> None:
    out.put(line(event.message))


_HEADINGS: Final = ("JOB", "TASK", "PHONE OR SERVER", "REASON")


def _print_failures(ended: Iterable[JobFinished], out: Stdout) -> None:
    """Print a table of the tasks that failed."""
    rows = [row for event in ended if event.state != "SUCCESS" for row in _failures(event)]
    if rows:
        for text in ("", *table([_HEADINGS, *rows])):
            out.put(text)


def _failures(event: JobFinished) -> Iterator[tuple[str, ...]]:
    if not event.failed_tasks:
        yield event.job_id, "-", "-", "the API names no task that failed"
    for task in event.failed_tasks:
        yield event.job_id, task.task_id or "-", task.uphone_id or task.server_id or "-", task.error_message or "-"


def _sum_up(result: Result) -> None:
    states = Counter(event.state for event in result.ended)
    jobs = len(result.ended) + len(result.unknown) + len(result.open)
    ended = [f"{count} {state}" for state, count in states.items()]
    remark(f"{len(result.ended)} of {jobs} {'job has' if jobs == 1 else 'jobs have'} ended" + _listed(ended))
    _name([f"{line(job_id)} is not known to the API" for job_id in result.unknown])
    _name([_told(each) for each in result.open])
    if result.problem is not None:
        remark(f"error: {result.problem}")


def _told(job: Open) -> str:
    if job.state is None:
        return f"{line(job.job_id)} has not been seen"
    tasks = f", {job.tasks.done} of {job.tasks.total} tasks done" if job.tasks.total else ""
    return f"{line(job.job_id)} is {job.state}{tasks}"


def _listed(parts: Sequence[str]) -> str:
    return f": {', '.join(parts)}" if parts else ""


def _name(remarks: Sequence[str]) -> None:
    for text in remarks[:_MOST_NAMED]:
        remark(text)
    if len(remarks) > _MOST_NAMED:
        remark(f"and {len(remarks) - _MOST_NAMED} more likewise")
