"""Signals for commands that end by themselves: the first one ends them early, and the exit code says so."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

_BY_SIGNAL = 128
"""What shells add to the number of the signal that has ended a process: 130 for Ctrl-C, 143 for SIGTERM."""


@dataclass(slots=True)
class Interruption:
    """What has ended a block early: the exit code of it, None while nothing has."""

    exit_code: int | None = None


@asynccontextmanager
async def interruptible() -> AsyncIterator[Interruption]:
    """Cancel the block at SIGINT or SIGTERM, and tell afterwards which it was."""
    interruption = Interruption()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:

            async def obey() -> None:
                async for number in signals:
                    interruption.exit_code = _BY_SIGNAL + number
                    group.cancel_scope.cancel()

            group.start_soon(obey)
            yield interruption
            group.cancel_scope.cancel()
