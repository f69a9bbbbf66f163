"""Plots of the picture, as SVG: lines and areas, heat maps, and state timelines."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from tests.deploy.dashboard import Json
from tests.deploy.dashboard_units import color, text

Points = Sequence[tuple[float, float]]

_LEFT: Final = 58
_BOTTOM: Final = 18
_TOP: Final = 6
_GRID: Final = "#2c3235"
_BLUES: Final = ("#16202b", "#17406b", "#1f60c4", "#3274d9", "#5794f2", "#8ab8ff", "#c0d8ff")


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name, its points, and the options of its field."""

    name: str
    points: Points
    look: Json


@dataclass(frozen=True, slots=True)
class Frame:
    """The time range of a plot, in Unix seconds, its step, and its size in pixels."""

    start: float
    end: float
    step: float
    width: float
    height: float

    def x(self, at: float) -> float:
        """Return where a time is."""
        share = (at - self.start) / (self.end - self.start)
        return _LEFT + share * (self.width - _LEFT - 8)

    def y(self, value: float, top: float) -> float:
        """Return where a value is, if ``top`` is the greatest."""
        room = self.height - _TOP - _BOTTOM
        return _TOP + room * (1 - min(value, top) / top)


def time_series(lines: Sequence[Line], frame: Frame, panel: Json) -> str:
    """Draw lines from 0 up, those of the stack on each other, with the thresholds that are within."""
    defaults = panel["fieldConfig"]["defaults"]
    drawn = list(_stacked(lines))
    soft = max((float(line.look.get("custom.axisSoftMax", 0.0)) for line in lines), default=0.0)
    most = max((value for _, _, over in drawn for _, value in over), default=0.0)
    top = _nice(max(soft, most) or 1.0, defaults["unit"])
    marks = [*_times(frame), *_values(frame, top, defaults["unit"])]
    for line, under, over in reversed(drawn):
        marks.extend(_area(line, under, over, frame, top))
    if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed":
        marks.extend(
            _across(frame.y(step["value"], top), frame, color(step["color"]))
            for step in defaults["thresholds"]["steps"]
            if step["value"] is not None and step["value"] <= top
        )
    return _svg(marks, frame)


def heat_map(lines: Sequence[Line], frame: Frame, panel: Json) -> str:
    """Draw a cell for each bucket and step; ``lines`` are cumulative, named by their upper bound."""
    ordered = sorted(lines, key=lambda line: float(line.name))
    below: dict[float, float] = {}
    rows: list[tuple[str, dict[float, float]]] = []
    for line in ordered:
        now = dict(line.points)
        rows.append((line.name, {at: max(0.0, value - below.get(at, 0.0)) for at, value in now.items()}))
        below = now
    most = max((value for _, row in rows for value in row.values()), default=1.0) or 1.0
    tall = (frame.height - _TOP - _BOTTOM) / max(1, len(rows))
    marks = list(_times(frame))
    for number, (bound, row) in enumerate(rows):
        y = frame.height - _BOTTOM - (number + 1) * tall
        label = "∞" if bound == "+Inf" else text(float(bound), panel["options"]["yAxis"]["unit"])
        if number % 2 == 0:
            marks.append(_label(_LEFT - 6, y + tall / 2 + 4, label, "end"))
        wide = frame.x(frame.start + frame.step) - frame.x(frame.start)
        for at, value in row.items():
            if value > 1e-9:
                shade = _BLUES[min(len(_BLUES) - 1, math.ceil((value / most) ** 0.5 * (len(_BLUES) - 1)))]
                left = max(float(_LEFT), frame.x(at) - wide)
                marks.append(
                    f'<rect x="{left:.1f}" y="{y:.1f}" width="{max(1.0, frame.x(at) - left - 0.6):.1f}" '
                    f'height="{tall - 1:.1f}" fill="{shade}"/>'
                )
    return _svg(marks, frame)


def state_timeline(lines: Sequence[Line], frame: Frame, panel: Json) -> str:
    """Draw a bar for each series, coloured by the mapping of its value."""
    states = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    tall = (frame.height - _TOP - _BOTTOM) / max(1, len(lines))
    marks = list(_times(frame))
    for number, line in enumerate(sorted(lines, key=lambda line: line.name)):
        y = _TOP + number * tall
        for (at, value), (until, _) in pairwise([*line.points, (frame.end, 0.0)]):
            left, right = frame.x(at), frame.x(min(until, at + frame.step))
            marks.append(
                f'<rect x="{left:.1f}" y="{y + tall * 0.1:.1f}" width="{right - left + 0.4:.1f}" '
                f'height="{tall * 0.8:.1f}" fill="{color(states[f"{value:g}"]["color"])}" fill-opacity="0.75"/>'
            )
        marks.append(_label(_LEFT + 8, y + tall / 2 + 4, line.name, "start", "#ffffff"))
    return _svg(marks, frame)


