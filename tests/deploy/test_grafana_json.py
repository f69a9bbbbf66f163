"""The dashboard has what Grafana needs to import it anywhere, and what a reader needs."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product

import pytest

from deploy.grafana.dashboard import DASHBOARD
from tests.deploy.dashboard import PATH, Json, load, named, panels
from tests.deploy.tools import ROOT

BOARD = load()
GLOBAL_VARIABLES = {"__interval", "__rate_interval", "__range"}


def cells(panel: Json) -> set[tuple[int, int]]:
    """Return the cells of the grid that a panel covers."""
    at = panel["gridPos"]
    return set(product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))


def datasources(value: object) -> Iterator[object]:
    """Yield every data source that is named anywhere."""
    if isinstance(value, dict):
        if "datasource" in value:
            yield value["datasource"]
        for each in value.values():
            yield from datasources(each)
    elif isinstance(value, list):
        for each in value:
            yield from datasources(each)


def test_the_file_is_what_the_script_gives() -> None:
    """Whoever changes the script runs `python -m deploy.grafana`."""
    assert PATH.read_text() == json.dumps(DASHBOARD, indent=2, ensure_ascii=False) + "\n"


def test_ids_and_titles_are_unique() -> None:
    """Links to a panel and annotations go by id, people by title."""
    for key in ("id", "title"):
        assert [each for each, times in Counter(panel[key] for panel in BOARD["panels"]).items() if times > 1] == []


def test_a_dashboard_that_is_imported_has_no_number() -> None:
    """An id is one Grafana's own; an import that brings one may hit another dashboard."""
    assert BOARD.get("id") is None


def test_panels_lie_within_the_grid() -> None:
    """It has 24 columns."""
    assert [panel["title"] for panel in BOARD["panels"] if not all(0 <= x < 24 for x, _ in cells(panel))] == []


def test_panels_do_not_overlap() -> None:
    """Grafana would push one of them elsewhere."""
    pairs = combinations(BOARD["panels"], 2)
    assert [(one["title"], other["title"]) for one, other in pairs if cells(one) & cells(other)] == []


def test_rows_of_the_grid_have_no_gap() -> None:
    """Each line of panels is as wide as the page."""
    covered = Counter(y for panel in BOARD["panels"] for _, y in cells(panel))
    assert set(covered.values()) == {24}
    assert sorted(covered) == list(range(len(covered)))


def test_the_data_source_is_the_variable_everywhere() -> None:
    """No uid of somebody's Grafana."""
    found = list(datasources(BOARD))
    assert len(found) > len(BOARD["panels"])
    assert all(each == {"type": "prometheus", "uid": "${datasource}"} for each in found)


@pytest.mark.parametrize("panel", panels(BOARD), ids=lambda panel: panel["title"])
def test_a_panel_and_each_of_its_queries_names_its_data_source(panel: Json) -> None:
    """One that does not takes Grafana's default, whatever the variable says."""
    assert "datasource" in panel
    assert all("datasource" in target for target in panel["targets"])


def test_variables_are_defined_before_they_are_used() -> None:
    """Grafana leaves one that it does not know as it is, and Prometheus answers with an error."""
    known = set(GLOBAL_VARIABLES)
    for variable in BOARD["templating"]["list"]:
        assert named(json.dumps(variable)) <= known | {"__all"}, variable["name"]
        known.add(variable["name"])
    rest = {key: value for key, value in BOARD.items() if key != "templating"}
    assert named(json.dumps(rest)) <= known


def test_every_variable_is_used() -> None:
    """A choice that changes nothing misleads."""
    names = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert names <= named(json.dumps([BOARD["panels"], BOARD["annotations"], BOARD["links"]]))


def test_a_reader_chooses_by_project_city_product_type_and_job_type() -> None:
    """Several of each, and all by default."""
    choices = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    for name in ("project", "city", "product_type", "job_type"):
        assert choices[name]["multi"]
        assert choices[name]["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("panel", panels(BOARD), ids=lambda panel: panel["title"])
def test_a_panel_is_explained(panel: Json) -> None:
    """In whole sentences."""
    assert panel["description"].endswith(".")


@pytest.mark.parametrize("panel", panels(BOARD), ids=lambda panel: panel["title"])
def test_seconds_and_bytes_are_shown_as_such(panel: Json) -> None:
    """A panel of a metric in seconds or bytes has that unit, unless it shows a rate or a number of them."""
    exprs = " ".join(target["expr"] for target in panel["targets"])
    shown = json.dumps([panel["fieldConfig"], panel["options"]])
    if "_bytes" in exprs:
        assert '"bytes"' in shown
    elif "histogram_quantile" in exprs or "time() -" in exprs or "age_seconds" in exprs or panel["type"] == "heatmap":
        assert '"s"' in shown


def test_an_annotation_marks_panels_that_exist() -> None:
    """By id, so a title that has changed would leave it without any."""
    ids = {panel["id"] for panel in panels(BOARD)}
    for each in BOARD["annotations"]["list"]:
        assert each["filter"]["ids"]
        assert set(each["filter"]["ids"]) <= ids


def test_an_annotation_asks_the_same_in_both_places() -> None:
    """Which one counts depends on Grafana's version."""
    each = BOARD["annotations"]["list"]
    assert [annotation["target"]["expr"] for annotation in each] == [annotation["expr"] for annotation in each]
    assert [annotation["target"]["interval"] for annotation in each] == [annotation["step"] for annotation in each]


def test_every_number_of_the_health_row_links_to_a_runbook() -> None:
    """What to do is one click away from what is red."""
    stats = [panel for panel in panels(BOARD) if panel["type"] == "stat"]
    assert stats
    assert all(panel["links"] for panel in stats)


def test_links_lead_to_runbooks_that_there_are() -> None:
    """Each alert has a heading of its own; where the page is published is for each to say, in a variable."""
    page = ROOT / "docs" / "runbooks.md"
    if not page.exists():
        pytest.skip("there is no docs/runbooks.md")
    headings = {line.lstrip("# ").strip("`").lower() for line in page.read_text().splitlines() if line.startswith("#")}
    urls = [link["url"] for panel in panels(BOARD) for link in panel["links"]]
    assert {url for url in urls if url.removeprefix("${runbooks:raw}#") not in headings} == set()


def test_the_picture_is_small() -> None:
    """It is fetched with every visit of the page."""
    assert 50_000 < (ROOT / "docs" / "dashboard.png").stat().st_size < 300_000
