"""What a scrape shows, and from when to when."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from poller.metrics import FAMILIES, Metrics
from poller.models import Instant, State, Target
from poller.stats import KNOWN_JOB_TYPES, OTHER, Stats, Vocabulary, label

TARGET = Target(project_id="org-x", city_id="cn-hangzhou")
LABELS = {"project_id": "org-x", "region": "default", "city_id": "cn-hangzhou", "product_type": "uphone-server"}
WHOLE = {"job_type": "INSTALL_APP", "state": "PENDING"}

START = Instant(wall=1_800_000_000.0, mono=1000.0)

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass
class Jobs:
    """A tracker as a scrape sees it."""

    counts: Mapping[tuple[str, State], int] = field(default_factory=dict)
    oldest: Mapping[tuple[str, State], int] = field(default_factory=dict)


@dataclass
class Poller:
    """The metrics of one target, and all that they are read from; cycles take place by hand."""

    target: Target = TARGET
    jobs: Jobs = field(default_factory=Jobs)
    at: Instant = START

    def __post_init__(self) -> None:
        self.stats = Stats([self.target], interval=10.0)
        self.own = self.stats.targets[self.target]
        self.metrics = Metrics(self.stats, {self.target: self.jobs}, lambda: self.at, "1.2.3")

    def complete_a_cycle(self) -> None:
        """Do what the end of a complete cycle does."""
        self.own.last_complete_at = self.at.mono
        self.own.last_complete_timestamp = self.at.wall

    def pass_time(self, seconds: float) -> None:
        """Move both clocks."""
        self.at = Instant(self.at.wall + seconds, self.at.mono + seconds)

    def text(self, accept: str = "") -> str:
        """Return a scrape's body."""
        return self.metrics.render(accept)[0].decode()

    def samples(self) -> dict[Key, float]:
        """Return a scrape's values by name and labels."""
        found = [sample for family in parse_text(self.text()) for sample in family.samples]
        return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}

    def series(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return one metric's values by labels."""
        return {labels: value for (sample, labels), value in self.samples().items() if sample == name}

    def value(self, name: str, **labels: str) -> float | None:
        """Return one value of a scrape; None if it is not there."""
        return self.series(name).get(frozenset(labels.items()))

    def names(self) -> set[str]:
        """Return the names of a scrape's samples."""
        return {name for name, _ in self.samples()}


@pytest.fixture
def poller() -> Poller:
    """Return a poller that has just started."""
    return Poller()


@pytest.fixture
def busy() -> Poller:
    """Return a poller with something in every metric."""
    jobs = Jobs(
        {("INSTALL_APP", State.PENDING): 3, ("REBOOT", State.RUNNING): 1},
        {("INSTALL_APP", State.PENDING): 1_799_999_000},
    )
    poller = Poller(jobs=jobs)
    poller.complete_a_cycle()
    poller.own.up = True
    poller.own.listed = {State.PENDING: 3}
    poller.own.cycles["complete"] += 1
    poller.stats.cycle_seconds["org-x", "uphone-server"].observe(0.3)
    poller.own.finished["UPLOAD_FILE", State.FAILED] += 1
    poller.own.tasks_finished["UPLOAD_FILE", State.UNKNOWN] += 1
    poller.own.unresolved["REBOOT"] += 1
    poller.stats.queue_seconds["org-x", "uphone-server", "UPLOAD_FILE"].observe(4)
    poller.stats.run_seconds["org-x", "uphone-server", "UPLOAD_FILE", "FAILED"].observe(117)
    poller.stats.detection_seconds["org-x", "uphone-server"].observe(2.456)
    poller.stats.state.last_save = 1_799_999_999.5
    poller.stats.api.requests["DescribeUPhoneJob", "http_503"] += 2
    poller.stats.api.request_seconds["DescribeUPhoneJob",].observe(0.2)
    return poller


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, which comes with Prometheus, is not on PATH")
@pytest.mark.parametrize("state", ["poller", "busy"])
def test_promtool_finds_nothing_to_object_to(state: str, request: pytest.FixtureRequest) -> None:
    """The exposition follows Prometheus's rules for names, types and units, from the first scrape on."""
    shown: Poller = request.getfixturevalue(state)
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=shown.text(), text=True, capture_output=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_openmetrics_is_valid_and_says_the_same(busy: Poller) -> None:
    """The OpenMetrics answer parses strictly and has the samples of the classic one."""
    parse = cast(Callable[[str], Iterable[Metric]], openmetrics.text_string_to_metric_families)  # it has no type
    families = parse(busy.text("application/openmetrics-text;version=1.0.0"))
    names = {sample.name for family in families for sample in family.samples}
    assert names == busy.names()


def test_every_family_of_the_table_has_samples_in_a_busy_poller(busy: Poller) -> None:
    """No metric is declared and never filled."""
    shown = {family.name for family in parse_text(busy.text()) if family.samples}
    assert {family.name.removesuffix("_total") for family in FAMILIES} <= shown


def test_types_are_those_of_the_table(busy: Poller) -> None:
    """What the table says of a metric's type is what Prometheus is told."""
    lines = busy.text().splitlines()
    assert all(f"# TYPE {family.name} {family.kind}" in lines for family in FAMILIES)


def test_labels_are_those_of_the_table(busy: Poller) -> None:
    """What the table says of a metric's labels is what Prometheus is told."""
    for family in FAMILIES:
        suffixed = {family.name, f"{family.name}_sum"}
        found = [{name for name, _ in labels} for name, labels in busy.samples() if name in suffixed]
        assert found
        assert all(labels == set(family.labels) for labels in found)


def test_no_label_tells_a_job_or_a_phone() -> None:
    """Label names are from a short list of things of which there are few."""
    few = {"project_id", "region", "city_id", "product_type", "job_type", "state", "outcome", "action", "code"}
    assert {name for family in FAMILIES for name in family.labels} == few | {"version", "python_version"}


def test_there_are_no_created_series(busy: Poller) -> None:
    """Neither format has the library's _created series."""
    assert "_created" not in busy.text()
    assert "_created" not in busy.text("application/openmetrics-text")


def test_the_process_is_measured_too(poller: Poller) -> None:
    """The library's own process metrics are in the same answer."""
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total"} <= poller.names()


def test_two_pollers_do_not_share_a_registry() -> None:
    """Metrics are no global state."""
    first, second = Poller(), Poller(target=Target(project_id="org-y"))
    assert 'project_id="org-y"' not in first.text()
    assert 'project_id="org-x"' not in second.text()


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("uphone_jobs_finished_total", {"job_type": "DELETE_UPHONE", "state": "PARTIAL_SUCCESS"}),
        ("uphone_jobs_unresolved_total", {"job_type": "INSTALL_APP"}),
        ("uphone_tasks_finished_total", {"job_type": "INSTALL_APP", "state": "FAILED"}),
        ("uphone_poll_cycles_total", {"outcome": "partial"}),
        ("uphone_target_up", {}),
    ],
)
def test_a_targets_counters_start_at_0(poller: Poller, name: str, labels: dict[str, str]) -> None:
    """A first failure is then an increase, which an alert can see."""
    assert poller.value(name, **LABELS, **labels) == 0


