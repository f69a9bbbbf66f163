"""How values look: colours, thresholds, and what sets some series apart from the rest."""

from collections.abc import Sequence
from typing import Final

Json = dict[str, object]

GREEN: Final = "green"
YELLOW: Final = "yellow"
ORANGE: Final = "orange"
RED: Final = "red"
BLUE: Final = "blue"
GREY: Final = "#8e8e8e"

Thresholds = Sequence[tuple[float, str]]
"""From which value on which colour holds; green below the first."""


def override(matcher: str, of: str, **properties: object) -> Json:
    """Give the series that match other properties than the rest."""
    return {
        "matcher": {"id": matcher, "options": of},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }


def colored(pattern: str, color: str) -> Json:
    """Give the series whose name matches a regular expression a colour of its own."""
    return override("byRegexp", f"/{pattern}/", color={"mode": "fixed", "fixedColor": color})


def dashed(pattern: str, color: str = GREY, *, stack: bool = False) -> Json:
    """Draw the series whose name matches as dashed lines without a ground, apart or as a stack of their own."""
    return override(
        "byRegexp",
        f"/{pattern}/",
        color={"mode": "fixed", "fixedColor": color},
        **{
            "custom.drawStyle": "line",
            "custom.fillOpacity": 0,
            "custom.lineStyle": {"fill": "dash", "dash": [6, 4]},
            "custom.showPoints": "never",
            "custom.stacking": {"mode": "normal" if stack else "none", "group": "B"},
        },
    )


def steps(thresholds: Thresholds) -> Json:
    """Return thresholds as Grafana takes them."""
    first: Json = {"color": GREEN, "value": None}
    return {"mode": "absolute", "steps": [first, *({"color": color, "value": value} for value, color in thresholds)]}
