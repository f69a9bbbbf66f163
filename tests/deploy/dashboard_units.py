"""How Grafana's units, colours and overrides look, as far as the picture needs them."""

import re
from typing import Final

from tests.deploy.dashboard import Json

COLORS: Final = {
    "green": "#73bf69",
    "yellow": "#f2cc0c",
    "orange": "#ff9830",
    "red": "#e02f44",
    "blue": "#5794f2",
    "purple": "#b877d9",
}
PALETTE: Final = (
    "#73bf69",
    "#f2cc0c",
    "#8ab8ff",
    "#ff780a",
    "#f2495c",
    "#5794f2",
    "#b877d9",
    "#705da0",
    "#37872d",
    "#fade2a",
)

_SECONDS: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_BYTES: Final = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def color(name: str) -> str:
    """Return a named colour's value, or the value itself."""
    return COLORS.get(name, name)


def text(value: float, unit: str) -> str:
    """Write a value with its unit."""
    match unit:
        case "s":
            return _scaled(value, _SECONDS)
        case "bytes":
            return _scaled(value, _BYTES)
        case "percentunit":
            return f"{value * 100:.3g}%"
        case "reqps":
            return f"{value:.3g} req/s"
    return f"{value:.4g}"


def threshold_color(thresholds: Json, value: float) -> str:
    """Return the colour of the highest threshold that a value reaches."""
    reached = [step["color"] for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return color(reached[-1])


def look(panel: Json, name: str, number: int) -> Json:
    """Return the field options of the series with this name, overrides included; its colour is ``stroke``."""
    defaults = panel["fieldConfig"]["defaults"]
    found = {**defaults, **{f"custom.{key}": value for key, value in defaults.get("custom", {}).items()}}
    for override in panel["fieldConfig"]["overrides"]:
        if _matches(override["matcher"], name):
            found.update({each["id"]: each["value"] for each in override["properties"]})
    fixed = found["color"].get("fixedColor") if "color" in found else None
    return {**found, "stroke": color(fixed) if fixed else PALETTE[number % len(PALETTE)]}


def _matches(matcher: Json, name: str) -> bool:
    if matcher["id"] == "byRegexp":
        return re.search(matcher["options"].strip("/"), name) is not None
    return bool(matcher["options"] == name)


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    for size, unit in units:
        if value >= size * 0.9995:
            return f"{value / size:.3g} {unit}"
    return "0" if value == 0 else f"{value / units[-1][0]:.3g} {units[-1][1]}"
