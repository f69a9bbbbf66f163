"""Writes dashboard.json beside it: ``python -m deploy.grafana``."""

import json
from pathlib import Path

from deploy.grafana.dashboard import DASHBOARD

Path(__file__).with_name("dashboard.json").write_text(json.dumps(DASHBOARD, indent=2, ensure_ascii=False) + "\n")