@pytest.mark.parametrize("code", ["0", "timeout", "connect", "malformed"])
def test_requests_start_at_0(poller: Poller, code: str) -> None:
    """Requests are counted from 0 by the codes that are known beforehand."""
    assert poller.value("uphone_api_requests_total", action="DescribeUPhoneJob", code=code) == 0


@pytest.mark.parametrize(
    "name",
    [
        "uphone_poller_events_written_total",
        "uphone_poller_events_pending",
        "uphone_poller_state_save_failures_total",
        "uphone_api_rows_skipped_total",
    ],
)
def test_the_pollers_own_counts_start_at_0(poller: Poller, name: str) -> None:
    """What has no labels is there from the first scrape."""
    assert poller.value(name) == 0


def test_all_eight_types_and_three_ends_are_there_from_the_start(poller: Poller) -> None:
    """Completions are counted for every documented type and terminal state."""
    assert len(poller.series("uphone_jobs_finished_total")) == len(KNOWN_JOB_TYPES) * 3


GAUGES_OF_A_CYCLE = {"uphone_jobs", "uphone_jobs_listed", "uphone_oldest_job_age_seconds"}


def test_nothing_is_said_of_jobs_before_the_first_complete_cycle(busy: Poller) -> None:
    """No cycle, no knowledge: a 0 would be an invention."""
    busy.own.last_complete_at = busy.own.last_complete_timestamp = None
    assert busy.names().isdisjoint({*GAUGES_OF_A_CYCLE, "uphone_target_last_success_timestamp_seconds"})


