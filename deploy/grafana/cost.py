"""What polling costs: requests to the API, cycles, and the pollers themselves. Each poller stands for itself."""

from typing import Final

from deploy.grafana.fields import ORANGE, RED, YELLOW, colored, dashed, override
from deploy.grafana.panels import Panel, Query, graph, linked, table
from deploy.grafana.selectors import OF_POLLER, OF_PRODUCT, OF_TARGET, TARGET, quantile

_REQUESTS: Final = f"max by (instance, action, code) (rate(uphone_api_requests_total{{{OF_POLLER}}}[$__rate_interval]))"
_DURATIONS: Final = (
    f"max by (instance, action, le) (rate(uphone_api_request_duration_seconds_bucket{{{OF_POLLER}}}[$__rate_interval]))"
)
_CYCLES: Final = f"max by ({TARGET}, outcome) (rate(uphone_poll_cycles_total{{{OF_TARGET}}}[$__rate_interval]))"
_SKIPPED: Final = f"max by (instance) (increase(uphone_api_rows_skipped_total{{{OF_POLLER}}}[$window]))"
_FULL_SCANS: Final = f"sum(max by ({TARGET}) (uphone_target_full_scan{{{OF_TARGET}}}))"

COST: Final[tuple[Panel, ...]] = (
    graph(
        "API requests a second",
        "By poller and answer: 0 is success, any other number is the API's RetCode, and words are what came in place "
        "of one. The height of the stack is what all pollers ask together.",
        Query(expr=f"sum by (instance, code) ({_REQUESTS}) > 0", legend="{{code}} · {{instance}}"),
        unit="reqps",
        stack=True,
        overrides=(
            colored("^0 ", "green"),
            colored("^(153|http_429) ", YELLOW),
            colored("^(timeout|connect|malformed) ", RED),
            colored("^(http_5|1[135]0 |2)", ORANGE),
        ),
    ),
    graph(
        "Rate limit",
        "Requests a second that each poller allows itself now, dashed, and what it makes. The limit is halved when the "
        "API throttles, and recovers step by step up to POLLER_MAX_RPS.",
        Query(expr=f"sum by (instance) ({_REQUESTS})", legend="{{instance}}"),
        Query(expr=f"max by (instance) (uphone_api_rate_limit{{{OF_POLLER}}})", legend="limit of {{instance}}"),
        unit="reqps",
        overrides=(dashed("^limit"),),
    ),
    graph(
        "Request duration",
        "Of the slowest poller, by action. A request has 65 seconds unless UCLOUD_TIMEOUT_SECOND says otherwise.",
        *(
            Query(
                expr=f"max by (action) (histogram_quantile({share}, {_DURATIONS}))",
                legend=f"p{share * 100:g} {{{{action}}}}",
            )
            for share in (0.5, 0.99)
        ),
        unit="s",
    ),
    graph(
        "Cycles a minute",
        "By outcome. Partial ones go on where they broke off; failed ones brought nothing.",
        Query(expr=f"60 * sum by (outcome) ({_CYCLES})", legend="{{outcome}}"),
        stack=True,
        overrides=(
            colored("^complete$", "green"),
            colored("^partial$", YELLOW),
            colored("^failed$", RED),
        ),
    ),
    linked(
        graph(
            "Cycle duration",
            "Of all targets within the window. Cycles longer than the interval, dashed, follow each other without a "
            "pause: raise POLLER_MAX_RPS or the interval.",
            *(
                Query(
                    expr=quantile(
                        share,
                        "uphone_poll_cycle_duration_seconds",
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
            overrides=(dashed("^interval$"),),
        ),
        "UPhoneCyclesLate",
    ),
    linked(
        graph(
            "Reading trouble",
            "Rows within the window that could not be read and were skipped, and targets with a listing that has to be "
            "read whole, again and again, for want of an order. Both are normally 0.",
            Query(expr=_SKIPPED, legend="rows skipped · {{instance}}"),
            Query(expr=_FULL_SCANS, legend="full scans"),
            thresholds=[(1, ORANGE)],
        ),
        "UPhoneTargetFullScan",
    ),
)

POLLERS: Final[tuple[Panel, ...]] = (
    graph(
        "Events",
        "Event lines written a minute by each poller, and those that wait to be written.",
        Query(
            expr=f"60 * max by (instance) (rate(uphone_poller_events_written_total{{{OF_POLLER}}}[$__rate_interval]))",
            legend="{{instance}}",
        ),
        Query(expr=f"max by (instance) (uphone_poller_events_pending{{{OF_POLLER}}})", legend="pending · {{instance}}"),
        width=6,
        overrides=(dashed("^pending", RED),),
    ),
    graph(
        "Memory",
        "Resident memory. The dashed line, 80 MiB, is what a container needs that has up to 10 000 active jobs.",
        Query(
            expr=f"max by (instance) (process_resident_memory_bytes{{{OF_POLLER}}})",
            legend="{{instance}}",
        ),
        unit="bytes",
        thresholds=[(80 * 2**20, RED)],
        width=6,
        overrides=(override("byRegexp", "/./", **{"custom.axisSoftMax": 96 * 2**20}),),
    ),
    graph(
        "CPU",
        "Cores in use.",
        Query(
            expr=f"max by (instance) (rate(process_cpu_seconds_total{{{OF_POLLER}}}[$__rate_interval]))",
            legend="{{instance}}",
        ),
        unit="percentunit",
        width=6,
    ),
    table(
        "Running pollers",
        "The pollers that are scraped, their versions, and for how long they have run.",
        Query(
            expr=f"(time() - max by (instance) (process_start_time_seconds{{{OF_POLLER}}})) "
            f"* on (instance) group_right () "
            f"max by (instance, version, python_version) (uphone_poller_build_info{{{OF_POLLER}}})",
            instant=True,
        ),
        columns=[("instance", "instance"), ("version", "version"), ("python_version", "Python"), ("Value", "up for")],
        unit="s",
        width=6,
    ),
)
