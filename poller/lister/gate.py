"""Admits requests: so many a second and so many at a time over all targets, in turns between them.

The rate is kept per project, since the vendor throttles an account, under one ceiling for the process.
"""

from collections import OrderedDict, deque
from contextlib import AbstractAsyncContextManager
from types import TracebackType

import anyio

from poller.models import Target
from poller.pace import Pace


class _Queue:
    """One target's waiters. Two kinds of requests take turns, so that many of one do not hold up the other."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[bool, deque[anyio.Event]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def append(self, kind: bool, turn: anyio.Event) -> None:  # noqa: FBT001 (one of two)
        self._kinds.setdefault(kind, deque()).append(turn)

    def popleft(self) -> anyio.Event:
        kind, turns = self._kinds.popitem(last=False)
        turn = turns.popleft()
        if turns:
            self._kinds[kind] = turns
        return turn

    def remove(self, kind: bool, turn: anyio.Event) -> None:  # noqa: FBT001 (one of two)
        self._kinds[kind].remove(turn)
        if not self._kinds[kind]:
            del self._kinds[kind]


class _Turns:
    """A lock whose waiters are served in turns between targets, and between the two kinds of one target's requests."""

    def __init__(self) -> None:
        self._held = False
        self._waiting: OrderedDict[Target, _Queue] = OrderedDict()

    @property
    def held(self) -> bool:
        """Tell whether somebody has it, and whoever comes has to wait."""
        return self._held

    async def acquire(self, target: Target, kind: bool) -> None:  # noqa: FBT001 (one of two)
        if not self._held:
            self._held = True
            return
        turn = anyio.Event()
        self._waiting.setdefault(target, _Queue()).append(kind, turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.release()
            else:
                self._leave(target, kind, turn)
            raise

    def release(self) -> None:
        if not self._waiting:
            self._held = False
            return
        target, queue = self._waiting.popitem(last=False)
        queue.popleft().set()
        if queue:
            self._waiting[target] = queue

    def _leave(self, target: Target, kind: bool, turn: anyio.Event) -> None:  # noqa: FBT001 (one of two)
        queue = self._waiting[target]
        queue.remove(kind, turn)
        if not queue:
            del self._waiting[target]


class _Lane:
    """One project's requests."""

    def __init__(self, ceiling: float) -> None:
        self.turns = _Turns()
        self.pace = Pace(ceiling)


class Gate:
    """The request budget of the process."""

    def __init__(self, *, max_rps: float, concurrency: int) -> None:
        self._max_rps = max_rps
        self._ceiling = Pace(max_rps)
        # What follows at once waits for the network, so that nobody is kept from running.
        self._places = anyio.Semaphore(concurrency, fast_acquire=True)
        self._lanes: dict[str | None, _Lane] = {}

    def turn(self, target: Target, *, sweeping: bool = False) -> AbstractAsyncContextManager[None]:
        """Wait until a request for the target may go; it counts as under way until the block ends.

        Where both wait, every second one of a target's requests is of a sweep, however many pages that has.
        """
        return _Turn(self, target, sweeping)

    async def enter(self, target: Target, sweeping: bool) -> None:  # noqa: FBT001 (one of two)
        """Begin a turn."""
        lane = self._lane(target)
        if self._admits_at_once(lane):
            return
        await lane.turns.acquire(target, sweeping)
        try:
            await _wait_for_slot(lane.pace)
            await self._places.acquire()
        finally:
            lane.turns.release()
        try:
            await _wait_for_slot(self._ceiling)
        except BaseException:
            self._places.release()
            raise

    def _admits_at_once(self, lane: _Lane) -> bool:
        """Let a request go where nobody waits and nothing holds it up: then it costs no look at the event loop."""
        if lane.turns.held or not self._places.value:
            return False
        now = anyio.current_time()
        if not (lane.pace.is_free(now) and self._ceiling.is_free(now)):
            return False
        lane.pace.book(now)
        self._ceiling.book(now)
        self._places.acquire_nowait()
        return True

    def leave(self) -> None:
        """End a turn."""
        self._places.release()

    def throttled(self, target: Target, sent_at: float) -> None:
        """Take note that a request sent at a monotonic time was throttled."""
        self._lane(target).pace.throttled(sent_at, anyio.current_time())

    def rate(self) -> float:
        """Return the requests a second allowed now: those of the slowest project."""
        now = anyio.current_time()
        return min((lane.pace.rate(now) for lane in self._lanes.values()), default=self._max_rps)

    def _lane(self, target: Target) -> _Lane:
        lane = self._lanes.get(target.project_id)
        if lane is None:
            lane = self._lanes[target.project_id] = _Lane(self._max_rps)
        return lane


class _Turn(AbstractAsyncContextManager[None]):
    """One request's. Not a generator: it is taken for every page."""

    __slots__ = ("_gate", "_sweeping", "_target")

    def __init__(self, gate: Gate, target: Target, sweeping: bool) -> None:  # noqa: FBT001 (one of two)
        self._gate = gate
        self._target = target
        self._sweeping = sweeping

    async def __aenter__(self) -> None:
        await self._gate.enter(self._target, self._sweeping)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._gate.leave()


async def _wait_for_slot(pace: Pace) -> None:
    await anyio.sleep_until(pace.book(anyio.current_time()))