def test_gauges_stand_while_the_target_is_fresh(busy: Poller) -> None:
    """A late cycle or two do not make the gauges flap."""
    busy.pass_time(60)
    assert busy.names() >= GAUGES_OF_A_CYCLE


def test_gauges_of_a_stale_target_are_withdrawn(busy: Poller) -> None:
    """What is no longer known is not repeated."""
    busy.pass_time(61)
    assert busy.names().isdisjoint(GAUGES_OF_A_CYCLE)


def test_a_slow_target_is_given_five_of_its_own_cycles(busy: Poller) -> None:
    """A cycle that takes 40 s makes the gauges good for 200."""
    busy.own.last_cycle_seconds = 40
    busy.pass_time(200)
    assert busy.names() >= GAUGES_OF_A_CYCLE


def test_counters_and_the_last_success_of_a_stale_target_stay(busy: Poller) -> None:
    """A counter that vanished would look like a restart; the last success is what staleness is measured by."""
    busy.pass_time(3600)
    assert busy.value("uphone_jobs_finished_total", **LABELS, job_type="UPLOAD_FILE", state="FAILED") == 1
    assert busy.value("uphone_target_last_success_timestamp_seconds", **LABELS) == 1_800_000_000


def test_jobs_are_counted_zeros_included(busy: Poller) -> None:
    """Every documented type and every type seen has all three active states."""
    assert len(busy.series("uphone_jobs")) == (len(KNOWN_JOB_TYPES) + 1) * 3
    assert busy.value("uphone_jobs", **LABELS, **WHOLE) == 3
    assert busy.value("uphone_jobs", **LABELS, job_type="REBOOT", state="UNKNOWN") == 0


def test_completions_of_a_type_count_from_0_once_it_is_seen(busy: Poller) -> None:
    """A type that the page does not list has its counters before its first job ends."""
    assert busy.value("uphone_jobs_finished_total", **LABELS, job_type="REBOOT", state="SUCCESS") == 0


def test_the_apis_own_counts_are_shown_where_there_are_any(busy: Poller) -> None:
    """A state whose count has not proved right has no series."""
    assert busy.series("uphone_jobs_listed") == {frozenset({**LABELS, "state": "PENDING"}.items()): 3}


def test_the_oldest_job_has_an_age(busy: Poller) -> None:
    """The age is counted up to the scrape, and only what is known has one."""
    found = {
        labels: value for (name, labels), value in busy.samples().items() if name == "uphone_oldest_job_age_seconds"
    }
    assert found == {frozenset({**LABELS, **WHOLE}.items()): 1000}


def test_an_age_is_never_negative(busy: Poller) -> None:
    """A job that the API's clock created in our future is 0 seconds old."""
    busy.jobs.oldest = {("INSTALL_APP", State.PENDING): 1_800_000_030}
    assert busy.value("uphone_oldest_job_age_seconds", **LABELS, **WHOLE) == 0


def test_what_is_not_set_is_called_default() -> None:
    """No label is empty: to Prometheus it would be missing."""
    poller = Poller(target=Target())
    unset = dict.fromkeys(("project_id", "region", "city_id"), "default")
    assert poller.value("uphone_target_up", **unset, product_type="uphone-server") == 0


def test_an_empty_part_of_a_target_is_not_set() -> None:
    """The label of nothing is the same whichever way nothing is said."""
    assert label("") == label(None) == "default"


def test_a_job_without_a_type_counts_as_other() -> None:
    """A row may lack its JobType."""
    assert Vocabulary(KNOWN_JOB_TYPES).word("") == OTHER


def test_failed_saves_are_counted(poller: Poller) -> None:
    """A full disk shows long before a restart makes it matter."""
    poller.stats.state.failures = 3
    assert poller.value("uphone_poller_state_save_failures_total") == 3


def test_the_last_save_is_told_once_there_was_one(poller: Poller) -> None:
    """A poller without a state file has none, and 0 would be the year 1970."""
    assert poller.value("uphone_poller_state_last_save_timestamp_seconds") is None
    poller.stats.state.last_save = 1_799_999_999.5
    assert poller.value("uphone_poller_state_last_save_timestamp_seconds") == 1_799_999_999.5


def test_the_build_is_told(poller: Poller) -> None:
    """Versions are labels of a constant 1."""
    assert 'uphone_poller_build_info{python_version="' in poller.text()
    assert 'version="1.2.3"} 1.0' in poller.text()
