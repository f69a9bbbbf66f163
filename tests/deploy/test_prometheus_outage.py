"""A real Prometheus and a real Alertmanager, with the files as they are shipped, through an outage of the API.

What the files say in minutes is made to last seconds here, by one rule: every duration is divided by `FASTER`.
Addresses are those of the test. Nothing else is changed, thresholds least: the poller's interval is shorter instead.
"""

import json
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from poller.simulator.options import Options
from tests.deploy.alerting import PROMETHEUS
from tests.deploy.tools import need, path_of
from tests.e2e.live import LiveApi, Poller, wait_until

FASTER: Final = 60
"""So that 5m are 5 s, and scrapes come every quarter of a second."""

_MILLISECONDS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=(?:for|val|ait): )(\d+)([smhd])$", re.MULTILINE)
"""In a range of an expression, or after for, interval and wait."""


class BreakableApi(LiveApi):
    """The simulated API, which answers 503 to everything while it is ``broken``."""

    broken = False

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.broken:
            await Response(status_code=503)(scope, receive, send)
        else:
            await super()._app(scope, receive, send)


class Inbox:
    """A webhook on a free loopback port; ``notes`` are (status, alert) in the order in which they came."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []
        notes = self.notes

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                notes.extend((alert["status"], alert) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's own name)
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Receiver)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def has(self, status: str, name: str) -> bool:
        """Tell whether an alert has come with a status."""
        return any(each == status and alert["labels"]["alertname"] == name for each, alert in list(self.notes))


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """Receive what the Alertmanager sends."""
    inbox = Inbox()
    thread = threading.Thread(target=inbox.server.serve_forever, daemon=True)
    thread.start()
    yield inbox
    inbox.server.shutdown()
    thread.join()
    inbox.server.server_close()


def test_durations_become_shorter_and_nothing_else() -> None:
    """By the documented rule."""
    text = 'expr: rate(x{a="5m"}[10m]) > 600\nfor: 5m\nscrape_interval: 15s\ngroup_wait: 30s\nx: 5m\n'
    wanted = 'expr: rate(x{a="5m"}[10000ms]) > 600\nfor: 5000ms\nscrape_interval: 250ms\ngroup_wait: 500ms\nx: 5m\n'
    assert faster(text) == wanted


@pytest.mark.slow
def test_an_outage_is_told_and_its_end_too(tmp_path: Path, inbox: Inbox) -> None:
    """Whoever is on call has a message when it begins to count, and another when it is over."""
    need("prometheus", "alertmanager")
    well = Options(arrival_rate=2.0, failed_share=0.0, partial_share=0.0)
    with (
        BreakableApi(well) as api,
        Poller(api.url, {"POLLER_INTERVAL": "1s"}) as poller,  # less is late on a busy machine
        alertmanager(tmp_path, inbox) as told,
        prometheus(tmp_path, scraped=poller.address.removeprefix("http://"), told=told) as asked,
    ):
        # Prometheus takes up to five seconds to begin with scrapes, which to the rules are five minutes without any.
        wait_until(lambda: query(asked, "uphone_target_up") == ["1"], "a complete cycle")
        wait_until(lambda: fired(asked) == set(), "no alert")

        api.broken = True
        wait_until(lambda: inbox.has("firing", "UPhoneTargetDown"), "the alert")
        assert fired(asked) == {"UPhoneTargetDown"}
        assert active(told) == {"UPhoneTargetDown"}

        api.broken = False
        wait_until(lambda: inbox.has("resolved", "UPhoneTargetDown"), "its end")
        assert fired(asked) == set()
    alert = next(each for _, each in inbox.notes if each["labels"]["alertname"] == "UPhoneTargetDown")
    assert alert["labels"]["city_id"] == "cn-hangzhou"
    assert alert["annotations"]["summary"] == "UPhone jobs of cn-hangzhou (default) cannot be read"


@pytest.mark.parametrize(
    ("cause", "consequences", "others", "apart"),
    [
        ("UPhoneTargetDown", {"UPhoneNoCompleteCycle"}, {"UPhoneJobsStuck"}, "city_id"),
        ("UPhoneTargetDown", {"UPhoneCyclesLate", "UPhoneDetectionSlow"}, {"UPhoneJobsStuck"}, "product_type"),
        ("UPhoneEventsStuck", {"UPhoneNoCompleteCycle", "UPhoneCyclesLate"}, {"UPhoneJobsStuck"}, "instance"),
        ("UPhoneStateNotSaved", {"UPhoneStateSaveFailing"}, {"UPhoneEventsStuck"}, "instance"),
        ("UPhonePollerAbsent", {"UPhonePollerDown"}, {"UPhoneStateNotSaved"}, ""),
    ],
)
def test_what_follows_from_another_alert_is_held_back(
    tmp_path: Path, inbox: Inbox, cause: str, consequences: set[str], others: set[str], *, apart: str
) -> None:
    """Where it is of the same target or poller: those whose label ``apart`` alone is another are told."""
    here = {"job": "p", "instance": "a", "project_id": "org-x", "region": "r", "city_id": "c", "product_type": "u"}
    with alertmanager(tmp_path, inbox) as told:
        tell(told, [{"alertname": name, **here} for name in consequences | others])
        wait_until(lambda: active(told) == consequences | others, "the alerts")
        tell(told, [{"alertname": cause, **here}])
        wait_until(lambda: active(told) == {cause} | others, "the cause to be the only one of them")
        if apart:
            tell(told, [{"alertname": name, **here, apart: "other"} for name in consequences])
            wait_until(lambda: active(told) == {cause} | others | consequences, "those of other targets")


def faster(text: str) -> str:
    """Divide the durations of a file by `FASTER`."""

    def shorten(found: re.Match[str]) -> str:
        number, unit = found[1] or found[3], found[2] or found[4]
        return f"{max(1, int(number) * _MILLISECONDS[unit] // FASTER)}ms"

    return _DURATION.sub(shorten, text)


def shipped(name: str, to: Path, **addresses: str) -> Path:
    """Write a shipped file elsewhere, faster, with other addresses in the place of those at its own ports."""
    text = faster((PROMETHEUS / name).read_text())
    for port, address in addresses.items():
        own = f"127.0.0.1:{port.removeprefix('at_')}"
        assert text.count(own) == 1
        text = text.replace(own, address)
    (to / name).write_text(text)
    return to / name


@contextmanager
def alertmanager(directory: Path, inbox: Inbox) -> Iterator[str]:
    """Run the Alertmanager; give its host and port."""
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        f"--config.file={shipped('alertmanager.yaml', directory, at_8080=inbox.address)}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running("alertmanager", *arguments):
        wait_until(lambda: get(f"http://{address}/-/ready") is not None, "the Alertmanager")
        yield address


@contextmanager
def prometheus(directory: Path, *, scraped: str, told: str) -> Iterator[int]:
    """Run Prometheus; give its port."""
    port = free_port()
    shipped("rules.yaml", directory)
    arguments = [
        f"--config.file={shipped('prometheus.yaml', directory, at_10766=scraped, at_9093=told)}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=1s",
    ]
    with running("prometheus", *arguments):
        yield port


@contextmanager
def running(program: str, *arguments: str) -> Iterator[None]:
    """Run a program until the block ends."""
    command = [path_of(program), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def get(url: str) -> bytes | None:
    """Ask for a page; None if there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 (loopback)
            body: bytes = response.read()
            return body
    except OSError:
        return None


def query(port: int, expression: str, label: str = "") -> list[str]:
    """Return the values of an expression now, or those of a label; none before Prometheus answers."""
    body = get(f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    found = json.loads(body)["data"]["result"] if body else []
    return [series["metric"][label] if label else series["value"][1] for series in found]


def fired(port: int) -> set[str]:
    """Return the alerts that Prometheus says are firing."""
    return set(query(port, 'ALERTS{alertstate="firing"}', "alertname"))


def tell(alertmanager_at: str, alerts: list[dict[str, str]]) -> None:
    """Send alerts with these labels, as Prometheus would."""
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    request = urllib.request.Request(
        f"http://{alertmanager_at}/api/v2/alerts", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 (loopback)
        pass


def active(alertmanager_at: str) -> set[str]:
    """Return the alerts that the Alertmanager has and does not hold back."""
    body = get(f"http://{alertmanager_at}/api/v2/alerts?active=true&inhibited=false&silenced=false")
    return {alert["labels"]["alertname"] for alert in json.loads(body or b"[]")}
