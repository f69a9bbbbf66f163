"""The parts of the page that tell of targets, and of requests to the API."""

from typing import Final

from poller.web.status.markup import Markup, element, outside
from poller.web.status.places import WHOLE, Places
from poller.web.status.record import ApiStatus, Standing, Status, TargetStatus
from poller.web.status.tables import Column, badge, figure, none, section, table
from poller.web.status.words import duration

_TONES: Final[dict[Standing, str]] = {
    "refused": "bad",
    "stale": "bad",
    "failing": "warn",
    "waiting": "idle",
    "ok": "good",
}


def targets(status: Status) -> Markup:
    """Show the targets, those in trouble first."""
    counts = status.target_counts
    if not counts.total:
        return section("Targets", none("None is known yet."), name="targets")
    columns = [
        Column("Target"),
        Column("Standing", "badged"),
        Column("Complete", "number"),
        Column("Took", "number"),
        Column("Waiting", "number"),
        Column("Running", "number"),
        Column("Trouble", "wide"),
    ]
    caption = f"A cycle every {status.interval_seconds:g} s; those in trouble come first"
    listing = table(caption, columns, [_target(each) for each in status.targets])
    left = counts.total - len(status.targets)
    more = [element("p", f"and {left:,} more", class_="more")] if left else []
    return section("Targets", listing, *more, name="targets")


def _target(target: TargetStatus) -> list[str]:
    age, active = target.last_complete_age_seconds, target.active_jobs
    return [
        WHOLE.name(target),
        badge(target.standing, _TONES[target.standing]),
        "never" if age is None else f"{duration(age)} ago",
        "" if target.outcome is None else f"{target.cycle_seconds:.1f} s",
        f"{active.pending:,}" if active else "",
        f"{active.running:,}" if active else "",
        outside(_trouble(target)),
    ]


def _trouble(target: TargetStatus) -> str:
    if target.error_message:
        return target.error_message
    return "a listing has no order, so it is read whole again and again" if target.full_scan else ""


def requests(status: Status) -> Markup:
    """Show what has come of requests to the API."""
    api = status.api
    figures = element(
        "dl",
        figure("Requests", f"{api.requests:,}", f"{api.failed_requests:,} failed"),
        figure("Rate allowed", f"{api.rate_limit:g}/s", _pace(api), tone="warn" if api.throttled else ""),
        figure("Rows skipped", f"{api.rows_skipped:,}", tone="warn" if api.rows_skipped else ""),
    )
    columns = [Column("Code", "mono code"), Column("Action", "mono id"), Column("Requests", "number")]
    rows = [[outside(each.code), outside(each.action), f"{each.requests:,}"] for each in api.codes]
    listing = [table("By RetCode, or what came in its place", columns, rows)] if rows else []
    return section("Requests to the API", figures, *listing, name="requests", full=False)


def _pace(api: ApiStatus) -> str:
    return f"throttled, else {api.max_rps:g}/s" if api.throttled else "the full rate"


def errors(status: Status, places: Places) -> Markup:
    """Show what has kept cycles from being complete; ``places`` names the target of the last one."""
    if not status.errors:
        return section("Errors", none("Every cycle so far has been complete."), name="errors", full=False)
    columns = [
        Column("Code", "mono code"),
        Column("Cycles", "number"),
        Column("Last", "number"),
        Column("Last message", "wide"),
    ]
    if places:
        columns.append(Column("Last target", "place"))
    rows = [
        [
            outside(each.error_code),
            f"{each.cycles:,}",
            f"{duration(each.last_age_seconds)} ago",
            outside(each.error_message),
            *places.cells(each),
        ]
        for each in status.errors
    ]
    caption = "What has kept cycles from being complete, the newest first"
    return section("Errors", table(caption, columns, rows), name="errors", full=False)
