"""``poller run``: the daemon on real descriptors, and what its end means for the exit code."""

import gc
import math
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import anyio
import click

from poller.cli.options import EPILOG, load, with_settings
from poller.cli.state import State, open_state
from poller.config import Settings
from poller.credentials import CredentialSource
from poller.daemon import Daemon, Memory
from poller.errors import ConfigError, SinkClosed
from poller.logs import configure, get_logger
from poller.sink import EventLog, NoOutbox, Output, Sink, open_output
from poller.stats import Stats
from poller.web.server import bind, reason

_ALL_WRITTEN: Final = 0
_LEFT_UNWRITTEN: Final = 1
LOG_SECONDS: Final = 0.5


@click.command(epilog=EPILOG)
@with_settings
def run(flags: Mapping[str, str]) -> int:
    """Poll, and write an event line for every job that ends."""
    settings, source = load(flags)
    output = open_output(settings.events)
    state = open_state(settings)
    sockets = listen(settings)
    diagnostics = configure(settings.log_level, settings.log_format, redact=source.secrets)
    try:
        for warning in settings.warnings:
            get_logger("poller").warning(warning)
        # What has been imported stays: no collection need look at it again.
        gc.freeze()
        return anyio.run(_serve, settings, source, partial(write_to, output, state=state), sockets)
    finally:
        diagnostics.flush(LOG_SECONDS)


def listen(settings: Settings) -> list[socket.socket]:
    """Bind where metrics are served. Raises ConfigError where that cannot be had."""
    if settings.listen is None:
        return []
    try:
        return bind(settings.listen.host, settings.listen.port)
    except OSError as error:
        raise ConfigError(
            "POLLER_LISTEN", f"cannot listen on {settings.listen}: {reason(error)}: choose another, or off"
        ) from None


MakeDaemon = Callable[[Settings, CredentialSource, list[socket.socket]], Daemon]


async def _serve(settings: Settings, source: CredentialSource, make: MakeDaemon, sockets: list[socket.socket]) -> int:
    return await conclude(make(settings, source, sockets))


def write_to(
    output: Output,
    settings: Settings,
    source: CredentialSource,
    sockets: list[socket.socket],
    state: State | None = None,
) -> Daemon:
    """Make the daemon that writes event lines to an output. Only in an event loop."""
    stats = Stats(interval=settings.interval, sweep_interval=settings.sweep_interval)
    sink = Sink(output, stats.events, log=get_logger("poller.sink"))
    if state is None:
        forgetful = EventLog(sink, NoOutbox(), execute_messages=settings.execute_messages)
        return Daemon(settings, source, stats=stats, reports=forgetful, outlet=sink, sockets=sockets)
    checkpoint = state.checkpoint(stats.state)
    reports = EventLog(sink, checkpoint, execute_messages=settings.execute_messages)
    memory = Memory(checkpoint, reports, state.entries)
    return Daemon(settings, source, stats=stats, reports=reports, outlet=sink, memory=memory, sockets=sockets)


async def conclude(daemon: Daemon, *, lasting: float = math.inf, for_show: bool = False) -> int:
    """Run a daemon to its end, or for so many seconds, and return the exit code.

    One that runs ``for_show`` may end well because nobody looks any more.
    """
    why = ""
    try:
        with anyio.move_on_after(lasting):
            await daemon.run()
    except* SinkClosed as closed:
        why = _message(closed)
    if not daemon.unwritten and (not why or for_show):
        return _ALL_WRITTEN
    what = "ended with events left unwritten" if daemon.unwritten else "ended, since nobody takes events any more"
    if daemon.unwritten and daemon.keeps_state:
        what += "; the next start writes them"
    get_logger("poller").error(what, events=daemon.unwritten, why=why or daemon.outlet.obstacle())
    return _LEFT_UNWRITTEN


def _message(group: BaseExceptionGroup[SinkClosed]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
