"""When the state is saved, and what is taken together."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

import anyio
from anyio import CancelScope
from structlog.typing import FilteringBoundLogger

from poller.checkpoint.unsaved import SaveLater, Staged, Unsaved
from poller.stats import StateStats

Collect = Callable[[], Iterable[tuple[str, bytes | None]]]
"""Gives the keys that changed since its last call, with their values or None where they are gone."""

RunSync = Callable[[Callable[[], None]], Awaitable[None]]

_SOUND: Final = 10
"""Saves in a row that have to succeed before failing counts as over: a full disk lets one through now and then."""

_BATCH_LINES: Final = 500
"""How many lines are sent again at a time, at most 8 MiB."""

_ROW_LINES: Final = 100
"""How many lines a row of the outbox has, a page's as a rule: at most 1.6 MiB, which SQLite keeps until the next."""


class Store(Protocol):
    """Where it is all kept. Called by one at a time, in whatever thread ``run_sync`` uses."""

    @property
    def name(self) -> str:
        """What a person knows it by."""

    def outbox(self) -> list[tuple[int, list[bytes]]]:
        """Return the rows staged and not marked written, each with its lines, by ascending number."""

    def commit(self, unsaved: Unsaved, *, durable: bool) -> None:
        """Save all of it or nothing. Raises SaveLater."""

    def close(self) -> None:
        """Let go of it."""


class _Save:
    """A save that callers wait for; ``succeeded`` is None until it has ended."""

    __slots__ = ("succeeded",)

    def __init__(self) -> None:
        self.succeeded: bool | None = None


class Checkpoint:
    """Saves what attached scopes have changed, with the lines that were staged meanwhile, all at one moment.

    So nothing that a scope calls reported is ever saved without its line, unless that has been written. A save that
    fails loses nothing: it goes with the next. ``wall`` is in Unix seconds; ``run_sync`` runs what blocks on the disk.
    To be made before the event loop needs its time: it reads the outbox. The rest is to be called in the loop.
    """

    def __init__(
        self,
        store: Store,
        stats: StateStats,
        *,
        log: FilteringBoundLogger,
        wall: Callable[[], float],
        run_sync: RunSync = anyio.to_thread.run_sync,
    ) -> None:
        self._store = store
        self._stats = stats
        self._log = log
        self._wall = wall
        self._run_sync = run_sync
        self._scopes: dict[str, Collect] = {}
        self._unsaved = Unsaved()
        self._lock = anyio.Lock()
        self._next = _Save()
        self._healing = 0
        outbox = store.outbox()
        self._last_number = outbox[-1][0] if outbox else 0
        self._unsent = list(_batches(outbox))

    def unsent(self) -> list[Staged]:
        """Hand over, once, what an earlier process staged and did not mark written: to be sent again as it is."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def attach(self, scope: str, collect: Collect) -> None:
        """Ask for a scope's changes at each save."""
        if scope in self._scopes:
            raise ValueError(f"{scope!r} is attached already")
        self._scopes[scope] = collect

    def forget(self, scope: str) -> None:
        """Delete a scope's entries with the next save, and ask no more where it is attached."""
        self._scopes.pop(scope, None)
        self._unsaved.forget(scope)

    def stage(self, lines: Sequence[bytes]) -> Staged:
        """Put lines, each with its newline, into the outbox with the next save."""
        lines = tuple(lines)
        rows = [lines[start : start + _ROW_LINES] for start in range(0, len(lines), _ROW_LINES)]
        first = self._last_number + 1
        self._last_number += len(rows)
        numbers = range(first, first + len(rows))
        self._unsaved.staged.update(zip(numbers, rows, strict=True))
        return Staged(numbers, lines)

    def written(self, staged: Staged) -> None:
        """Let lines leave the outbox with the next save."""
        self._unsaved.write(staged)

    async def save(self) -> bool:
        """Save everything up to now, and tell whether it is in the file.

        Where lines were staged it outlives a loss of power too. Callers that come while one save is running share the
        next. Once begun it is not cancelled.
        """
        save = self._next
        async with self._lock:
            if save.succeeded is None:
                self._next = _Save()
                save.succeeded = await self._save()
        return save.succeeded

    async def aclose(self) -> None:
        """Save a last time, and close the file. Not cancelled."""
        with CancelScope(shield=True):
            try:
                if not await self.save():
                    self._log.error("the last changes of the state are not saved", path=self._store.name)
            finally:
                async with self._lock:
                    await self._run_sync(self._store.close)

    async def _save(self) -> bool:
        for scope, collect in self._scopes.items():
            self._unsaved.change(scope, collect())
        try:
            if self._unsaved:
                await self._commit()
        except SaveLater as error:
            self._tell_failure(error)
            return False
        self._tell_success()
        return True

    async def _commit(self) -> None:
        # What happens while it runs goes with the next.
        taken, self._unsaved = self._unsaved, Unsaved()
        try:
            with CancelScope(shield=True):
                await self._run_sync(partial(self._store.commit, taken, durable=bool(taken.staged)))
        except BaseException:
            taken.append(self._unsaved)
            self._unsaved = taken
            raise

    def _tell_success(self) -> None:
        self._stats.last_save, self._stats.problem = self._wall(), None
        if self._healing:
            self._healing -= 1
            if not self._healing:
                self._log.info("the state is saved again", path=self._store.name)

    def _tell_failure(self, error: SaveLater) -> None:
        self._stats.failures += 1
        self._stats.problem = str(error)
        if not self._healing:
            self._log.error("the state cannot be saved, trying again", path=self._store.name, why=str(error))
        self._healing = _SOUND


def _batches(rows: Iterable[tuple[int, Sequence[bytes]]]) -> Iterator[Staged]:
    # Rows may be of a single line, as those of earlier versions are.
    numbers: list[int] = []
    lines: list[bytes] = []
    for number, more in rows:
        if numbers and len(lines) + len(more) > _BATCH_LINES:
            yield Staged(numbers, lines)
            numbers, lines = [], []
        numbers.append(number)
        lines.extend(more)
    if numbers:
        yield Staged(numbers, lines)
