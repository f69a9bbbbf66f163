"""rsyslog, with the configuration as it is shipped, on a real poller's output."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import itemgetter
from pathlib import Path

import pytest

from tests.deploy.pipelines import PIPELINES, Output, logged, recorded
from tests.deploy.tools import path_of, run
from tests.e2e.live import wait_until
from tests.schema import Event

__all__ = ["recorded"]


@pytest.mark.parametrize("framing", ["none", "containerd", "docker"])
def test_rsyslog_writes_each_completion_once(framing: str, recorded: Output, tmp_path: Path) -> None:
    """As the poller wrote it, with its time in seconds; failures also apart; and none again when all is read again."""
    config = configured(logged(recorded, framing, tmp_path), tmp_path)
    for _ in range(2):
        # Without the place that rsyslog had reached it reads all of it again.
        for state in tmp_path.glob("imfile-state*"):
            state.unlink()
        with rsyslog(config, tmp_path):
            wait_until(lambda: len(written(tmp_path / "replays.jsonl")) == len(recorded.lines), "every line")
            wait_until(lambda: len(written(tmp_path / "completions.jsonl")) >= len(recorded.events), "completions")
            wait_until(lambda: len(written(tmp_path / "failures.jsonl")) >= len(recorded.failures), "failures")
        (tmp_path / "replays.jsonl").unlink()
    completions = sorted(written(tmp_path / "completions.jsonl"), key=itemgetter("event_id"))
    assert completions == sorted(recorded.events.values(), key=itemgetter("event_id"))
    assert sorted(event["event_id"] for event in written(tmp_path / "failures.jsonl")) == sorted(recorded.failures)


def configured(logs: Path, directory: Path) -> Path:
    """Write the configuration with the paths of a test, and with a file that takes what it does not drop, too."""
    text = (PIPELINES / "rsyslog.conf").read_text()
    text = text.replace("/var/log/uphone/events.jsonl", str(logs)).replace("/var/log/uphone", str(directory))
    text = text.replace("/usr/bin/python3 /etc/rsyslog.d", f"{sys.executable} {PIPELINES}")
    mark = "    # rsyslog cannot drop"
    assert mark in text
    action = f'    action(type="omfile" template="event" file="{directory}/replays.jsonl")\n'
    config = directory / "rsyslog.conf"
    config.write_text(f'global(workDirectory="{directory}")\n{text.replace(mark, action + mark)}')
    run("rsyslogd", "-N1", "-f", str(config))
    return config


@contextmanager
def rsyslog(config: Path, directory: Path) -> Iterator[None]:
    """Run rsyslog in the foreground, with nothing of the machine's own."""
    command = [path_of("rsyslogd"), "-n", "-f", str(config), "-i", str(directory / "pid")]
    with (directory / "rsyslogd.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0, (directory / "rsyslogd.log").read_text()


def written(path: Path) -> list[Event]:
    """Read the events that it has written, each beside its time in seconds, which is checked."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    entries = [json.loads(line) for line in lines]
    assert all(
        int(datetime.fromisoformat(entry["event"]["timestamp"]).timestamp()) == entry["unix"] for entry in entries
    )
    return [entry["event"] for entry in entries]
