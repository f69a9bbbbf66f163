"""The kinds of panel, as Grafana's classic JSON model has them, and how they are placed on its grid of 24 columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from deploy.grafana.fields import Json, Thresholds, override, steps

DATASOURCE: Final[Json] = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression and how its series are called.

    ``instant`` asks for the end of the time range alone; ``step`` is the least time between two points.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    heatmap: bool = False
    step: str = ""

    def target(self, ref_id: str) -> Json:
        """Return it as a panel's target."""
        return {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": self.expr,
            "format": "heatmap" if self.heatmap else "table" if self.instant else "time_series",
            "instant": self.instant,
            "interval": self.step,
            "legendFormat": self.legend or "__auto",
            "range": not self.instant,
            "refId": ref_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel without a place; ``width`` and ``height`` are in cells of the grid."""

    type: str
    title: str
    description: str
    queries: tuple[Query, ...]
    width: int
    height: int
    defaults: Json
    options: Json
    overrides: tuple[Json, ...] = ()
    transformations: tuple[Json, ...] = ()
    links: tuple[Json, ...] = ()

    def at(self, id_: int, x: int, y: int) -> Json:
        """Return it as Grafana takes it."""
        return {
            "id": id_,
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.target(ref) for ref, query in zip("ABCDEFG", self.queries, strict=False)],
            "fieldConfig": {"defaults": self.defaults, "overrides": list(self.overrides)},
            "options": self.options,
            "transformations": list(self.transformations),
            "links": list(self.links),
        }


def place(rows: Iterable[tuple[str, Sequence[Panel]]]) -> list[Json]:
    """Fill the grid from left to right and from top to bottom, under a heading for each row."""
    ids, y = count(1), 0
    placed: list[Json] = []
    for title, panels in rows:
        heading = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        placed.append(
            {"id": next(ids), "type": "row", "title": title, "collapsed": False, "gridPos": heading, "panels": []}
        )
        x, y, line = 0, y + 1, 0
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y, line = 0, y + line, 0
            placed.append(panel.at(next(ids), x, y))
            x, line = x + panel.width, max(line, panel.height)
        y += line
    return placed


def linked(panel: Panel, alert: str) -> Panel:
    """Link a panel to what the runbooks say of an alert about it."""
    link: Json = {"title": f"Runbook: {alert}", "url": f"${{runbooks:raw}}#{alert.lower()}", "targetBlank": True}
    return replace(panel, links=(link,))


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = "none",
    thresholds: Thresholds = (),
    empty: str = "no data",
) -> Panel:
    """Show one number on a coloured ground, with its course behind it."""
    return Panel(
        type="stat",
        title=title,
        description=description,
        queries=(Query(expr=expr),),
        width=3,
        height=4,
        defaults={
            "unit": unit,
            "min": 0,
            "noValue": empty,
            "color": {"mode": "thresholds"},
            "thresholds": steps(thresholds),
            "mappings": [],
        },
        options={
            "colorMode": "background",
            "graphMode": "area",
            "justifyMode": "center",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "showPercentChange": False,
            "textMode": "value",
            "wideLayout": True,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    )


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "none",
    stack: bool = False,
    thresholds: Thresholds = (),
    width: int = 8,
    overrides: tuple[Json, ...] = (),
) -> Panel:
    """Draw series over time from 0 up, stacked or as lines; thresholds are dashed lines."""
    defaults: Json = {
        "unit": unit,
        "min": 0,
        "color": {"mode": "palette-classic"},
        "thresholds": steps(thresholds),
        "mappings": [],
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 30 if stack else 5,
            "gradientMode": "none",
            "showPoints": "auto",
            "pointSize": 4,
            "spanNulls": False,
            "stacking": {"mode": "normal" if stack else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
            "axisSoftMin": 0,
        },
    }
    return Panel(
        type="timeseries",
        title=title,
        description=description,
        queries=queries,
        width=width,
        height=8,
        defaults=defaults,
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        overrides=overrides,
    )


def heatmap(title: str, description: str, expr: str, *, unit: str) -> Panel:
    """Show how many observations fell into which bucket, over time."""
    scale: Json = {"scale": "exponential", "exponent": 0.5, "fill": "dark-blue"}
    return Panel(
        type="heatmap",
        title=title,
        description=description,
        queries=(Query(expr=expr, legend="{{le}}", heatmap=True, step="1m"),),
        width=12,
        height=8,
        defaults={"custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False}}},
        options={
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": "none"},
            "color": {"mode": "scheme", "scheme": "Blues", "reverse": False, "steps": 64, **scale},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
            "yAxis": {"axisPlacement": "left", "unit": unit},
        },
    )


def timeline(title: str, description: str, query: Query, *, states: Sequence[tuple[str, str, str]]) -> Panel:
    """Draw a bar for each series, coloured by its state: ``states`` has each value, its text and its colour."""
    shown = {value: {"text": text, "color": color, "index": n} for n, (value, text, color) in enumerate(states)}
    return Panel(
        type="state-timeline",
        title=title,
        description=description,
        queries=(query,),
        width=12,
        height=8,
        defaults={
            "color": {"mode": "thresholds"},
            "thresholds": steps(()),
            "mappings": [{"type": "value", "options": shown}],
            "custom": {"fillOpacity": 70, "lineWidth": 0},
        },
        options={
            "alignValue": "left",
            "mergeValues": True,
            "rowHeight": 0.8,
            "showValue": "auto",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


def table(
    title: str,
    description: str,
    query: Query,
    *,
    columns: Sequence[tuple[str, str]],
    unit: str,
    thresholds: Thresholds = (),
    width: int = 8,
) -> Panel:
    """Show one line for each series, the greatest value first: ``columns`` gives for each label, in order, its heading.

    The value is the column ``Value``.
    """
    value = dict(columns)["Value"]
    hidden: Json = {"Time": True}
    return Panel(
        type="table",
        title=title,
        description=description,
        queries=(query,),
        width=width,
        height=8,
        defaults={"thresholds": steps(()), "mappings": [], "custom": {"align": "auto", "filterable": False}},
        options={
            "showHeader": True,
            "frameIndex": 0,
            "cellHeight": "sm",
            "sortBy": [{"displayName": value, "desc": True}],
        },
        overrides=(
            override(
                "byName",
                value,
                unit=unit,
                decimals=0,
                thresholds=steps(thresholds),
                color={"mode": "thresholds"},
                **{"custom.cellOptions": {"type": "color-text"}},
            ),
        ),
        transformations=(
            {
                "id": "organize",
                "options": {
                    "excludeByName": hidden,
                    "indexByName": {name: n for n, (name, _) in enumerate(columns)},
                    "renameByName": dict(columns),
                },
            },
        ),
    )
