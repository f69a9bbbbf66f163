"""The jobs: how many are active, how they end, and how long they take."""

from typing import Final

from deploy.grafana.fields import ORANGE, RED, YELLOW, colored, dashed
from deploy.grafana.panels import Panel, Query, graph, heatmap, linked, table
from deploy.grafana.selectors import NO_CITY, OF_JOBS, OF_PRODUCT, OF_TARGET, TARGET, counted, quantile

_ACTIVE: Final = f"max by ({TARGET}, job_type, state) (uphone_jobs{{{OF_JOBS}}})"
_LISTED: Final = f'max by ({TARGET}, state) (uphone_jobs_listed{{{OF_TARGET}, state=~"PENDING|RUNNING"}})'
_OLDEST: Final = f"max by ({TARGET}, job_type, state) (uphone_oldest_job_age_seconds{{{OF_JOBS}}})"

_BAD: Final = f'{OF_JOBS}, state=~"FAILED|PARTIAL_SUCCESS"'
_FAILED: Final = f'{OF_JOBS}, state="FAILED"'
_FINISHED: Final = "uphone_jobs_finished_total"
_TASKS: Final = "uphone_tasks_finished_total"
_RATE: Final = f"max by ({TARGET}, job_type, state) (rate({_FINISHED}{{{OF_JOBS}}}[$__rate_interval]))"

_OF_TYPE: Final = f'{OF_PRODUCT}, job_type=~"$job_type"'
_QUEUE: Final = "project_id, product_type, job_type"
_RUN: Final = f"{_QUEUE}, state"

_STATES: Final = (
    colored("^PENDING$", YELLOW),
    colored("^RUNNING$", "blue"),
    colored("^UNKNOWN$", "purple"),
    colored("^SUCCESS$", "green"),
    colored("^PARTIAL_SUCCESS$", ORANGE),
    colored("^FAILED$", RED),
)


def _share(bad: str, all_: str) -> str:
    return f"{bad} / on () group_left () (sum({all_}) > 0)"


def _buckets(metric: str, by: str) -> str:
    return f"sum by (le) ({counted(f'{metric}_bucket', '$__rate_interval', _OF_TYPE, f'{by}, le')})"


JOBS: Final[tuple[Panel, ...]] = (
    graph(
        "Active jobs by state",
        "Jobs known to wait or run. The dashed lines are the API's own counts, one on the other too, where those "
        "have proved right: if they stay above the areas, some jobs are not seen. They know no job type, so that "
        "variable moves the areas alone.",
        Query(expr=f"sum by (state) ({_ACTIVE})", legend="{{state}}"),
        Query(expr=f"sum by (state) ({_LISTED})", legend="{{state}} by the API"),
        stack=True,
        width=7,
        overrides=(*_STATES, dashed("by the API$", stack=True)),
    ),
    graph(
        "Active jobs by type",
        "Jobs known to wait or run, of each type that has some. After 32 types the rest counts as `other`.",
        Query(expr=f"sum by (job_type) ({_ACTIVE}) > 0", legend="{{job_type}}"),
        stack=True,
        width=7,
    ),
    linked(
        table(
            "Oldest jobs",
            "The oldest waiting and running job of each type in each target: waiting since its creation, running "
            "since its begin. The event lines and the vendor's console tell which job it is.",
            Query(expr=f"topk(50, {_OLDEST})", instant=True),
            columns=[
                ("Value", "age"),
                ("state", "state"),
                ("job_type", "job type"),
                ("city_id", "city"),
                ("product_type", "product type"),
                ("project_id", "project"),
                ("region", "region"),
            ],
            unit="s",
            thresholds=[(1800, YELLOW), (7200, ORANGE), (86400, RED)],
            width=10,
        ),
        "UPhoneJobsStuck",
    ),
    graph(
        "Completions a minute",
        "Jobs that were seen to end, by how. Red marks are minutes in which jobs failed.",
        Query(expr=f"60 * sum by (state) ({_RATE})", legend="{{state}}", step="1m"),
        stack=True,
        overrides=_STATES,
    ),
    linked(
        graph(
            "Failure ratio",
            "Share of the jobs that ended within the window (the variable above) as FAILED or PARTIAL_SUCCESS, and "
            "share of their tasks, one for each phone or server, that failed. Nothing is drawn where nothing has "
            "ended.",
            Query(
                expr=_share(f"sum by (state) ({counted(_FINISHED, '$window', _BAD)})", counted(_FINISHED, "$window")),
                legend="{{state}}",
            ),
            Query(
                expr=_share(
                    f"sum({counted(_TASKS, '$window', _FAILED)})",
                    counted(_TASKS, "$window"),
                ),
                legend="tasks that failed",
            ),
            unit="percentunit",
            thresholds=[(0.25, RED)],
            overrides=(*_STATES, dashed("^tasks")),
        ),
        "UPhoneJobsFailing",
    ),
    graph(
        "Failures by type",
        "Jobs that ended within the window as FAILED or PARTIAL_SUCCESS, of each type that has some.",
        Query(expr=f"sum by (job_type) ({counted(_FINISHED, '$window', _BAD)}) > 0", legend="{{job_type}}"),
        stack=True,
    ),
)

DURATIONS: Final[tuple[Panel, ...]] = (
    heatmap(
        "Queue time",
        f"How long the jobs that ended had waited, from creation to begin; the colour is how many. {NO_CITY}",
        _buckets("uphone_job_queue_seconds", _QUEUE),
        unit="s",
    ),
    heatmap(
        "Run time",
        "How long the jobs that ended had run, from begin to end, however they ended; the colour is how many. "
        f"{NO_CITY}",
        _buckets("uphone_job_run_seconds", _RUN),
        unit="s",
    ),
    linked(
        graph(
            "Detection delay",
            "Time from a job's end to its event within the window. The dashed line is the interval: on average an "
            f"end waits for half of it. What ended during an outage is told after it, late. {NO_CITY}",
            *(
                Query(
                    expr=quantile(
                        share,
                        "uphone_job_detection_seconds",
                        "$window",
                        over="project_id, product_type",
                        labels=OF_PRODUCT,
                    ),
                    legend=f"p{share * 100:g}",
                )
                for share in (0.5, 0.9, 0.99)
            ),
            Query(expr="max(uphone_poller_interval_seconds)", legend="interval"),
            unit="s",
            thresholds=[(120, RED)],
            overrides=(dashed("^interval$"),),
        ),
        "UPhoneDetectionSlow",
    ),
    graph(
        "Queue time by type, p90",
        f"Nine of ten jobs of the type that ended within the window had waited no longer than this. {NO_CITY}",
        Query(
            expr=quantile(0.9, "uphone_job_queue_seconds", "$window", over=_QUEUE, labels=_OF_TYPE, apart="job_type"),
            legend="{{job_type}}",
        ),
        unit="s",
    ),
    graph(
        "Run time by type, p90",
        f"Nine of ten jobs of the type that ended within the window had run no longer than this. {NO_CITY}",
        Query(
            expr=quantile(0.9, "uphone_job_run_seconds", "$window", over=_RUN, labels=_OF_TYPE, apart="job_type"),
            legend="{{job_type}}",
        ),
        unit="s",
    ),
)
