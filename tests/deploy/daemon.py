"""The poller in a container, and what can be asked of it from outside."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.engine import HARDENED, IMAGE, Engine
from tests.deploy.fleet import settings
from tests.schema import read_event

PATIENCE = 60.0
"""Seconds for anything to happen."""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look a few times a second until something has happened; fail if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(0.3)


@dataclass(frozen=True)
class Container:
    """A container of the image, with its port of the host's loopback."""

    engine: Engine
    name: str
    port: int

    @property
    def lines(self) -> list[str]:
        """What it has written to stdout."""
        return self.engine.logs(self.name)[0]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its event lines."""
        return [read_event(line) for line in self.lines]

    @property
    def diagnostics(self) -> list[dict[str, Any]]:
        """What it has written to stderr."""
        return [json.loads(line) for line in self.engine.logs(self.name)[1]]

    @property
    def process(self) -> Path:
        """Where the host tells of its first process."""
        return Path("/proc", str(self.engine.inspect("container", self.name)["State"]["Pid"]))

    @property
    def status(self) -> dict[str, str]:
        """What the kernel says of its first process, by name."""
        rows = (self.process / "status").read_text(encoding="utf-8").splitlines()
        return {name: value.strip() for name, _, value in (row.partition(":") for row in rows)}

    def resident(self, name: str = "VmRSS") -> float:
        """Return the resident memory of its first process in MiB, or with ``VmHWM`` its peak."""
        return int(self.status[name].split()[0]) / 1024

    def cgroup(self, old: str, new: str) -> int | None:
        """Read a number of its memory cgroup, by its name in version 1 and in version 2; None if there is none."""
        rows = (self.process / "cgroup").read_text(encoding="utf-8").splitlines()
        parts = {kind: path.removeprefix("/") for _, kind, path in (row.split(":", 2) for row in rows)}
        root = Path("/sys/fs/cgroup")
        file = root / "memory" / parts["memory"] / old if "memory" in parts else root / parts[""] / new
        text = file.read_text(encoding="utf-8").strip() if file.exists() else ""
        return int(text) if text.isdecimal() else None

    def get(self, path: str) -> str:
        """Ask one of its endpoints, which must answer 200."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            text: bytes = answer.read()
            return text.decode()

    def answers(self, path: str) -> bool:
        """Tell whether one of its endpoints answers 200."""
        try:
            return bool(self.get(path))
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def inside(self, *command: str) -> str:
        """Run a command in it and return what it prints."""
        return self.engine.podman("exec", self.name, *command)

    def await_events(self, count: int) -> None:
        """Wait until it has written so many."""
        wait_until(lambda: len(self.lines) >= count, f"{count} events")

    def end(self, signal: str) -> int:
        """Send it a signal, as the runtime would, and return its exit code."""
        self.engine.podman("kill", f"--signal={signal}", self.name)
        return int(self.engine.podman("wait", self.name))


@contextmanager
def running(
    engine: Engine, url: str, keys: Path, *options: str, port: int, more: Mapping[str, str] | None = None
) -> Iterator[Container]:
    """Run the image as docs/operations.md says to, against an API."""
    variables = {**settings(url, port=port), **(more or {})}
    environment = (f"--env={name}={value}" for name, value in variables.items())
    mount = f"--volume={keys}:/run/ucloud:ro"
    with engine.container(*HARDENED, *environment, mount, *options, IMAGE) as name:
        yield Container(engine, name, port)
