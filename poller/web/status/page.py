"""The status page: one document, made on the server, that reloads itself."""

from datetime import datetime
from typing import Final

from poller.web.status.jobs import newest, oldest, types
from poller.web.status.markup import Markup, element, join, style
from poller.web.status.places import telling_apart
from poller.web.status.record import Condition, EventStatus, Status
from poller.web.status.style import SHEET
from poller.web.status.tables import figure
from poller.web.status.targets import errors, requests, targets
from poller.web.status.words import counted, duration

_TONES: Final[dict[Condition, str]] = {"ok": "good", "starting": "idle", "degraded": "warn", "down": "bad"}
_COLOURS: Final = {"good": "10692f", "idle": "667085", "warn": "d98a00", "bad": "c62828"}
_WORDS: Final[dict[Condition, str]] = {
    "ok": "All is well",
    "starting": "Starting",
    "degraded": "Something is amiss",
    "down": "Nothing is known of any job",
}
_NAME: Final = "UPhone job poller"


def render(status: Status, *, refresh_seconds: int | None) -> str:
    """Return the document; without ``refresh_seconds`` it stays as it is."""
    body = element("body", _header(status, refresh_seconds), _main(status), _footer())
    return "<!doctype html>\n" + element("html", _head(status, refresh_seconds), body, lang="en")


def _head(status: Status, refresh_seconds: int | None) -> Markup:
    refresh = [] if refresh_seconds is None else [element("meta", http_equiv="refresh", content=str(refresh_seconds))]
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        *refresh,
        element("title", f"{_summary(status)} - {_NAME}"),
        element("link", rel="icon", href=_icon(_TONES[status.status])),
        style(SHEET),
    )


def _icon(tone: str) -> str:
    return (
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
        f"%3Ccircle cx='8' cy='8' r='7' fill='%23{_COLOURS[tone]}'/%3E%3C/svg%3E"
    )


def _summary(status: Status) -> str:
    counts = status.target_counts
    troubled = counts.total - counts.ok - counts.waiting
    if troubled:
        return f"{troubled} of {counted(counts.total, 'target')} in trouble"
    return _WORDS[status.status]


def _header(status: Status, refresh_seconds: int | None) -> Markup:
    if refresh_seconds is None:
        turning = join("it does not reload itself · ", element("a", "reload every few seconds", href="/"))
    else:
        turning = join(f"reloads every {refresh_seconds} s · ", element("a", "hold", href="/?refresh=off"))
    about = f"version {status.version} · up {duration(status.uptime_seconds)} · as of "
    return element("header", element("h1", _NAME), element("p", about, _clock(status.timestamp), " · ", turning))


def _clock(time: datetime) -> Markup:
    return element("time", f"{time:%Y-%m-%d %H:%M:%S} UTC", datetime=time.isoformat())


def _main(status: Status) -> Markup:
    places = telling_apart([*status.targets, *status.oldest_jobs, *status.newest_completions, *status.errors])
    return element(
        "main",
        _state(status),
        element("section", _figures(status), class_="full", aria_label="In numbers"),
        targets(status),
        oldest(status, places),
        newest(status, places),
        types(status),
        requests(status),
        errors(status, places),
    )


def _state(status: Status) -> Markup:
    lines = [element("li", element("bdi", line)) for line in status.problems]
    if status.ready_reason:
        lines.append(element("li", f"Not ready: {status.ready_reason}"))
    listing = [element("ul", *lines)] if lines else []
    return element(
        "section",
        element("h2", _WORDS[status.status], id="state"),
        *listing,
        class_=f"full state {_TONES[status.status]}",
        aria_labelledby="state",
    )


def _figures(status: Status) -> Markup:
    ended, counts = status.jobs.ended, status.target_counts
    bad = ended.failed + ended.partial_success + ended.unresolved
    return element(
        "dl",
        figure("Targets up", f"{counts.ok:,} of {counts.total:,}", tone="" if counts.ok == counts.total else "warn"),
        *_active_figures(status),
        figure("Succeeded", f"{ended.success:,}", "since the start"),
        figure(
            "Did not succeed",
            f"{bad:,}",
            f"{ended.failed:,} failed, {ended.partial_success:,} in part, {ended.unresolved:,} unresolved",
        ),
        _event_figure(status.events),
        *_saves(status),
    )


def _event_figure(events: EventStatus) -> Markup:
    if events.obstacle:
        return figure("Events waiting", f"{events.pending:,}", f"{events.written:,} written", tone="bad")
    return figure(
        "Events written", f"{events.written:,}", f"{events.pending:,} waiting" if events.pending else "none waiting"
    )


def _active_figures(status: Status) -> list[Markup]:
    jobs = status.jobs
    if not jobs.targets_known:
        return [figure("Active jobs", "?", "not known")]
    figures = [
        figure("Waiting", f"{jobs.active.pending:,}", _listed(status, "pending")),
        figure("Running", f"{jobs.active.running:,}", _listed(status, "running")),
    ]
    if jobs.active.unknown:
        figures.append(figure("In other states", f"{jobs.active.unknown:,}", tone="warn"))
    return figures


def _listed(status: Status, state: str) -> str:
    count = status.jobs.listed.get(state)
    partly = status.jobs.targets_known < status.target_counts.total
    of = f"of {counted(status.jobs.targets_known, 'target')}" if partly else ""
    return of if count is None else f"the API counts {count:,}"


def _saves(status: Status) -> list[Markup]:
    state = status.state_file
    if state is None:
        return [figure("State file", "none", "memory ends with the process")]
    age = state.last_save_age_seconds
    saved = "not yet" if age is None else f"{duration(age)} ago"
    failures = f"{counted(state.save_failures, 'save')} failed" if state.save_failures else "no save has failed"
    return [figure("State saved", saved, failures, tone="bad" if state.error_message else "")]


def _footer() -> Markup:
    paths = ("/status.json", "/metrics", "/livez", "/readyz")
    return element("footer", element("nav", *(element("a", path, href=path) for path in paths), aria_label="Endpoints"))
