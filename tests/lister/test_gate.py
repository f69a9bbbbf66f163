"""The request budget, in virtual time."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from poller.lister import Gate
from poller.models import Target

pytestmark = pytest.mark.anyio

Backend = tuple[str, dict[str, Any]]

A, B = Target(project_id="p", city_id="a"), Target(project_id="p", city_id="b")
OTHER = Target(project_id="other")


@pytest.fixture
def anyio_backend(anyio_backend: str, virtual_time: Callable[[str], Backend]) -> Backend:
    """Run on both backends, in virtual time."""
    return virtual_time(anyio_backend)


class Log:
    """Requests in the order in which they were admitted."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.admitted: list[tuple[float, Target]] = []
        self.under_way = self.most = 0

    async def request(self, target: Target, *, lasting: float = 0.0) -> None:
        """Make a request that lasts so many seconds."""
        async with self.gate.turn(target):
            self.admitted.append((anyio.current_time(), target))
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await anyio.sleep(lasting)
            finally:
                self.under_way -= 1

    @property
    def targets(self) -> list[Target]:
        """Whose requests they were."""
        return [target for _, target in self.admitted]

    def times(self, target: Target | None = None) -> list[float]:
        """When they were admitted, from the first one on."""
        return [at - self.admitted[0][0] for at, whose in self.admitted if target in (None, whose)]

    async def all(self, *targets: Target, lasting: float = 0.0) -> None:
        """Make requests side by side, asked for in this order."""
        async with anyio.create_task_group() as tasks:
            for target in targets:
                tasks.start_soon(partial(self.request, target, lasting=lasting))
                await anyio.lowlevel.checkpoint()


def busiest_second(times: list[float]) -> int:
    """Count the most requests in any one second."""
    return max(sum(start <= at < start + 1 - 1e-9 for at in times) for start in times)


@pytest.mark.parametrize("targets", [(A,), (A, B), (A, B, OTHER)])
async def test_no_second_has_more_requests_than_the_ceiling(targets: tuple[Target, ...]) -> None:
    """Over all targets and projects together."""
    log = Log(Gate(max_rps=5, concurrency=50))
    await log.all(*targets * 12)
    assert len(log.admitted) == 12 * len(targets)
    assert busiest_second(log.times()) == 5


async def test_the_ceiling_may_be_a_fraction() -> None:
    """A request every four seconds."""
    log = Log(Gate(max_rps=0.25, concurrency=1))
    await log.all(A, A, A)
    assert log.times() == [0, 4, 8]


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    """However many there are, and all places are used."""
    log = Log(Gate(max_rps=1000, concurrency=3))
    await log.all(*[A, B, OTHER] * 5, lasting=1.0)
    assert log.most == 3
    assert log.times()[-1] == pytest.approx(4.0, abs=0.1)


