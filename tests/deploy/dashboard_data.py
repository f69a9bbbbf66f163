"""A real Prometheus, and what it answers to the dashboard's queries for one time range, as Grafana would ask them."""

import json
import re
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.deploy.dashboard import Asked, Json, substituted
from tests.deploy.tools import path_of
from tests.e2e.live import wait_until

_CONFIGURATION: Final = """\
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: uphone-job-poller
    static_configs: [{{targets: {addresses}}}]
"""


@dataclass(frozen=True, slots=True)
class Series:
    """The labels of a series and its points: a time in Unix seconds and a value each."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


class Prometheus:
    """The HTTP API of a Prometheus; an error it answers with fails with what it says."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expr: str, at: float | None = None) -> list[Series]:
        """Evaluate at one time, now unless given."""
        found = self._get("query", query=expr, **({} if at is None else {"time": f"{at:.3f}"}))["data"]["result"]
        return [Series(each["metric"], [_point(each["value"])]) for each in found]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Evaluate every ``step`` seconds."""
        answer = self._get("query_range", query=expr, start=f"{start:.3f}", end=f"{end:.3f}", step=f"{step:g}")
        found = answer["data"]["result"]
        return [Series(each["metric"], [_point(pair) for pair in each["values"]]) for each in found]

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return the values that a label has in the series of a selector."""
        found: list[str] = self._get(f"label/{label}/values", **{"match[]": selector})["data"]
        return found

    def ready(self) -> bool:
        """Tell whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as response:  # noqa: S310 (loopback)
                return bool(response.status == 200)
        except OSError:
            return False

    def _get(self, path: str, **parameters: str) -> Json:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 (loopback)
                answer: Json = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode()
            message = f"{parameters}: {said}"
            raise AssertionError(message) from None
        return answer


@contextmanager
def scraping(directory: Path, addresses: Sequence[str]) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes these addresses every second."""
    configuration = directory / "prometheus.yml"
    configuration.write_text(_CONFIGURATION.format(addresses=json.dumps(list(addresses))))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        path_of("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            prometheus = Prometheus(f"http://127.0.0.1:{port}")
            wait_until(prometheus.ready, "Prometheus")
            yield prometheus
        finally:
            process.terminate()


class View:
    """The dashboard over one time range, with the variables at their defaults.

    ``scrape`` is the scrape interval in seconds that Grafana would be told of, and ``step`` the ``$__interval`` of a
    query that asks for no greater one. Points are counted from the end, so that there is always one.
    """

    def __init__(self, dashboard: Json, prometheus: Prometheus, *, start: float, end: float, scrape: float) -> None:
        self.start, self.end = start, end
        self.step = max(scrape, round((end - start) / 240))
        self._prometheus = prometheus
        self._scrape = scrape
        self.values = {"__range": f"{round(end - start)}s"}
        for variable in dashboard["templating"]["list"]:
            self.values[variable["name"]] = self._default(variable)

    def step_of(self, asked: Asked) -> float:
        """Return the seconds between two points of an answer."""
        return max(self.step, _seconds(asked.step))

    def answer(self, asked: Asked) -> list[Series]:
        """Ask Prometheus what a panel or an annotation asks."""
        step = self.step_of(asked)
        windows = {"__interval": f"{step:g}s", "__rate_interval": f"{max(step + self._scrape, 4 * self._scrape):g}s"}
        expr = substituted(asked.expr, self.values | windows)
        if asked.instant:
            return self._prometheus.query(expr, self.end)
        return self._prometheus.query_range(expr, self.end - (self.end - self.start) // step * step, self.end, step)

    def choices(self, variable: Json) -> list[str]:
        """Return what a variable of labels offers, given those before it."""
        [(selector, label)] = re.findall(r"^label_values\((.+), (\w+)\)$", variable["query"]["query"])
        return self._prometheus.label_values(substituted(selector, self.values), label)

    def _default(self, variable: Json) -> str:
        if variable["type"] != "query":
            return str(variable["current"].get("value", ""))
        if "allValue" in variable:
            return str(variable["allValue"])
        # Without a value for all, Grafana names each, escaped for a regular expression within a string.
        return f"({'|'.join(map(re.escape, self.choices(variable)))})".replace("\\", "\\\\")


def _point(pair: tuple[float, str]) -> tuple[float, float]:
    return pair[0], float(pair[1])


def _seconds(duration: str) -> float:
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]] if duration else 0.0
