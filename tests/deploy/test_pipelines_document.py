"""docs/pipelines.md against the files that it speaks of."""

import re

from poller.events import schema
from tests.deploy.pipelines import ECS, PIPELINES
from tests.deploy.tools import ROOT

DOCUMENT = ROOT / "docs" / "pipelines.md"
TEXT = DOCUMENT.read_text()


def rows() -> list[list[str]]:
    """Return the cells of the table of fields, without its head."""
    between = TEXT.split("<!-- fields -->")[1].split("<!-- end -->")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in between.strip().splitlines()[2:]]


def test_the_table_has_every_field_of_the_event() -> None:
    """Of a finished job's, each once."""
    named = sorted(row[0].strip("`") for row in rows())
    assert named == sorted(schema()["$defs"]["JobFinished"]["properties"])


def test_the_table_has_the_places_of_elastics_schema() -> None:
    """First in its cell, those that the program is tested to fill."""
    places = {row[0].strip("`"): row[1].split(",")[0].strip("`") for row in rows()}
    assert {field: place for field, place in places.items() if place != "uphone.*"} == ECS


def test_every_configuration_is_named() -> None:
    """None lies there unexplained."""
    assert {path.name for path in PIPELINES.iterdir()} <= set(re.findall(r"\[([\w.-]+)\]\(", TEXT))
