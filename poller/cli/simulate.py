"""``poller simulate``: the simulated API alone, for people who want to try a client against it."""

import shlex
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

import anyio
import click

from poller.config import duration
from poller.config.values import Listen, listen
from poller.simulator.app import Simulator
from poller.simulator.options import (
    PRODUCT_TYPES,
    Fault,
    NoItems,
    Number,
    Options,
    Order,
    TotalCount,
    Unset,
)
from poller.web.connection import Limits
from poller.web.server import bind, reason, serve

Command = TypeVar("Command", bound=Callable[..., Any])
Parsed = TypeVar("Parsed")

_FAULT: Final = "fault_"
_CONNECTIONS: Final = 1024
_MARGIN_SECONDS: Final = 10.0


class _Words(click.Choice[Any]):
    """A choice by the values of an enum, where click's own goes by their names."""

    def __init__(self, words: type[Enum]) -> None:
        super().__init__(list(words))

    def normalize_choice(self, choice: Any, ctx: click.Context | None) -> str:  # noqa: ANN401, ARG002 (click's signature)
        return str(choice)


def _by(parse: Callable[[str], Parsed]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Make a callback of a parser, so that a text it refuses is an error which says why."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:  # noqa: ANN401 (click's signature)
        try:
            return tuple(map(parse, value)) if isinstance(value, tuple) else parse(value)
        except ValueError as problem:
            raise click.BadParameter(str(problem), ctx, param) from problem

    return callback


def _address(text: str) -> Listen:
    try:
        address = listen(text)
    except ValueError:
        address = None
    if address is None:
        raise ValueError(f"{text!r} is no address: write host:port, such as 127.0.0.1:10767")
    return address


_NUMBER: Final[Mapping[str, Any]] = MappingProxyType({"type": float, "metavar": "NUMBER"})
_COUNT: Final[Mapping[str, Any]] = MappingProxyType({"type": int, "metavar": "COUNT"})
_SHARE: Final[Mapping[str, Any]] = MappingProxyType({"type": click.FloatRange(0, 1), "metavar": "SHARE"})
_DURATION: Final[Mapping[str, Any]] = MappingProxyType({"callback": _by(duration), "metavar": "DURATION"})
_SPAN: Final[Mapping[str, Any]] = MappingProxyType(
    {"callback": _by(duration), "metavar": "SHORTEST LONGEST", "nargs": 2}
)
_SWITCH: Final[Mapping[str, Any]] = MappingProxyType({"type": bool})

_KNOBS: Final[tuple[tuple[str, Mapping[str, Any], str], ...]] = (
    (
        "seed",
        {"type": int, "metavar": "NUMBER"},
        "The same seed gives the same jobs, and the same sequence of requests the same answers.",
    ),
    ("arrival_rate", _NUMBER, "New jobs a second."),
    ("active_jobs", _COUNT, "Jobs that wait or run at the start."),
    ("finished_jobs", _COUNT, "Jobs that have finished before the start."),
    ("queue_time", _SPAN, "How long jobs wait."),
    ("run_time", _SPAN, "How long jobs run."),
    ("workers", _COUNT, "Let jobs wait, first in first out, for one of so many workers, and not for a drawn time."),
    ("failed_share", _SHARE, "Share of the jobs that fail."),
    ("partial_share", _SHARE, "Share of the jobs that succeed in part."),
    ("max_phones", _COUNT, "The most phones, and so tasks, of a job."),
    ("retention", _DURATION, "How long finished jobs stay listed."),
    ("purge_share", _SHARE, "Share of the jobs that are removed sooner."),
    ("purge_after", _SPAN, "How long after their end those stay listed."),
    ("rerun_share", _SHARE, "Share of the jobs that are run once more under their old id."),
    ("rerun_after", _SPAN, "How long after their end those are queued again."),
    ("vanish_share", _SHARE, "Share of the jobs that are removed before they end."),
    ("project_id", {"metavar": "ID"}, "The only project there is; unless set, a request may name any."),
    ("cities", _COUNT, "Number of cities; a request that names none gets the first."),
    ("order", {"type": _Words(Order)}, "How listings are sorted."),
    ("shuffle_ties", _SWITCH, "Serve rows of the same second in another order each time."),
    ("page_cap", _COUNT, "The most rows of a page, whatever Limit asks for."),
    ("total_count", {"type": _Words(TotalCount)}, "What TotalCount counts."),
    ("blind_pending", _SWITCH, "Answer PENDING listings with a count and no rows."),
    ("times", {"type": _Words(Number)}, "How times are written."),
    ("unset_times", {"type": _Words(Unset)}, "How a time is written that has not come yet."),
    ("no_items", {"type": _Words(NoItems)}, "How an empty list is written."),
    ("ret_code", {"type": _Words(Number)}, "How RetCode is written."),
    ("late_end_share", _SHARE, "Share of the jobs whose EndTime comes late."),
    ("late_end", _DURATION, "How long after their end it comes."),
    ("no_end_share", _SHARE, "Share of the jobs that never show an EndTime."),
    ("latency", _DURATION, "How long an answer takes at least."),
    ("jitter", _DURATION, "How much longer it may take."),
    ("lag", _DURATION, "How far the lagging replica is behind."),
    ("lag_share", _SHARE, "Share of the requests that the lagging replica answers."),
    ("rate_limit", _NUMBER, "Requests a second beyond which the API answers RetCode 153; unless set, none."),
    (
        "date_skew",
        {"type": float, "metavar": "SECONDS"},
        "How far the HTTP Date is ahead of this machine's clock; negative, behind it.",
    ),
    ("retry_after", _COUNT, "Seconds in the Retry-After of an HTTP 429."),
)

_FAULTS: Final = MappingProxyType(
    {
        Fault.HTTP_503: "an HTTP 503",
        Fault.HTML_502: "an HTTP 502 with a page of HTML",
        Fault.HTTP_429: "an HTTP 429 with Retry-After",
        Fault.RESET: "a reset connection",
        Fault.TRUNCATED: "a body that breaks off",
        Fault.GARBAGE: "an HTTP 200 that is no page",
        Fault.RET_CODE_110: "RetCode 110 (timeout)",
        Fault.RET_CODE_130: "RetCode 130 (gateway broken)",
        Fault.RET_CODE_150: "RetCode 150 (unavailable)",
        Fault.RET_CODE_153: "RetCode 153 (throttled)",
        Fault.EMPTY_PAGE: "a success without rows where there are some",
        Fault.DUPLICATE_ROWS: "rows given twice",
    }
)


def _knobs(command: Command) -> Command:
    """Give a command an option for each knob and fault, with the default that it has in `Options`."""
    defaults = {each.name: each.default for each in fields(Options)}
    for fault, what in reversed(tuple(_FAULTS.items())):
        name = _FAULT + fault.name.lower()
        text = f"Share of the requests that get {what}."
        click.option(f"--fault-{fault}", name, **_SHARE, default=0.0, show_default=True, help=text)(command)
    for name, kind, text in reversed(_KNOBS):
        flag = f"--{name.replace('_', '-')}"
        flags = f"{flag}/--no-{flag[2:]}" if kind is _SWITCH else flag
        click.option(flags, name, **kind, default=_default(defaults[name], kind), show_default=True, help=text)(command)
    return command


def _default(value: Any, kind: Mapping[str, Any]) -> Any:  # noqa: ANN401 (whatever an option may be)
    """Write a default as a person would, so that `--help` shows it so."""
    if kind is _SPAN:
        return tuple(map(_written, value))
    if kind is _DURATION:
        return _written(value)
    return str(value) if isinstance(value, Enum) else value


def _written(seconds: float) -> str:
    return f"{seconds / 3600:g}h" if seconds and seconds % 3600 == 0 else f"{seconds:g}s"


@click.command(short_help="Run the simulated UPhone API alone.")
@click.option(
    "--listen",
    "address",
    metavar="HOST:PORT",
    default="127.0.0.1:10767",
    show_default=True,
    callback=_by(_address),
    help="Where to serve; port 0 takes a free one.",
)
@click.option(
    "--product-type",
    "product_types",
    type=click.Choice(PRODUCT_TYPES),
    multiple=True,
    default=PRODUCT_TYPES[:1],
    show_default=True,
    help="Product type of the jobs; may be repeated.",
)
@_knobs
def simulate(address: Listen, **knobs: Any) -> None:  # noqa: ANN401 (checked by click and by Options)
    """Serve a simulated DescribeUPhoneJob and DescribeUPhoneCities until interrupted.

    Prints its address and keys as lines for a shell. Everything that the vendor leaves open can be set, and so can
    the trouble that it makes. Durations are such as 50ms, 1h30m or 2d.
    """
    options = _options(knobs)
    try:
        sockets = bind(address.host, address.port)
    except OSError as problem:
        raise click.BadParameter(f"{address}: {reason(problem)}", param_hint="--listen") from problem
    simulator = Simulator(options, now=time.time, date_header=False)
    anyio.run(_run, simulator, options, sockets, announcement(base_url(address.host, sockets), options))


def _options(knobs: dict[str, Any]) -> Options:
    faults = {fault: knobs.pop(_FAULT + fault.name.lower()) for fault in _FAULTS}
    try:
        return Options(faults=faults, **knobs)
    except ValueError as problem:
        name, _, why = str(problem).partition(" ")
        flag = "--fault-…" if name == "faults" else f"--{name.replace('_', '-')}"
        raise click.BadParameter(why, param_hint=flag) from problem


def base_url(host: str | None, sockets: Sequence[socket.socket]) -> str:
    """Return where the sockets can be reached from this machine."""
    reachable = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (nothing is bound)
    return f"http://{Listen(reachable, sockets[0].getsockname()[1])}"


def announcement(url: str, options: Options) -> str:
    """Return lines for a shell that point a client at the simulator."""
    variables = {
        "UCLOUD_API_BASE_URL": url,
        "UCLOUD_PUBLIC_KEY": options.credentials.public_key,
        "UCLOUD_PRIVATE_KEY": options.credentials.private_key,
        "UCLOUD_PROJECT_ID": options.project_id,
    }
    exports = (f"export {name}={shlex.quote(value)}" for name, value in variables.items() if value is not None)
    return "\n".join((f"# simulated UPhone API on {url}; its keys open nothing else:", *exports))


async def _run(simulator: Simulator, options: Options, sockets: Sequence[socket.socket], announced: str) -> None:
    patience = options.latency + options.jitter + _MARGIN_SECONDS
    limits = Limits(connections=_CONNECTIONS, request_seconds=patience)
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with anyio.create_task_group() as group:
            await group.start(partial(serve, simulator, sockets, limits=limits))
            click.echo(announced)
            async for _ in signals:
                group.cancel_scope.cancel()
                break
