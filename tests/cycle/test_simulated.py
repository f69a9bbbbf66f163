"""The daemon's cycles and the simulated API in one process on a virtual clock, everything drawn from a seed."""

import json
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
import trio
from starlette.types import Message, Receive, Scope, Send
from trio.testing import MockClock

from poller.cycle import TargetPoller
from poller.lister import Gate, Lister, open_client
from poller.models import Completion, Instant, News, Target, Unresolved
from poller.simulator.app import Simulator
from poller.simulator.options import DEMO_CREDENTIALS, Fault, NoItems, Number, Options, Order, TotalCount, Unset
from poller.simulator.transport import InProcessTransport
from poller.stats import Deadlines, Stats

EPOCH = 1_700_000_000.0
TARGET = Target(city_id="cn-hangzhou")
ACTIVE = {"PENDING", "RUNNING"}


def draw(seed: int) -> Options:
    """Draw a difficult API."""
    rng = random.Random(seed)
    lagging = rng.random() < 0.3
    return Options(
        seed=seed,
        active_jobs=rng.choice([0, 1, 20, 150, 400]),
        finished_jobs=rng.choice([0, 200]),
        arrival_rate=rng.choice([0.05, 0.5, 3]),
        queue_time=(0.5, rng.choice([5, 60])),
        run_time=(0.05, rng.choice([5, 120, 600])),
        workers=rng.choice([None, 5, 100]),
        order=rng.choice(list(Order)),
        shuffle_ties=rng.random() < 0.5,
        page_cap=rng.choice([20, 50, 100]),
        total_count=rng.choice(list(TotalCount)),
        blind_pending=rng.random() < 0.2,
        times=rng.choice(list(Number)),
        unset_times=rng.choice(list(Unset)),
        no_items=rng.choice(list(NoItems)),
        ret_code=rng.choice(list(Number)),
        latency=rng.choice([0.001, 0.05]),
        jitter=rng.choice([0, 0.5]),
        lag=20.0 if lagging else 0.0,
        lag_share=0.3 if lagging else 0.0,
        retention=10_000,
        faults={fault: rng.choice([0, 0, 0.05]) for fault in Fault},
    )


@dataclass
class Trial:
    """One seed's run: what the API has shown, and what was reported."""

    options: Options
    seconds: float
    shown: dict[str, set[str]] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    stats: Stats = field(default_factory=lambda: Stats([TARGET], interval=10))
    truth: dict[str, Any] = field(default_factory=dict)
    last_complete: float = EPOCH

    async def report(self, target: Target, news: Sequence[News]) -> None:
        """Write at once."""
        assert target == TARGET
        self.news += news

    def lasted(self, job_id: str) -> float:
        """Tell how long a job was active while the poller looked, in seconds."""
        job = self.truth[job_id]
        return float(job.ended - max(job.created, EPOCH))

    async def run(self) -> None:
        """Poll for so many virtual seconds."""
        simulator = Simulator(self.options, now=lambda: EPOCH + trio.current_time())
        gate = Gate(max_rps=20, concurrency=8)
        transport = InProcessTransport(self._recording(simulator))
        client = open_client(timeout=65, concurrency=8, trust_env=False, transport=transport)
        lister = Lister(
            client,
            gate,
            self.stats.api,
            base_url="http://simulator",
            timeout=65,
            credentials=lambda: DEMO_CREDENTIALS,
        )
        poller = TargetPoller(
            TARGET,
            pages=lister,
            reports=self,
            stats=self.stats,
            deadlines=Deadlines(),
            now=lambda: Instant(EPOCH + trio.current_time(), trio.current_time()),
            window=8,
            keys=lambda: DEMO_CREDENTIALS,
        )
        async with client:
            with anyio.move_on_after(self.seconds):
                await self._poll(poller)
        self.truth = {job.job_id: job for job in simulator.world.jobs_at(EPOCH + trio.current_time())}

    async def _poll(self, poller: TargetPoller) -> None:
        while True:
            began = trio.current_time()
            if await poller.cycle() == "complete":
                self.last_complete = EPOCH + began
            await anyio.sleep_until(began + self.stats.interval)

    def _recording(self, simulator: Simulator) -> Any:  # noqa: ANN401 (an ASGI application)
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def record(message: Message) -> None:
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self._remember(message["body"])

            await simulator(scope, receive, record)

        return app

    def _remember(self, body: bytes) -> None:
        with suppress(ValueError):
            match json.loads(body):
                case {"RetCode": 0 | "0", "Jobs": [*rows]}:
                    for row in rows:
                        self.shown.setdefault(row["JobId"], set()).add(row["State"])


LONG_ENOUGH = 60.0
"""Seconds that a job must have been active to be due: two cycles and the lag are well within."""

SETTLING = 60.0
"""Seconds that it must have been over when a complete cycle began, for that to show it."""


@pytest.mark.parametrize("seed", range(30))
def test_every_job_seen_active_is_reported_once_in_its_true_state(seed: int) -> None:
    """Whatever order, count, cap, lag and faults the API has: nothing missed, nothing invented, nothing twice."""
    random.seed(seed)  # the jitter of retries
    trial = Trial(draw(seed), seconds=600)
    trio.run(trial.run, clock=MockClock(autojump_threshold=0))
    finished = [item for item in trial.news if isinstance(item, Completion)]
    reported = {item.job.job_id: item.job.state for item in finished}
    assert len(reported) == len(finished), "a job was reported twice"
    assert not [item for item in trial.news if isinstance(item, Unresolved)], "no job vanishes here"
    assert all(trial.truth[job_id].outcome is state for job_id, state in reported.items())
    assert all(state in trial.shown[job_id] for job_id, state in reported.items()), "a state was invented"
    ended = {job_id for job_id, job in trial.truth.items() if job.ended <= trial.last_complete - SETTLING}
    seen_active = {job_id for job_id, states in trial.shown.items() if states & ACTIVE}
    assert trial.last_complete > EPOCH
    assert ended & seen_active <= reported.keys()
    # Not what the poller happened to ask for, but what there was: a hole in every sweep would hide it otherwise.
    due = {job_id for job_id in ended if trial.lasted(job_id) >= LONG_ENOUGH and not trial.options.blind_pending}
    assert due <= reported.keys()
