"""The dashboard as Grafana would read it: its panels, its queries, and what its variables stand for."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.deploy.tools import DEPLOY

PATH: Final = DEPLOY / "grafana" / "dashboard.json"

Json = dict[str, Any]

_VARIABLE: Final = re.compile(r"\$(?:(?P<plain>\w+)|\{(?P<braced>\w+)(?::\w+)?\})")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query and what asks it: a panel by its title, or an annotation by its name."""

    by: str
    expr: str
    legend: str = ""
    instant: bool = False
    step: str = ""


def load() -> Json:
    """Read the dashboard that is shipped."""
    dashboard: Json = json.loads(PATH.read_text())
    return dashboard


def panels(dashboard: Json) -> list[Json]:
    """Return the panels that show something: all but the headings of rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: Json) -> Iterator[Asked]:
    """Yield every query of panels and annotations."""
    yield from queries_of_panels(dashboard)
    for each in dashboard["annotations"]["list"]:
        yield Asked(each["name"], each["expr"], each["titleFormat"], step=each["step"])


def queries_of_panels(dashboard: Json) -> Iterator[Asked]:
    """Yield every query of panels."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield asked(panel, target)


def asked(panel: Json, target: Json) -> Asked:
    """Return what one target of a panel asks."""
    legend = "" if target["legendFormat"] == "__auto" else target["legendFormat"]
    return Asked(panel["title"], target["expr"], legend, instant=target["instant"], step=target["interval"])


def named(text: str) -> set[str]:
    """Return the variables that a text names."""
    return {match["plain"] or match["braced"] for match in _VARIABLE.finditer(text)}


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Replace variables by what they stand for; ``KeyError`` if one stands for nothing."""
    return _VARIABLE.sub(lambda match: values[match["plain"] or match["braced"]], text)


def legend_labels(legend: str) -> set[str]:
    """Return the labels that a legend shows."""
    return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))


def legend_of(legend: str, labels: Mapping[str, str]) -> str:
    """Return how a series is called; without a legend, by its labels."""
    if not legend:
        return ", ".join(labels.values())
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), legend)
