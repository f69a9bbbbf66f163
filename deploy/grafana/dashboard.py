"""The whole dashboard: rows, variables, annotations, and where it links to."""

from typing import Final

from deploy.grafana.cost import COST, POLLERS
from deploy.grafana.fields import BLUE, ORANGE, RED, Json
from deploy.grafana.health import HEALTH
from deploy.grafana.jobs import DURATIONS, JOBS
from deploy.grafana.panels import DATASOURCE, place
from deploy.grafana.selectors import OF_JOBS, OF_POLLER, OF_TARGET, TARGET

_ROWS: Final = (
    ("Health", HEALTH),
    ("Jobs", JOBS),
    ("How long jobs take", DURATIONS),
    ("API cost", COST),
    ("Pollers", POLLERS),
)

_PANELS: Final = place(_ROWS)


def _choice(name: str, label: str, of: str, *, each: bool = False) -> Json:
    """Offer a label's values, several or all of them; ``each`` has Grafana name every one where all are meant."""
    choice: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "definition": of,
        "query": {"query": of, "refId": name, "qryType": 1},
        "refresh": 2,
        "regex": "",
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 0,
        "skipUrlSync": False,
    }
    return choice if each else {**choice, "allValue": ".*"}


_DATASOURCE: Final[Json] = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "regex": "",
    "current": {},
    "refresh": 1,
    "multi": False,
    "includeAll": False,
    "options": [],
    "hide": 0,
    "skipUrlSync": False,
}

_WINDOW: Final[Json] = {
    "type": "interval",
    "name": "window",
    "label": "Window",
    "description": "Over how long ratios and quantiles are taken.",
    "query": "5m,15m,1h,6h,1d",
    "auto": False,
    "auto_count": 30,
    "auto_min": "10s",
    "refresh": 2,
    "current": {"selected": True, "text": "15m", "value": "15m"},
    "options": [{"selected": each == "15m", "text": each, "value": each} for each in ("5m", "15m", "1h", "6h", "1d")],
    "hide": 0,
    "skipUrlSync": False,
}

_RUNBOOKS_AT: Final[Json] = {
    "type": "textbox",
    "name": "runbooks",
    "label": "Runbooks at",
    "description": "Where you publish docs/runbooks.md.",
    "query": "docs/runbooks.md",
    "current": {"selected": True, "text": "docs/runbooks.md", "value": "docs/runbooks.md"},
    "options": [],
    "hide": 2,
    "skipUrlSync": False,
}

_VARIABLES: Final = (
    _DATASOURCE,
    # `up` and `process_*` are every program's.
    _choice("job", "Scrape job", "label_values(uphone_poller_build_info, job)", each=True),
    _choice("project", "Project", "label_values(uphone_target_up, project_id)"),
    _choice("city", "City", 'label_values(uphone_target_up{project_id=~"$project"}, city_id)'),
    _choice(
        "product_type",
        "Product type",
        'label_values(uphone_target_up{project_id=~"$project", city_id=~"$city"}, product_type)',
    ),
    _choice("job_type", "Job type", f"label_values(uphone_jobs_finished_total{{{OF_TARGET}}}, job_type)"),
    _WINDOW,
    _RUNBOOKS_AT,
)


def _annotation(name: str, color: str, expr: str, *, title: str, panels: tuple[str, ...], tags: str) -> Json:
    """Mark the times at which an expression is above 0, on the panels of these titles alone.

    The query is there twice: older Grafana reads it from the annotation itself, later ones from its target.
    """
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": "60s",
        "target": {"datasource": DATASOURCE, "expr": expr, "interval": "60s", "range": True, "refId": "Anno"},
        "titleFormat": title,
        "textFormat": "",
        "tagKeys": tags,
        "useValueForTime": False,
        "filter": {"exclude": False, "ids": [panel["id"] for panel in _PANELS if panel["title"] in panels]},
    }


_FAILED: Final = f'uphone_jobs_finished_total{{{OF_JOBS}, state="FAILED"}}'
_ANNOTATIONS: Final = (
    _annotation(
        "Failed jobs",
        RED,
        f"sum by (project_id, city_id, job_type) (max by ({TARGET}, job_type, state) (increase({_FAILED}[2m]))) > 0",
        title="{{job_type}} failed",
        panels=("Completions a minute", "Failure ratio", "Failures by type"),
        tags="project_id,city_id,job_type",
    ),
    _annotation(
        "Target down",
        ORANGE,
        f"max by ({TARGET}) (min_over_time(uphone_target_up{{{OF_TARGET}}}[1m])) == bool 0",
        title="{{city_id}} {{product_type}} is down",
        panels=("Time since the last complete cycle", "Active jobs by state", "Active jobs by type", "Detection delay"),
        tags="project_id,city_id,product_type",
    ),
    {
        **_annotation(
            "Poller started",
            BLUE,
            f"1000 * max by (instance) (process_start_time_seconds{{{OF_POLLER}}})",
            title="{{instance}} started",
            panels=(
                "Time since the last complete cycle",
                "API requests a second",
                "Rate limit",
                "Memory",
                "CPU",
                "Events",
            ),
            tags="instance",
        ),
        "useValueForTime": True,
    },
)

DASHBOARD: Final[Json] = {
    "title": "UPhone jobs",
    "uid": "uphone-job-poller",
    "description": "The UPhone jobs of a UCloud account and the pollers that watch them.",
    "tags": ["ucloud", "uphone"],
    "schemaVersion": 42,
    "version": 1,
    "editable": True,
    "graphTooltip": 1,
    "liveNow": False,
    "preload": False,
    "refresh": "30s",
    "time": {"from": "now-3h", "to": "now"},
    "timepicker": {},
    "timezone": "browser",
    "weekStart": "",
    "fiscalYearStartMonth": 0,
    "links": [
        {
            "title": "Runbooks",
            "url": "${runbooks:raw}",
            "targetBlank": True,
            "type": "link",
            "icon": "doc",
            "tooltip": "What to do when something is red",
            "asDropdown": False,
            "includeVars": False,
            "keepTime": False,
            "tags": [],
        }
    ],
    "annotations": {"list": list(_ANNOTATIONS)},
    "templating": {"list": list(_VARIABLES)},
    "panels": _PANELS,
}
"""Grafana's classic JSON model, schema version 42 (Grafana 12); later ones read it too."""
