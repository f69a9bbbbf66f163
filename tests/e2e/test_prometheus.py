"""A real Prometheus scrapes a real poller."""

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from poller.simulator.options import Options
from tests.e2e.live import LiveApi, Poller, wait_until

CONFIGURATION = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: poller
    static_configs: [{{targets: ["{address}"]}}]
"""


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed (Debian: prometheus)")
def test_a_query_gives_jobs_by_state(tmp_path: Path) -> None:
    """`uphone_jobs` by state, as many as the API has."""
    fleet = Options(active_jobs=30, arrival_rate=0, queue_time=(600, 900), run_time=(600, 900))
    with LiveApi(fleet) as api, Poller(api.url) as poller:
        (tmp_path / "prometheus.yml").write_text(CONFIGURATION.format(address=poller.address.removeprefix("http://")))
        port = _free_port()
        command = [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as prometheus:
            try:
                by_state = "sum by (state) (uphone_jobs)"
                wait_until(lambda: bool(_query(port, by_state)), "a scrape")
                found = {series["metric"]["state"]: float(series["value"][1]) for series in _query(port, by_state)}
                assert sum(found.values()) == 30
                assert set(found) == {"PENDING", "RUNNING", "UNKNOWN"}
                assert [series["value"][1] for series in _query(port, "up")] == ["1"]
            finally:
                prometheus.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _query(port: int, expression: str) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            result: list[dict[str, Any]] = json.load(response)["data"]["result"]
            return result
    except OSError:
        return []
