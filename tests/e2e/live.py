"""Real things: the simulated API on a socket, and the poller as a process of its own."""

import fcntl
import json
import math
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
from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Fault, Options
from poller.simulator.truth import Run
from poller.web.server import bind, serve
from tests.schema import Event, read_event

PATIENCE = 100.0
"""Seconds for anything to happen. A job that no sweep showed takes a minute where listings are not newest first."""

ACTIVE = {"PENDING", "RUNNING"}


def wait_until(condition: Callable[[], bool], what: str, *, every: float = 0.02) -> None:
    """Look every so many seconds until something has happened; fail if it does not."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        time.sleep(every)


class LiveApi:
    """The simulated API in a thread, on a free loopback port; it remembers what it has ``shown``.

    ``news`` is how many answers were the first to show that some job has ended.
    Its world begins with the first request, so that a poller that starts slowly misses nothing.
    """

    def __init__(self, options: Options) -> None:
        self.shown: dict[str, set[str]] = {}
        self.requests = 0
        self.news = 0
        self._options = options
        self._simulator: Simulator | None = None
        self._sockets = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}"
        self._scope: anyio.CancelScope | None = None
        self._started = threading.Event()
        self._asked = threading.Condition()
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
    def began(self) -> float:
        """When its world began, in Unix seconds."""
        return self._simulator.world.start if self._simulator else math.inf

    @property
    def runs(self) -> dict[str, Run]:
        """What becomes of every job that there has been; no job is run twice."""
        if self._simulator is None:
            return {}
        # The world moves on when it is asked: only its own thread may.
        runs = anyio.from_thread.run_sync(self._simulator.world.runs, time.time(), token=self._token)
        return {run.job_id: run for run in runs}

    @property
    def all_ended(self) -> bool:
        """Whether there were jobs and none is active any more."""
        return bool(runs := self.runs) and all(run.ended <= time.time() for run in runs.values())

    def ended(self, until: float = math.inf, *, slack: float = 0.0) -> dict[str, Run]:
        """Tell the runs that have ended since it began, or ``slack`` seconds earlier, and until a time."""
        since, until = self.began - slack, min(until, time.time())
        return {job_id: run for job_id, run in self.runs.items() if since <= run.ended <= until}

    @property
    def seen_active(self) -> set[str]:
        """The jobs that were shown to the poller while they were active."""
        return {job_id for job_id, states in dict(self.shown).items() if states & ACTIVE}

    @property
    def faults(self) -> set[Fault]:
        """The kinds of trouble that it has made."""
        return set(self._simulator.api.counts.faults) if self._simulator else set()

    def await_requests(self, count: int) -> None:
        """Return as soon as so many more have come."""
        with self._asked:
            wanted = self.requests + count
            assert self._asked.wait_for(lambda: self.requests >= wanted, PATIENCE), f"waited for {count} requests"

    def await_news(self, count: int) -> None:
        """Return as soon as so many more answers bring news, right before the last of them is sent."""
        with self._asked:
            wanted = self.news + count
            assert self._asked.wait_for(lambda: self.news >= wanted, PATIENCE), f"waited for {count} answers with news"

    async def _serve(self) -> None:
        self._token = anyio.lowlevel.current_token()
        with anyio.CancelScope() as self._scope:
            async with anyio.create_task_group() as group:
                await group.start(serve, self._app, self._sockets)
                self._started.set()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._asked:
            self.requests += 1
            self._asked.notify_all()
        if self._simulator is None:
            self._simulator = Simulator(self._options, now=time.time, date_header=False, keep_history=True)

        async def record(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._remember(message["body"])
            await send(message)

        await self._simulator(scope, receive, record)

    def _remember(self, body: bytes) -> None:
        with suppress(ValueError):
            match json.loads(body):
                case {"RetCode": 0, "Jobs": [*rows]}:
                    ended = {row["JobId"] for row in rows if row["State"] not in ACTIVE}
                    news = any(self.shown.get(job_id, ACTIVE) <= ACTIVE for job_id in ended)
                    for row in rows:
                        self.shown.setdefault(row["JobId"], set()).add(row["State"])
                    with self._asked:
                        self.news += news
                        self._asked.notify_all()


class Poller:
    """``poller run`` against an API, with what it prints. Its stdout has ``room`` for so many bytes unread."""

    def __init__(
        self, url: str, settings: Mapping[str, str] | None = None, *, reads: bool = True, room: int = 65_536
    ) -> None:
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
        self.lines: list[bytes] = []
        self.stderr: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "poller", "run"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, room)
        self._reads = False
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
    def events(self) -> list[Event]:
        """The event lines so far, each of them whole."""
        return [read_event(line) for line in list(self.lines)]

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
        return f"http://{self.await_start()['listen'][0]}"

    def await_start(self) -> dict[str, Any]:
        """Wait until it has started, and return what it says of it."""
        wait_until(lambda: any(log["message"] == "started" for log in self.logs), "the start")
        [started] = [log for log in self.logs if log["message"] == "started"]
        return started

    def read(self) -> None:
        """Begin to read stdout."""
        self._readers.append(threading.Thread(target=self._read_stdout, daemon=True))
        self._readers[-1].start()
        self._reads = True

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

    def kill(self) -> None:
        """End it without a last word. It must have been alive."""
        self.process.kill()
        if not self._reads:
            self.read()
        assert self.ended() == -signal.SIGKILL, self.stderr

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
        self.stderr.extend(line.decode() for line in self.process.stderr)
