"""Admits requests: so many a second and so many at a time over all targets, in turns between them.

The rate is kept per project, since the vendor throttles an account, under one ceiling for the process.
"""

from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
        self._places = anyio.Semaphore(concurrency)
        self._lanes: dict[str | None, _Lane] = {}

    @asynccontextmanager
    async def turn(self, target: Target, *, sweeping: bool = False) -> AsyncIterator[None]:
        """Wait until a request for the target may go; it counts as under way until the block ends.

        Where both wait, every second one of a target's requests is of a sweep, however many pages that has.
        """
        lane = self._lane(target)
        await lane.turns.acquire(target, sweeping)
        try:
            await anyio.sleep_until(lane.pace.book(anyio.current_time()))
            await self._places.acquire()
        finally:
            lane.turns.release()
        try:
            await anyio.sleep_until(self._ceiling.book(anyio.current_time()))
            yield
        finally:
            self._places.release()

    def throttled(self, target: Target, sent_at: float) -> None:
        """Take note that a request sent at a monotonic time was throttled."""
        self._lane(target).pace.throttled(sent_at, anyio.current_time())

    def rate(self) -> float:
        """Return the requests a second allowed now: those of the slowest project."""
        now = anyio.current_time()
        return min((lane.pace.rate(now) for lane in self._lanes.values()), default=self._max_rps)

    def _lane(self, target: Target) -> _Lane:
        return self._lanes.setdefault(target.project_id, _Lane(self._max_rps))
