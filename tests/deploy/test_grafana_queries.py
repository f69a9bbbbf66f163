"""Every query of the dashboard against what the poller exports, by a parser of PromQL."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from poller.metrics import FAMILIES
from tests.deploy.dashboard import Asked, legend_labels, load, queries, substituted

promql = pytest.importorskip("promql_parser", reason="not installed: make .venv/deploy.stamp")

BOARD = load()
ASKED = list(queries(BOARD))

# Only the form matters to the parser.
VALUES: Final = {
    **{variable["name"]: ".*" for variable in BOARD["templating"]["list"]},
    "window": "15m",
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "3h",
}

SCRAPE: Final = {"job", "instance"}
"""The labels that Prometheus adds."""

PROCESS: Final = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}
"""Those of the client library's that are used."""


@dataclass(frozen=True, slots=True)
class Read:
    """A metric in a query, the labels it is selected by, and the aggregations around it from the inside out.

    Each aggregation is its operator and the labels that it keeps; None if it does not say ``by``.
    """

    metric: str
    selected_by: frozenset[str]
    aggregations: tuple[tuple[str, frozenset[str] | None], ...]


def labels_of(metric: str) -> set[str]:
    """Return the labels that a metric has when Prometheus has stored it."""
    if metric == "up" or metric in PROCESS:
        return set(SCRAPE)
    for family in FAMILIES:
        if family.kind == "histogram" and metric == f"{family.name}_bucket":
            return {*family.labels, "le", *SCRAPE}
        if family.kind != "histogram" and metric == family.name:
            return {*family.labels, *SCRAPE}
    pytest.fail(f"the poller has no metric {metric}")


def reads(expr: str) -> list[Read]:
    """Parse a query and return every metric that it reads."""
    around: list[tuple[str, frozenset[str] | None]] = []
    found: list[Read] = []

    def enter(node: object) -> None:
        if isinstance(node, promql.AggregateExpr):
            by = node.modifier and node.modifier.type == promql.AggModifierType.By
            around.append((str(node.op), frozenset(node.modifier.labels) if by else None))
        elif isinstance(node, promql.VectorSelector):
            names = frozenset(matcher.name for matcher in node.matchers.matchers)
            found.append(Read(str(node.name), names, tuple(reversed(around))))

    def leave(node: object) -> None:
        if isinstance(node, promql.AggregateExpr):
            around.pop()

    promql.walk(promql.parse(substituted(expr, VALUES)), enter, leave)
    return found


def everything() -> Iterator[tuple[Asked, Read]]:
    """Yield every metric that every query reads."""
    for asked in ASKED:
        for read in reads(asked.expr):
            yield asked, read


def test_the_parser_finds_what_a_query_reads() -> None:
    """All that follows depends on it."""
    assert reads('sum by (a) (max by (a, b) (rate(x_total{c=~"$city"}[$window]))) > 0') == [
        Read("x_total", frozenset({"c"}), (("max", frozenset({"a", "b"})), ("sum", frozenset({"a"}))))
    ]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_a_query_reads_metrics_that_there_are(asked: Asked) -> None:
    """It parses, and every metric is one of the poller's or of its process."""
    assert [labels_of(read.metric) for read in reads(asked.expr)]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_a_query_names_labels_that_there_are(asked: Asked) -> None:
    """A matcher or a grouping by a label that a metric has not selects nothing, or one thing too many."""
    for read in reads(asked.expr):
        kept = {label for _, by in read.aggregations for label in by or ()}
        assert read.selected_by | kept <= labels_of(read.metric)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_nothing_is_summed_over_pollers(asked: Asked) -> None:
    """Several pollers of one project count the same jobs: the greatest over them comes before anything else."""
    for read in reads(asked.expr):
        assert read.aggregations, f"{read.metric} is shown once for each poller"
        assert read.aggregations[0][0] == "max", read


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_what_is_summed_was_kept_apart_until_then(asked: Asked) -> None:
    """The greatest over pollers keeps every label of its metric: over cities, say, it would be of one city alone."""
    for read in reads(asked.expr):
        if any(operator == "sum" for operator, _ in read.aggregations):
            assert read.aggregations[0][1] is not None
            assert labels_of(read.metric) - read.aggregations[0][1] <= SCRAPE


def test_what_is_every_programs_is_selected_by_job() -> None:
    """Prometheus has `up` and `process_*` of much else."""
    shared = [read for _, read in everything() if not read.metric.startswith("uphone_")]
    assert shared
    assert all("job" in read.selected_by for read in shared)


def test_what_belongs_to_targets_follows_the_variables() -> None:
    """Each metric is selected by every variable that it has a label for."""
    choices = {"project_id", "city_id", "product_type"}
    for asked, read in everything():
        assert choices & labels_of(read.metric) <= read.selected_by, asked.by


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_a_legend_shows_labels_that_are_left(asked: Asked) -> None:
    """Others would be empty."""
    left = {label for read in reads(asked.expr) for label in (read.aggregations[-1][1] or ())}
    assert legend_labels(asked.legend) <= left
