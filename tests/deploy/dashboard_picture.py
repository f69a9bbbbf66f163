"""Draws the dashboard from its own queries and grid, where there is no Grafana at hand; run it against a Prometheus.

``python -m tests.deploy.dashboard_picture http://127.0.0.1:9090 60 docs/dashboard.png`` shows the last hour.
"""

import math
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import Final

from tests.deploy.dashboard import Asked, Json, asked, legend_of, load
from tests.deploy.dashboard_data import Prometheus, Series, View
from tests.deploy.dashboard_plots import Frame, Line, heat_map, marker, spark, state_timeline, time_series
from tests.deploy.dashboard_units import color, look, text, threshold_color
from tests.deploy.tools import run

_CELL: Final = (60, 38)
"""The grid's pitch in pixels; a panel leaves 8 of it free."""

_HEAD: Final = 78

_STYLE: Final = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px sans-serif; }
svg { display: block; } svg text { font: 11px sans-serif; }
.panel { position: absolute; background: #181b1f; border: 1px solid #24272c; box-sizing: border-box; overflow: hidden; }
.panel h2, .row { font-size: 13px; font-weight: 600; margin: 0; padding: 7px 8px; line-height: 16px; }
.row { position: absolute; font-size: 15px; }
.legend { padding: 0 8px; height: 34px; line-height: 17px; overflow: hidden; color: #9fa7b3; font-size: 11px; }
.legend span { margin-right: 12px; white-space: nowrap; display: inline-block; }
.legend i { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle; }
.stat { color: #fff; text-align: center; text-shadow: 0 0 3px #0008; }
.stat b { font-size: 30px; position: absolute; left: 0; right: 0; top: 56px; }
.stat svg { position: absolute; left: 0; bottom: 0; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
td, th { text-align: left; padding: 5px 8px; border-bottom: 1px solid #24272c; white-space: nowrap; }
th { color: #6e9fff; font-weight: 600; }
.bar { position: absolute; left: 8px; top: 10px; font-size: 18px; } .bar span { font-size: 12px; margin-right: 14px; }
.bar em { background: #24272c; padding: 4px 8px; font-style: normal; margin-left: 4px; }
"""


class Picture:
    """One page: the dashboard as it is in a view."""

    def __init__(self, dashboard: Json, view: View) -> None:
        self._dashboard = dashboard
        self._view = view

    def page(self) -> tuple[str, int]:
        """Return the HTML and its height in pixels."""
        panels = self._dashboard["panels"]
        parts = [self._heading(panel) if panel["type"] == "row" else self._panel(panel) for panel in panels]
        bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
        body = "".join([self._bar(), *parts])
        return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{body}", _HEAD + bottom * _CELL[1]

    def _bar(self) -> str:
        chosen = [
            f"<span>{escape(each['label'])}<em>{escape(_chosen(each['current']))}</em></span>"
            for each in self._dashboard["templating"]["list"]
            if each["hide"] == 0
        ]
        return f'<div class="bar">{escape(self._dashboard["title"])}<p>{"".join(chosen)}</p></div>'

    def _heading(self, panel: Json) -> str:
        return f'<div class="row" style="{_place(panel)}">{escape(panel["title"])}</div>'

    def _panel(self, panel: Json) -> str:
        answers = [(asked(panel, target), self._view.answer(asked(panel, target))) for target in panel["targets"]]
        named = [(legend_of(query.legend, each.labels), each) for query, found in answers for each in found]
        head = f"<h2>{escape(panel['title'])}</h2>"
        match panel["type"]:
            case "stat":
                return self._stat(panel, named)
            case "table":
                body = _table(panel, [each for _, each in named])
            case _:
                body = self._plot(panel, named)
        return f'<div class="panel" style="{_place(panel)}">{head}{body}</div>'

    def _stat(self, panel: Json, named: list[tuple[str, Series]]) -> str:
        defaults = panel["fieldConfig"]["defaults"]
        points = [point for _, series in named for point in series.points if not math.isnan(point[1])]
        words, ground = defaults["noValue"], "#3a3f47"
        if points:
            words = text(points[-1][1], defaults["unit"])
            ground = threshold_color(defaults["thresholds"], points[-1][1])
        width, height = _size(panel)
        return (
            f'<div class="panel stat" style="{_place(panel)};background:{ground}"><h2>{escape(panel["title"])}</h2>'
            f"{spark(points, width, height * 0.35)}<b>{escape(words)}</b></div>"
        )

    def _plot(self, panel: Json, named: list[tuple[str, Series]]) -> str:
        lines = [Line(name, each.points, look(panel, name, number)) for number, (name, each) in enumerate(named)]
        width, height = _size(panel)
        legend = 0 if panel["type"] == "heatmap" else 34
        step = max(self._view.step_of(asked(panel, target)) for target in panel["targets"])
        frame = Frame(self._view.start, self._view.end, step, width - 2, height - 32 - legend)
        draw = {"timeseries": time_series, "heatmap": heat_map, "state-timeline": state_timeline}[panel["type"]]
        svg = draw(lines, frame, panel).replace("<!--marks-->", self._annotations(panel, frame))
        if panel["type"] != "timeseries":
            return svg
        names = "".join(
            f'<span><i style="background:{line.look["stroke"]}"></i>{escape(line.name)}</span>' for line in lines
        )
        return f'{svg}<div class="legend">{names}</div>'

    def _annotations(self, panel: Json, frame: Frame) -> str:
        shown = (each for each in self._dashboard["annotations"]["list"] if panel["id"] in each["filter"]["ids"])
        return "".join(marker(at, frame, color(each["iconColor"])) for each in shown for at in self._times(each))

    def _times(self, annotation: Json) -> list[float]:
        query = Asked(annotation["name"], annotation["expr"], step=annotation["step"])
        found = [point for series in self._view.answer(query) for point in series.points if point[1] > 0]
        times = {value / 1000 for _, value in found} if annotation["useValueForTime"] else {at for at, _ in found}
        return sorted(at for at in times if self._view.start <= at <= self._view.end)


def _chosen(current: Json) -> str:
    words = current.get("text", "default")
    return words if isinstance(words, str) else ", ".join(words)


def _table(panel: Json, found: list[Series]) -> str:
    options = panel["transformations"][0]["options"]
    headings = options["renameByName"]
    unit, thresholds = (
        next(each["value"] for each in panel["fieldConfig"]["overrides"][0]["properties"] if each["id"] == key)
        for key in ("unit", "thresholds")
    )
    lines = []
    for series in sorted(found, key=lambda series: -series.points[-1][1]):
        value = series.points[-1][1]
        shown = {**{name: escape(series.labels.get(name, "")) for name in headings}, "Value": text(value, unit)}
        colors = {"Value": threshold_color(thresholds, value)}
        cells = [f'<td style="color:{colors.get(name, "inherit")}">{shown[name]}</td>' for name in headings]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings.values())
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _size(panel: Json) -> tuple[int, int]:
    at = panel["gridPos"]
    return at["w"] * _CELL[0] - 8, at["h"] * _CELL[1] - 8


def _place(panel: Json) -> str:
    at, (width, height) = panel["gridPos"], _size(panel)
    left, top = at["x"] * _CELL[0] + 4, _HEAD + at["y"] * _CELL[1]
    return f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"


def shoot(html: str, height: int, picture: Path) -> None:
    """Have Chromium make a picture of a page."""
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory) / "page.html"
        page.write_text(html)
        run(
            "chromium",
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={directory}/profile",
            f"--window-size={24 * _CELL[0]},{height}",
            f"--screenshot={picture.resolve()}",
            page.as_uri(),
        )


def main(url: str, minutes: str, picture: str) -> None:
    """Draw the last so many minutes."""
    now = time.time()
    dashboard = load()
    view = View(dashboard, Prometheus(url), start=now - 60 * float(minutes), end=now, scrape=5.0)
    html, height = Picture(dashboard, view).page()
    shoot(html, height, Path(picture))


if __name__ == "__main__":
    main(*sys.argv[1:])
