"""``poller demo``: the simulated API and the daemon in one process, on free loopback ports."""

import math
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import anyio
import click

from poller.cli.run import LOG_SECONDS, conclude, listen, write_to
from poller.cli.screen import Screen
from poller.cli.simulate import base_url
from poller.config import Settings, duration
from poller.credentials import CredentialSource, load
from poller.daemon import Daemon
from poller.logs import configure
from poller.simulator.app import Simulator
from poller.simulator.options import Options
from poller.sink import open_output
from poller.stats import Stats
from poller.web.server import bind, serve

_LOOPBACK: Final = "127.0.0.1"
_LOOK_EVERY: Final = 0.25


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float:
    if text is None:
        return math.inf
    try:
        return duration(text)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from problem


@click.command(short_help="Watch the daemon work on a simulated fleet: no account, no configuration.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other jobs.")
@click.option("--for", "lasting", metavar="DURATION", callback=_seconds, help="End after so long, not at Ctrl-C.")
def demo(seed: int, lasting: float) -> int:
    """Run a simulated UPhone API and the daemon against it, until Ctrl-C.

    On a terminal, jobs are shown as they start and end; elsewhere stdout has the event lines that `poller run` writes.
    """
    options = Options(seed=seed, active_jobs=8, queue_time=(0.5, 4.0), run_time=(0.5, 20.0))
    simulator = Simulator(options, now=time.time, date_header=False)
    api = bind(_LOOPBACK, 0)
    settings, source = load({}, _environment(options, base_url(_LOOPBACK, api)))
    sockets = listen(settings)
    page = base_url(_LOOPBACK, sockets)
    click.echo(f"status page: {page}/\nmetrics:     {page}/metrics\nCtrl-C ends the demo.", err=True)
    diagnostics = configure(settings.log_level, settings.log_format, redact=source.secrets)
    make = _daemon_on_screen if sys.stdout.isatty() else partial(write_to, open_output(settings.events))
    try:
        return anyio.run(_run, partial(serve, simulator, api), partial(make, settings, source, sockets), lasting)
    finally:
        diagnostics.flush(LOG_SECONDS)


def _daemon_on_screen(settings: Settings, source: CredentialSource, sockets: list[socket.socket]) -> Daemon:
    screen = Screen()
    stats = Stats(interval=settings.interval, sweep_interval=settings.sweep_interval)
    return Daemon(settings, source, stats=stats, reports=screen, outlet=screen, sockets=sockets)


async def _run(
    serve_api: Callable[..., Coroutine[Any, Any, None]], make_daemon: Callable[[], Daemon], lasting: float
) -> int:
    async with anyio.create_task_group() as group:
        await group.start(serve_api)
        daemon = make_daemon()
        if isinstance(daemon.outlet, Screen):
            group.start_soon(_show_active, daemon.outlet, daemon)
        code = await conclude(daemon, lasting=lasting, for_show=True)
        group.cancel_scope.cancel()
    return code


async def _show_active(screen: Screen, daemon: Daemon) -> None:
    while True:
        screen.show_active(daemon.trackers.values(), time.time())
        await anyio.sleep(_LOOK_EVERY)


def _environment(options: Options, api_url: str) -> dict[str, str]:
    """Configure the daemon as a user would, in a world of its own."""
    return {
        "UCLOUD_API_BASE_URL": api_url,
        "UCLOUD_PUBLIC_KEY": options.credentials.public_key,
        "UCLOUD_PRIVATE_KEY": options.credentials.private_key,
        "POLLER_CITY_IDS": options.city_ids[0],
        "POLLER_INTERVAL": "1s",
        "POLLER_LISTEN": f"{_LOOPBACK}:0",
        "POLLER_LOG_LEVEL": "warning",
    }
