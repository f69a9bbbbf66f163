"""The rules for Prometheus as they are shipped, and what they are made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import pytest

from poller.metrics import FAMILIES, Family
from tests.deploy.tools import DEPLOY, ROOT

yaml: Any = pytest.importorskip("yaml", reason="make .venv/deploy.stamp brings it")
promql: Any = pytest.importorskip("promql_parser", reason="make .venv/deploy.stamp brings it")

PROMETHEUS: Final = DEPLOY / "prometheus"
RULES: Final = PROMETHEUS / "rules.yaml"
RULES_TEST: Final = PROMETHEUS / "rules_test.yaml"
RUNBOOKS: Final = ROOT / "docs" / "runbooks.md"

Node: TypeAlias = Any
"""A part of a parsed expression; the parser is there only where make .venv/deploy.stamp has been run."""

SCRAPE_LABELS: Final = {"job", "instance"}
"""What Prometheus itself adds to every series of a scrape."""

_PROCESS: Final = {"process_start_time_seconds"}
_SUFFIXES: Final = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the file; ``name`` is the alert's or that of the recorded series."""

    name: str
    alert: bool
    expression: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def tree(self) -> Node:
        """The expression, parsed."""
        return promql.parse(self.expression)


class Selector(NamedTuple):
    """A series that an expression reads; ``within`` is the innermost aggregation that it is part of."""

    name: str
    matched: frozenset[str]
    within: Node


def rules() -> list[Rule]:
    """Return all rules in the order of the file."""
    return [
        Rule(
            name=rule.get("alert") or rule["record"],
            alert="alert" in rule,
            expression=rule["expr"],
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
        )
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
    ]


ALERTS: Final = [rule for rule in rules() if rule.alert]
RECORDED: Final = [rule for rule in rules() if not rule.alert]


def exported() -> dict[str, set[str]]:
    """Return the labels of every series that a scrape may bring, by name."""
    found = {"up": set(SCRAPE_LABELS)} | {name: set(SCRAPE_LABELS) for name in _PROCESS}
    for family in FAMILIES:
        for suffix in _SUFFIXES[family.kind]:
            found[family.name + suffix] = _labels(family, suffix)
    return found


def _labels(family: Family, suffix: str) -> set[str]:
    return {*family.labels, *SCRAPE_LABELS, *(("le",) if suffix == "_bucket" else ())}


def selectors(tree: Node) -> Iterator[Selector]:
    """Yield the series that an expression reads."""
    path: list[Node] = []
    found: list[Selector] = []

    def enter(node: Node) -> None:
        if isinstance(node, promql.AggregateExpr):
            path.append(node)
        if isinstance(node, promql.VectorSelector):
            matched = frozenset(matcher.name for matcher in node.matchers.matchers)
            found.append(Selector(node.name, matched, path[-1] if path else None))

    def leave(node: Node) -> None:
        if isinstance(node, promql.AggregateExpr):
            path.pop()

    promql.walk(tree, enter, leave)
    yield from found


def named_labels(tree: Node) -> set[str]:
    """Return the labels by which an expression selects, groups or joins."""
    found: set[str] = set()

    def enter(node: Node) -> None:
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql.AggregateExpr) and modifier:
            found.update(modifier.labels)
        if isinstance(node, promql.BinaryExpr) and modifier:
            found.update(modifier.matching.labels if modifier.matching else (), modifier.group_labels or ())

    promql.walk(tree, enter)
    return found.union(*(selector.matched for selector in selectors(tree)))


def anchors() -> list[str]:
    """Return the anchors of the sections of the runbooks."""
    return [title.strip().lower() for title in re.findall(r"^## (.+)$", RUNBOOKS.read_text(), re.MULTILINE)]