async def test_a_request_waits_for_a_place_where_only_that_is_wanting() -> None:
    """Nobody else waits, and the rate would let it go at once."""
    log = Log(Gate(max_rps=10, concurrency=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(log.request, A, lasting=1.0))
        await anyio.sleep(0.5)
        tasks.start_soon(log.request, A)
    assert log.times() == [0, pytest.approx(1.0)]


async def test_a_request_that_could_go_at_once_overtakes_none_that_waits() -> None:
    """Two places are free again at the same moment, before those that wait for them have noticed."""
    gate, order = Gate(max_rps=10, concurrency=2), list[int]()

    async def request(number: int) -> None:
        async with gate.turn(A):
            order.append(number)

    for _ in range(2):
        await gate.enter(A, sweeping=False)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(request, 1)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(request, 2)
        await anyio.sleep(1)
        gate.leave()
        gate.leave()
        await request(3)
    assert order == [1, 2, 3]


async def test_targets_take_turns() -> None:
    """One with many requests does not hold up one with few."""
    log = Log(Gate(max_rps=10, concurrency=1))
    await log.all(A, A, A, A, A, B, B)
    assert log.targets == [A, A, A, B, A, B, A]


async def test_projects_take_turns() -> None:
    """Each has its own queue, under the one ceiling."""
    log = Log(Gate(max_rps=10, concurrency=1))
    await log.all(A, A, A, A, A, OTHER, OTHER)
    assert sorted(log.targets[:5], key=str) == sorted([A, A, A, OTHER, OTHER], key=str)


async def test_within_a_target_the_first_to_ask_goes_first() -> None:
    """No request waits for ever behind later ones."""
    gate, order = Gate(max_rps=10, concurrency=1), list[int]()

    async def request(number: int) -> None:
        async with gate.turn(A):
            order.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(request, number)
            await anyio.lowlevel.checkpoint()
    assert order == list(range(6))


async def kinds(*wanted: tuple[Target, bool], leaving: int | None = None) -> list[tuple[Target, bool]]:
    """Ask for turns in this order, ``True`` where sweeping; return in which they came. One may leave while it waits."""
    gate, came = Gate(max_rps=10, concurrency=1), list[tuple[Target, bool]]()

    async def request(target: Target, *, sweeping: bool, scope: anyio.CancelScope) -> None:
        with scope:
            async with gate.turn(target, sweeping=sweeping):
                came.append((target, sweeping))

    async with anyio.create_task_group() as tasks:
        scopes = [anyio.CancelScope() for _ in wanted]
        for (target, sweeping), scope in zip(wanted, scopes, strict=True):
            tasks.start_soon(partial(request, target, sweeping=sweeping, scope=scope))
            await anyio.lowlevel.checkpoint()
        if leaving is not None:
            scopes[leaving].cancel()
    return came


@pytest.mark.parametrize("many", [True, False])
async def test_two_kinds_of_a_targets_requests_take_turns(many: bool) -> None:  # noqa: FBT001 (a kind of request)
    """Many of one do not hold up a few of the other, whichever they are, and go on after them."""
    came = await kinds(*[(A, many)] * 6, *[(A, not many)] * 2)
    # The first two have not had to queue.
    assert [sweeping is many for _, sweeping in came] == [True, True, True, False, True, False, True, True]


async def test_two_kinds_of_a_targets_requests_get_it_no_more_turns() -> None:
    """One that sweeps beside its heads has every second request, like one that does not."""
    came = await kinds(*[(A, True)] * 4, *[(A, False)] * 2, *[(B, False)] * 4)
    assert [target for target, _ in came] == [A, A, A, B, A, B, A, B, A, B]
    assert [sweeping for target, sweeping in came if target == A] == [True, True, True, False, True, False]


@pytest.mark.parametrize("leaving", [2, 3, 4])
async def test_a_waiter_of_one_kind_that_leaves_takes_no_turn_from_the_other(leaving: int) -> None:
    """Be it the last of its kind, or one of two."""
    wanted = [(A, False), (A, False), (A, True), (A, False), (A, False)]
    came = await kinds(*wanted, leaving=leaving)
    assert sorted(sweeping for _, sweeping in came) == sorted(
        sweeping for index, (_, sweeping) in enumerate(wanted) if index != leaving
    )


async def test_a_throttled_project_slows_itself() -> None:
    """To half, and nobody else."""
    log = Log(Gate(max_rps=20, concurrency=8))
    log.gate.throttled(A, sent_at=anyio.current_time())
    assert log.gate.rate() == 10
    await log.all(*[A, B, OTHER] * 4)
    slow, fast = log.times(A) + log.times(B), log.times(OTHER)
    assert max(slow) == pytest.approx(0.7, abs=0.1)
    assert max(fast) == pytest.approx(0.25, abs=0.1)


async def test_a_throttled_project_is_slow_where_nobody_waits_too() -> None:
    """The ceiling alone would let its requests go at once."""
    log = Log(Gate(max_rps=20, concurrency=8))
    log.gate.throttled(A, sent_at=anyio.current_time())
    for _ in range(3):
        await log.request(A, lasting=0.06)
    assert log.times() == pytest.approx([0, 0.1, 0.2], abs=0.02)


async def test_a_project_that_waits_for_its_rate_takes_no_place() -> None:
    """One at a time, and a project at its floor: the other is served at its own rate."""
    log = Log(Gate(max_rps=10, concurrency=1))
    for _ in range(10):
        log.gate.throttled(A, sent_at=anyio.current_time())
    await log.all(A, A, *[OTHER] * 8)
    assert max(log.times(OTHER)) <= 1.0
    assert max(log.times(A)) >= 1.5


async def test_requests_under_way_together_halve_the_rate_once() -> None:
    """Those sent before the halving prove nothing about the rate after it."""
    gate = Gate(max_rps=16, concurrency=8)
    sent_at = anyio.current_time()
    await anyio.sleep(1)
    for _ in range(8):
        gate.throttled(A, sent_at=sent_at)
    assert gate.rate() == 8
    gate.throttled(A, sent_at=anyio.current_time())
    assert gate.rate() == 4


async def test_the_rate_is_that_of_the_slowest_project() -> None:
    """The ceiling where nothing was asked yet."""
    gate = Gate(max_rps=16, concurrency=1)
    assert gate.rate() == 16
    async with gate.turn(OTHER):
        assert gate.rate() == 16
    gate.throttled(A, sent_at=anyio.current_time())
    assert gate.rate() == 8


async def test_a_request_that_fails_gives_its_place_back() -> None:
    """To the next."""
    gate = Gate(max_rps=10, concurrency=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with gate.turn(A):
                raise ZeroDivisionError
    await Log(gate).request(A)


async def test_a_waiter_that_leaves_is_passed_over() -> None:
    """Those behind it move up."""
    log = Log(Gate(max_rps=1, concurrency=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log.request, A)
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0.5) as gone:
            await log.all(B, B)
        tasks.start_soon(log.request, OTHER)
        tasks.start_soon(log.request, A)
    assert gone.cancelled_caught
    assert sorted(map(str, log.targets)) == sorted(map(str, [A, OTHER, A]))


@pytest.mark.parametrize("seed", range(20))
async def test_cancellation_loses_no_turn_and_no_place(seed: int) -> None:
    """Wherever a request is when it is given up, all the others are served, and after them new ones."""
    draw = random.Random(seed)
    log = Log(Gate(max_rps=10, concurrency=2))
    patient = 0

    async def give_up(target: Target, after: float) -> None:
        with anyio.move_on_after(after):
            await log.request(target, lasting=0.15)

    async with anyio.create_task_group() as tasks:
        for _ in range(40):
            target = draw.choice([A, B, OTHER])
            if draw.random() < 0.5:
                # Multiples of the spacing, so that many give up at the very moment at which their turn comes.
                tasks.start_soon(give_up, target, draw.choice([0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 1.05]))
            else:
                patient += 1
                tasks.start_soon(log.request, target)
            await anyio.sleep(draw.choice([0, 0, 0.05]))
    assert len(log.admitted) >= patient
    assert log.under_way == 0
    before = anyio.current_time()
    await log.all(A, B, OTHER, lasting=0.5)
    assert anyio.current_time() - before < 2
    assert busiest_second(log.times()) <= 10