def spark(points: Points, width: float, height: float) -> str:
    """Draw the course of one number as a ground for it."""
    if not points:
        return ""
    top = max(value for _, value in points) or 1.0
    first, last = points[0][0], points[-1][0]
    scaled = [(width * (at - first) / ((last - first) or 1.0), height - height * value / top) for at, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in scaled)
    return (
        f'<svg width="{width}" height="{height}"><polygon points="0,{height} {path} {width},{height}" '
        f'fill="#000" fill-opacity="0.15"/></svg>'
    )


def marker(at: float, frame: Frame, stroke: str) -> str:
    """Draw an annotation: a dashed line with a triangle at its foot."""
    x, foot = frame.x(at), frame.height - _BOTTOM
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{foot}" stroke="{stroke}" stroke-dasharray="3 3"/>'
        f'<polygon points="{x - 4:.1f},{foot + 6} {x + 4:.1f},{foot + 6} {x:.1f},{foot}" fill="{stroke}"/>'
    )


def _stacked(lines: Sequence[Line]) -> Iterator[tuple[Line, dict[float, float], Points]]:
    """Yield each line, what lies below it, and its points on top of that; NaN is a gap."""
    heaps: dict[str, dict[float, float]] = {}
    for line in lines:
        known = [(at, value) for at, value in line.points if not math.isnan(value)]
        stacking = line.look["custom.stacking"]
        heap = heaps.setdefault(stacking["group"], {})
        if stacking["mode"] == "normal":
            under = {at: heap.get(at, 0.0) for at, _ in known}
            heap.update({at: under[at] + value for at, value in known})
            yield line, under, [(at, heap[at]) for at, _ in known]
        else:
            yield line, {}, known


def _area(line: Line, under: dict[float, float], over: Points, frame: Frame, top: float) -> Iterator[str]:
    fill, dash = line.look["custom.fillOpacity"] / 100, line.look.get("custom.lineStyle", {}).get("dash", [])
    for run in _runs(over, frame.step):
        upper = [f"{frame.x(at):.1f},{frame.y(value, top):.1f}" for at, value in run]
        lower = [f"{frame.x(at):.1f},{frame.y(under.get(at, 0.0), top):.1f}" for at, _ in reversed(run)]
        if fill:
            yield f'<polygon points="{" ".join(upper + lower)}" fill="{line.look["stroke"]}" fill-opacity="{fill:g}"/>'
        yield (
            f'<polyline points="{" ".join(upper)}" fill="none" stroke="{line.look["stroke"]}" stroke-width="1.4" '
            f'stroke-dasharray="{" ".join(map(str, dash))}"/>'
        )
        if len(run) == 1:
            x, y = upper[0].split(",")
            yield f'<circle cx="{x}" cy="{y}" r="2" fill="{line.look["stroke"]}"/>'


def _runs(points: Points, step: float) -> Iterator[Points]:
    """Cut at gaps."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if run and at - run[-1][0] > step * 1.5:
            yield run
            run = []
        run.append((at, value))
    if run:
        yield run


def _times(frame: Frame) -> Iterator[str]:
    every = next((step for step in (60, 120, 300, 600, 1800, 3600) if (frame.end - frame.start) / step <= 7), 7200)
    for at in range(math.ceil(frame.start / every) * every, int(frame.end) + 1, every):
        x = frame.x(at)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{frame.height - _BOTTOM}" stroke="{_GRID}"/>'
        yield _label(x, frame.height - 4, time.strftime("%H:%M", time.gmtime(at)), "middle")


def _values(frame: Frame, top: float, unit: str) -> Iterator[str]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = frame.y(share * top, top)
        yield f'<line x1="{_LEFT}" x2="{frame.width - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_GRID}"/>'
        yield _label(_LEFT - 6, y + 4, text(share * top, unit), "end")


def _nice(value: float, unit: str) -> float:
    sizes = {"bytes": (2.0**20,), "s": (3600.0, 60.0)}.get(unit, ())
    size = next((each for each in sizes if value >= each), 1.0)
    power = size * 10.0 ** math.floor(math.log10(value / size))
    return next(each * power for each in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if each * power >= value * 0.999)


def _across(y: float, frame: Frame, stroke: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{frame.width - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="{stroke}" '
        'stroke-dasharray="8 6" stroke-width="1.2"/>'
    )


def _label(x: float, y: float, words: str, anchor: str, fill: str = "#9fa7b3") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(words)}</text>'


def _svg(marks: Sequence[str], frame: Frame) -> str:
    return f'<svg width="{frame.width:g}" height="{frame.height:g}">{"".join(marks)}<!--marks--></svg>'
