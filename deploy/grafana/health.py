"""Is all well? One number for each thing that an operator would be called for, and what led to it."""

from typing import Final

from deploy.grafana.fields import ORANGE, RED, YELLOW
from deploy.grafana.panels import Panel, Query, graph, linked, stat, timeline
from deploy.grafana.selectors import OF_JOBS, OF_POLLER, OF_TARGET, TARGET, counted

_UP: Final = f"max by ({TARGET}) (uphone_target_up{{{OF_TARGET}}})"
_SINCE_COMPLETE: Final = f"time() - max by ({TARGET}) (uphone_target_last_success_timestamp_seconds{{{OF_TARGET}}})"

_RATE: Final = "max by (instance, action, code) (rate(uphone_api_requests_total{{{labels}}}[$__rate_interval]))"
_REQUESTS: Final = f"sum by (instance) ({_RATE})"
_ALL_REQUESTS: Final = _REQUESTS.format(labels=OF_POLLER)
_THROTTLED: Final = _REQUESTS.format(labels=f'{OF_POLLER}, code=~"153|http_429"')

HEALTH: Final[tuple[Panel, ...]] = (
    linked(
        stat(
            "Targets down",
            "Targets whose last cycle was not complete at any poller. Jobs that end meanwhile are reported once it "
            "is. An API that does not answer at all holds a cycle up: that shows in the time since the last complete "
            "one alone.",
            f"sum(1 - {_UP})",
            thresholds=[(1, RED)],
        ),
        "UPhoneTargetDown",
    ),
    linked(
        stat(
            "Pollers down",
            "Pollers that Prometheus cannot scrape. Their jobs are not watched unless another poller has the same "
            "targets.",
            f"sum(1 - max by (instance) (up{{{OF_POLLER}}}))",
            thresholds=[(1, RED)],
        ),
        "UPhonePollerDown",
    ),
    linked(
        stat(
            "Last complete cycle",
            "Time since the last complete cycle of the target that has waited longest. It is normally below the "
            "interval plus a cycle's duration; the colours suit the default interval of 10 s.",
            f"max({_SINCE_COMPLETE})",
            unit="s",
            thresholds=[(60, YELLOW), (600, RED)],
        ),
        "UPhoneNoCompleteCycle",
    ),
    linked(
        stat(
            "Throttled",
            "Share of the requests that the API refused for their number (RetCode 153 or HTTP 429), at the poller that "
            "was refused most. The poller slows down by itself; if this stays up, something else uses the same quota.",
            f"max(({_THROTTLED} or 0 * {_ALL_REQUESTS}) / {_ALL_REQUESTS})",
            unit="percentunit",
            thresholds=[(0.01, YELLOW), (0.1, ORANGE)],
        ),
        "UPhoneThrottled",
    ),
    linked(
        stat(
            "Events pending",
            "Event lines that wait to be written, at the poller that has most. If it stays above 0, the reader of "
            "stdout has stalled or the disk is full, and polling waits with it.",
            f"max(uphone_poller_events_pending{{{OF_POLLER}}})",
            thresholds=[(1, YELLOW), (100, RED)],
        ),
        "UPhoneEventsStuck",
    ),
    linked(
        stat(
            "State saved",
            "Time since the state file had all of the state, at the poller that has waited longest. It is saved in "
            "every cycle, changed or not. A kill now would repeat the events since then, under their ids.",
            f"max(time() - max by (instance) (uphone_poller_state_last_save_timestamp_seconds{{{OF_POLLER}}}))",
            unit="s",
            thresholds=[(60, YELLOW), (900, RED)],
            empty="no file",
        ),
        "UPhoneStateNotSaved",
    ),
    linked(
        stat(
            "Failed saves",
            "Attempts to save the state file that failed within the time range, at the poller that had most.",
            f"max(increase(uphone_poller_state_save_failures_total{{{OF_POLLER}}}[$__range]))",
            thresholds=[(1, ORANGE)],
        ),
        "UPhoneStateSaveFailing",
    ),
    linked(
        stat(
            "Unresolved jobs",
            "Jobs that were active and that the API no longer knows, within the time range: nobody can say how they "
            "ended.",
            f"round(sum({counted('uphone_jobs_unresolved_total', '$__range', OF_JOBS, f'{TARGET}, job_type')}))",
            thresholds=[(1, YELLOW)],
        ),
        "UPhoneJobsUnresolved",
    ),
    timeline(
        "Targets",
        "Whether the last cycle of each target was complete, at any poller.",
        Query(expr=_UP, legend="{{project_id}} {{city_id}} {{product_type}}"),
        states=[("0", "down", RED), ("1", "up", "green")],
    ),
    graph(
        "Time since the last complete cycle",
        "By target. It falls to 0 with each complete cycle. After a minute without (or five intervals, "
        "or five times the last cycle's duration, if that is longer) the target's jobs are no longer shown below.",
        Query(expr=_SINCE_COMPLETE, legend="{{project_id}} {{city_id}} {{product_type}}"),
        unit="s",
        width=12,
        thresholds=[(60, YELLOW), (600, RED)],
    ),
)
