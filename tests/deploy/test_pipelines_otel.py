"""The OpenTelemetry Collector, with the configuration as it is shipped, on a real poller's output."""

import importlib.util
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.pipelines import PIPELINES, Output, logged, plain, recorded
from tests.e2e.live import wait_until
from tests.schema import Event

__all__ = ["recorded"]

CONFIG: Final = PIPELINES / "otel-collector.yaml"
SEVERITY: Final = {"info": 9, "warning": 13}
"""Of OpenTelemetry's numbers, the first of INFO and of WARN."""


class Backend:
    """An OTLP/HTTP endpoint on a free loopback port, which keeps the log ``records`` by path."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, Any]]] = {"completions": [], "failures": []}
        records = self.records

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                records[self.path.split("/")[1]] += _records(body)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's own name)
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def ids(self, path: str) -> set[str]:
        """Tell the ids that have come."""
        return {record["attributes"]["log.record.uid"] for record in list(self.records[path])}


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Receive what the Collector sends."""
    backend = Backend()
    thread = threading.Thread(target=backend.server.serve_forever, daemon=True)
    thread.start()
    yield backend
    backend.server.shutdown()
    thread.join()
    backend.server.server_close()


@pytest.mark.parametrize("framing", ["containerd", "cri-o", "docker"])
def test_the_collector_makes_log_records_of_all_completions(
    framing: str, recorded: Output, backend: Backend, tmp_path: Path
) -> None:
    """Each with all that its event says, failures at their own place too; a repeat has the same id."""
    logs = logged(recorded, framing, tmp_path)
    with collector(logs, backend, tmp_path):
        wait_until(
            lambda: (
                backend.ids("completions") >= recorded.events.keys() and backend.ids("failures") >= recorded.failures
            ),
            "every record",
        )
    assert backend.ids("completions") == recorded.events.keys()
    assert backend.ids("failures") == recorded.failures
    told = [(record["attributes"]["log.record.uid"], _event(record)) for record in backend.records["completions"]]
    assert [event_id for event_id, event in told if event != recorded.events[event_id]] == []
    assert len(told) == len(recorded.events) + recorded.repeats


@contextmanager
def collector(logs: Path, backend: Backend, directory: Path) -> Iterator[None]:
    """Run the Collector on log files, with what of the configuration is of a place changed: paths, speed, encoding."""
    if (found := importlib.util.find_spec("otel_collector")) is None or found.origin is None:
        pytest.skip("not installed: make .venv/deploy.stamp")
    receiver = {"include": [str(logs)], "poll_interval": "50ms"}
    exporter = {"encoding": "json", "compression": "none"}
    here = {
        "receivers": {"filelog/completions": receiver, "filelog/failures": receiver},
        "exporters": {"otlphttp/completions": exporter, "otlphttp/failures": exporter},
        "service": {"telemetry": {"metrics": {"level": "none"}}},
    }
    (directory / "here.yaml").write_text(json.dumps(here))
    binary = Path(found.origin).parent / "bin" / "otelcol-contrib_linux_amd64"
    endpoints = {f"{name.upper()}_ENDPOINT": f"{backend.address}/{name}" for name in backend.records}
    command = [str(binary), f"--config={CONFIG}", f"--config={directory / 'here.yaml'}"]
    with (directory / "collector.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **endpoints}, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0, (directory / "collector.log").read_text()


def _records(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in body["resourceLogs"]:
        assert resource["resource"]["attributes"] == [
            {"key": "service.name", "value": {"stringValue": "uphone-job-poller"}}
        ]
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                attributes = {entry["key"]: plain(entry["value"]) for entry in record["attributes"]}
                yield {**record, "attributes": attributes}


def _event(record: dict[str, Any]) -> Event:
    """Put the event together again from where its fields have gone, and check those that are told twice."""
    attributes = record["attributes"]
    assert attributes.keys() == {"uphone", "event.name", "log.record.uid"}
    event: Event = {
        **attributes["uphone"],
        "message": record["body"]["stringValue"],
        "event_name": attributes["event.name"],
        "event_id": attributes["log.record.uid"],
    }
    assert int(record["timeUnixNano"]) // 1_000_000 == _milliseconds(event["timestamp"])
    assert record["severityNumber"] == SEVERITY[event["level"]]
    return event


def _milliseconds(timestamp: str) -> int:
    since = datetime.fromisoformat(timestamp) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000
