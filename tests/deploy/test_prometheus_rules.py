"""The rules for Prometheus: what they read, what they say, and that each is shown to fire and to stay silent."""

import re
from collections.abc import Iterator

import pytest

from poller.metrics import FAMILIES
from tests.deploy.alerting import (
    ALERTS,
    PROMETHEUS,
    RECORDED,
    RULES,
    RULES_TEST,
    RUNBOOKS,
    SCRAPE_LABELS,
    Node,
    Rule,
    anchors,
    exported,
    named_labels,
    promql,
    rules,
    selectors,
    yaml,
)
from tests.deploy.tools import run

EXPORTED = exported()
by_name = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
by_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def cases(name: str) -> Iterator[bool]:
    """Yield whether an alert is to fire, for each case of it alone."""
    for test in yaml.safe_load(RULES_TEST.read_text())["tests"]:
        for case in test.get("alert_rule_test", ()):
            if case["alertname"] == name:
                yield bool(case["exp_alerts"])


def test_promtool_takes_the_rules() -> None:
    """Syntax, and names that do not collide."""
    assert f"{len(ALERTS) + len(RECORDED)} rules found" in run("promtool", "check", "rules", str(RULES))


def test_every_alert_fires_and_stays_silent_as_told() -> None:
    """By the cases in the file beside them."""
    assert "SUCCESS" in run("promtool", "test", "rules", str(RULES_TEST))


def test_promtool_takes_the_configuration() -> None:
    """And finds the rules by it."""
    assert "1 rule files found" in run("promtool", "check", "config", str(PROMETHEUS / "prometheus.yaml"))


def test_amtool_takes_the_configuration() -> None:
    """The Alertmanager's own check."""
    assert "SUCCESS" in run("amtool", "check-config", str(PROMETHEUS / "alertmanager.yaml"))


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "on-call"), ("warning", "on-call"), ("info", "nobody")]
)
def test_an_alert_goes_where_its_severity_says(severity: str, receiver: str) -> None:
    """Asked of the Alertmanager's own tool."""
    file = f"--config.file={PROMETHEUS / 'alertmanager.yaml'}"
    assert run("amtool", "config", "routes", "test", file, f"severity={severity}").strip() == receiver


@by_alert
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: Rule) -> None:
    """One of them alone proves nothing."""
    assert set(cases(alert.name)) == {True, False}


def test_only_alerts_that_exist_have_cases() -> None:
    """An alert that does not exist is always silent."""
    tests = yaml.safe_load(RULES_TEST.read_text())["tests"]
    named = {case["alertname"] for test in tests for case in test.get("alert_rule_test", ())}
    assert named == {alert.name for alert in ALERTS}


@by_name
def test_a_rule_reads_what_the_poller_exports(rule: Rule) -> None:
    """Or what another rule records."""
    recorded = {each.name for each in RECORDED}
    assert {each.name for each in selectors(rule.tree)} <= EXPORTED.keys() | recorded


@by_name
def test_a_rule_selects_by_labels_that_its_series_have(rule: Rule) -> None:
    """A label that is not there matches the empty string alone."""
    unknown = {each for each in selectors(rule.tree) if not each.matched <= EXPORTED.get(each.name, known_labels())}
    assert unknown == set()


@by_name
def test_a_rule_groups_and_joins_by_labels_that_exist(rule: Rule) -> None:
    """A word that is no label of any metric is a slip."""
    assert named_labels(rule.tree) <= known_labels()


@by_alert
def test_annotations_name_labels_that_exist(alert: Rule) -> None:
    """Another would be written as nothing."""
    named = {name for text in alert.annotations.values() for name in re.findall(r"\$labels\.(\w+)", text)}
    assert named <= known_labels()


@by_name
def test_nothing_is_added_up_over_instances(rule: Rule) -> None:
    """Each counts the same jobs: only the greatest is taken, or sums that keep the instance."""
    added = [each.name for each in selectors(rule.tree) if each.name in EXPORTED and adds_up_instances(each.within)]
    assert added == []


@pytest.mark.parametrize(
    "expression", ["sum(uphone_jobs)", "sum by (state) (uphone_jobs)", "sum without (instance) (uphone_jobs)"]
)
def test_adding_up_over_instances_is_noticed(expression: str) -> None:
    """However it is written."""
    assert [adds_up_instances(each.within) for each in selectors(promql.parse(expression))] == [True]


@pytest.mark.parametrize("rule", RECORDED, ids=lambda rule: rule.name)
def test_a_recorded_series_is_named_by_level_metric_and_operations(rule: Rule) -> None:
    """As Prometheus's own guide has it."""
    level, metric, operations = rule.name.split(":")
    assert re.fullmatch(r"[a-z_]+", level)
    assert re.fullmatch(r"uphone_[a-z_]+", metric)
    assert re.fullmatch(r"[a-z0-9_]+", operations)


@by_alert
def test_an_alert_says_how_severe_it_is_and_what_to_read(alert: Rule) -> None:
    """In the words that the example for the Alertmanager routes by, and with a section that exists."""
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert set(alert.annotations) == {"summary", "description", "runbook"}
    path, _, anchor = alert.annotations["runbook"].partition("#")
    assert path == "docs/runbooks.md"
    assert anchor == alert.name.lower()
    assert anchors().count(anchor) == 1


def test_the_runbooks_have_no_section_without_an_alert() -> None:
    """Nor in another order than that of the rules."""
    assert anchors() == [alert.name.lower() for alert in ALERTS]


@by_alert
def test_a_section_says_all_that_an_operator_asks(alert: Rule) -> None:
    """What it means, what to look at, what to do, when it is harmless."""
    text = RUNBOOKS.read_text()
    section = text.split(f"\n## {alert.name}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\*\*(.+?)\*\*", section, re.MULTILINE) == ["Means.", "Look at.", "Do.", "Harmless when."]


def test_the_runbooks_name_metrics_that_exist() -> None:
    """Recorded ones too."""
    named = set(re.findall(r"\b[a-z_:]*uphone_[a-z_0-9:]+\b", RUNBOOKS.read_text()))
    assert named <= {family.name for family in FAMILIES} | {rule.name for rule in RECORDED}


def test_inhibitions_name_alerts_that_exist() -> None:
    """One that does not exist would inhibit nothing, in silence."""
    text = (PROMETHEUS / "alertmanager.yaml").read_text()
    assert set(re.findall(r"UPhone\w+", text)) <= {alert.name for alert in ALERTS}


def known_labels() -> set[str]:
    """Return all labels that any series may have."""
    return set().union(*EXPORTED.values())


def adds_up_instances(aggregation: Node) -> bool:
    """Tell whether an aggregation adds up what several instances tell."""
    if aggregation is None or str(aggregation.op) in {"max", "min"}:
        return False
    kept = set(aggregation.modifier.labels) if aggregation.modifier else set()
    without = bool(aggregation.modifier) and aggregation.modifier.type == promql.AggModifierType.Without
    return bool(SCRAPE_LABELS & kept) if without else not kept >= SCRAPE_LABELS
