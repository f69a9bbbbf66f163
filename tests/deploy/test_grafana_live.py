"""Every query of the dashboard, asked of a real Prometheus that scrapes real pollers of a simulated fleet."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from poller.simulator.options import Fault, Options
from tests.deploy.dashboard import Asked, legend_labels, load, panels, queries, queries_of_panels
from tests.deploy.dashboard_data import Prometheus, View, scraping
from tests.deploy.dashboard_picture import Picture, shoot
from tests.deploy.tools import need
from tests.e2e.live import LiveApi, Poller, wait_until

BOARD = load()
ASKED = list(queries(BOARD))

BUSY = Options(
    cities=2,
    product_types=("uphone-server", "uphone"),
    arrival_rate=10,
    active_jobs=30,
    queue_time=(0.5, 5),
    run_time=(0.2, 60),
    failed_share=0.3,
    partial_share=0.2,
    faults={Fault.RET_CODE_153: 0.02, Fault.HTTP_503: 0.02},
)
STILL = Options(active_jobs=30, arrival_rate=0, queue_time=(60_000, 90_000), run_time=(60_000, 90_000))

SCRAPES = 8
"""How many samples a rate needs, of which the window that Grafana asks about has four."""


def scraped(stack: ExitStack, directory: Path, api: LiveApi, settings: dict[str, str]) -> Prometheus:
    """Start two pollers of the same project, and a Prometheus that has them both."""
    pollers = []
    for number in range(2):
        state = {"POLLER_STATE_FILE": str(directory / f"state-{number}.db")}
        pollers.append(stack.enter_context(Poller(api.url, settings | state)))
    addresses = [poller.address.removeprefix("http://") for poller in pollers]
    return stack.enter_context(scraping(directory, addresses))


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """Return the dashboard over the first seconds of a busy fleet with throttling, failures and errors."""
    need("prometheus")
    settings = {"POLLER_CITY_IDS": "all", "POLLER_PRODUCT_TYPES": "uphone-server,uphone", "UCLOUD_PROJECT_ID": "org-x"}
    with LiveApi(BUSY) as api, ExitStack() as stack:
        prometheus = scraped(stack, tmp_path_factory.mktemp("grafana"), api, settings)
        start = time.time()
        enough = f"min(count_over_time(up[1m])) >= {SCRAPES}"
        throttled = 'sum(increase(uphone_api_requests_total{code="153"}[1m])) > 0'
        failed = 'min by (instance) (sum by (instance) (increase(uphone_jobs_finished_total{state="FAILED"}[1m]))) > 0'
        for sign in (enough, throttled, failed):
            wait_until(lambda sign=sign: bool(prometheus.query(sign)), sign, every=0.5)  # type: ignore[misc]
        yield View(BOARD, prometheus, start=start, end=time.time(), scrape=1.0)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.by)
def test_a_query_gives_numbers(view: View, asked: Asked) -> None:
    """Prometheus takes it, and there is something to show."""
    assert any(not math.isnan(value) for series in view.answer(asked) for _, value in series.points)


@pytest.mark.parametrize("asked", list(queries_of_panels(BOARD)), ids=lambda asked: asked.by)
def test_a_series_has_what_its_legend_shows(view: View, asked: Asked) -> None:
    """Every label of the legend is there, and tells the series apart."""
    found = view.answer(asked)
    labels = legend_labels(asked.legend)
    assert all(labels <= set(series.labels) for series in found)
    if labels:
        assert len({tuple(series.labels[label] for label in sorted(labels)) for series in found}) == len(found)


@pytest.mark.parametrize("variable", [each for each in BOARD["templating"]["list"] if each["type"] == "query"])
def test_a_variable_has_values_to_choose_from(view: View, variable: dict[str, str]) -> None:
    """Two cities and two product types among them."""
    expected = {"job": 1, "project": 1, "city": 2, "product_type": 2, "job_type": 8}
    assert len(view.choices(variable)) >= expected[variable["name"]]


def test_the_picture_has_every_panel(view: View, tmp_path: Path) -> None:
    """It can be drawn, and Chromium takes it."""
    need("chromium")
    html, height = Picture(BOARD, view).page()
    assert [panel["title"] for panel in panels(BOARD) if f"<h2>{panel['title']}</h2>" not in html] == []
    shoot(html, height, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """Return the dashboard over two pollers of thirty jobs that do not end, where all is well."""
    need("prometheus")
    with LiveApi(STILL) as api, ExitStack() as stack:
        prometheus = scraped(stack, tmp_path_factory.mktemp("calm"), api, {})
        enough = f"count(count by (instance) (uphone_jobs)) == 2 and on () min(count_over_time(up[1m])) >= {SCRAPES}"
        wait_until(lambda: prometheus.query(enough) != [], enough)
        now = time.time()
        yield View(BOARD, prometheus, start=now - 10, end=now, scrape=1.0)


def last(view: View, panel: str) -> list[float]:
    """Return the last value of each series of a panel's first query."""
    asked = next(each for each in ASKED if each.by == panel)
    return [series.points[-1][1] for series in view.answer(asked)]


def test_two_pollers_of_a_project_do_not_double_its_jobs(calm: View) -> None:
    """Thirty jobs are thirty, though two pollers count them."""
    assert sum(last(calm, "Active jobs by state")) == 30


@pytest.mark.parametrize("panel", ["Targets down", "Pollers down", "Events pending", "Failed saves", "Unresolved jobs"])
def test_a_number_of_the_health_row_is_zero_while_all_is_well(calm: View, panel: str) -> None:
    """It would be red else."""
    assert last(calm, panel) == [0]


def test_the_oldest_cycle_is_a_recent_one_while_all_is_well(calm: View) -> None:
    """The number is a time since, not a time."""
    [seconds] = last(calm, "Last complete cycle")
    assert 0 <= seconds < 60
