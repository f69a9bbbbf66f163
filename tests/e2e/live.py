"""Real things: the simulated API on a socket, and the poller as a process of its own."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import anyio
from starlette.types import Message, Receive, Scope, Send

from poller.simulator.app import Simulator
from poller.simulator.jobs import SimulatedJob
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Fault, Options
from poller.web.server import bind, serve

PATIENCE = 60.0
_LOOK_EVERY = 0.02

ACTIVE = {"PENDING", "RUNNING"}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look until something has happened; fail if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(_LOOK_EVERY)


class LiveApi:
    """The simulated API in a thread, on a free loopback port; it remembers what it has shown.

    Its world begins with the first request, so that a poller that starts slowly misses nothing.
    """

    def __init__(self, options: Options) -> None:
        self.shown: dict[str, set[str]] = {}
        self.requests = 0
        self._options = options
        self._simulator: Simulator | None = None
        self._sockets = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self._scope: anyio.CancelScope | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=anyio.run, args=(self._serve,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(PATIENCE)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._scope is not None
        anyio.from_thread.run_sync(self._scope.cancel, token=self._token)
        self._thread.join(PATIENCE)

    @property
    def truth(self) -> list[SimulatedJob]:
        """Every job that the API knows now."""
        return self._simulator.world.jobs_at(time.time()) if self._simulator else []

    @property
    def all_ended(self) -> bool:
        """Whether there were jobs and none is active any more."""
        return bool(truth := self.truth) and all(job.ended <= time.time() for job in truth)

    @property
    def seen_active(self) -> set[str]:
        """The jobs that were shown to the poller while they were active."""
        return {job_id for job_id, states in dict(self.shown).items() if states & ACTIVE}

    @property
    def faults(self) -> set[Fault]:
        """The kinds of trouble that it has made."""
        return set(self._simulator.api.counts.faults) if self._simulator else set()

    async def _serve(self) -> None:
        self._token = anyio.lowlevel.current_token()
        with anyio.CancelScope() as self._scope:
            async with anyio.create_task_group() as group:
                await group.start(serve, self._app, self._sockets)
                self._started.set()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        if self._simulator is None:
            self._simulator = Simulator(self._options, now=time.time, date_header=False)

        async def record(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._remember(message["body"])
            await send(message)

        await self._simulator(scope, receive, record)

    def _remember(self, body: bytes) -> None:
        with suppress(ValueError):
            match json.loads(body):
                case {"RetCode": 0, "Jobs": [*rows]}:
                    for row in rows:
                        self.shown.setdefault(row["JobId"], set()).add(row["State"])


class Poller:
    """``poller run`` against an API, with what it prints."""

    def __init__(self, url: str, settings: Mapping[str, str] | None = None, *, reads: bool = True) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "UCLOUD_API_BASE_URL": url,
            "UCLOUD_PUBLIC_KEY": DEMO_PUBLIC_KEY,
            "UCLOUD_PRIVATE_KEY": DEMO_PRIVATE_KEY,
            "POLLER_CITY_IDS": "cn-hangzhou",
            "POLLER_INTERVAL": "200ms",
            "POLLER_LISTEN": "127.0.0.1:0",
            "POLLER_MAX_RPS": "200",
            "POLLER_LOG_FORMAT": "json",
            **(settings or {}),
        }
        self.lines: list[str] = []
        self.stderr: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "poller", "run"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._readers = [threading.Thread(target=self._read_stderr, daemon=True)]
        self._readers[0].start()
        if reads:
            self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.ended()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The event lines so far, each of them whole."""
        return [json.loads(line) for line in list(self.lines)]

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The diagnostics so far."""
        return [json.loads(line) for line in list(self.stderr)]

    @property
    def reported(self) -> set[str]:
        """The jobs that were reported finished."""
        return {event["job_id"] for event in self.events}

    @property
    def address(self) -> str:
        """Where it serves metrics, which it logs at the start."""
        wait_until(lambda: any(log["message"] == "started" for log in self.logs), "the start")
        [started] = [log for log in self.logs if log["message"] == "started"]
        return f"http://{started['listen'][0]}"

    def read(self) -> None:
        """Begin to read stdout."""
        self._readers.append(threading.Thread(target=self._read_stdout, daemon=True))
        self._readers[-1].start()

    def get(self, path: str) -> tuple[int, str]:
        """Ask one of its endpoints: the status and the body."""
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=5) as response:  # noqa: S310 (loopback)
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """Read one series that has no labels, or the sum of a family."""
        _, text = self.get("/metrics")
        values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(map(float, values))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, as a container runtime would, and return its exit code; it has 5 s."""
        self.process.send_signal(number)
        return self.ended(within=5.0)

    def ended(self, within: float = PATIENCE) -> int:
        """Wait for its end and all that it printed."""
        code = self.process.wait(within)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code

    def _read_stdout(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr.extend(self.process.stderr)


def assert_exact(api: LiveApi, events: list[dict[str, Any]]) -> None:
    """Hold the events against the truth: each job that was seen active, once, in its true state. All have ended."""
    ids = [event["job_id"] for event in events]
    assert len(ids) == len(set(ids)), "a job was reported twice"
    assert len({event["event_id"] for event in events}) == len(ids)
    outcomes = {job.job_id: str(job.outcome) for job in api.truth}
    assert set(ids) == api.seen_active
    assert {event["job_id"]: event["state"] for event in events} == {job_id: outcomes[job_id] for job_id in ids}
