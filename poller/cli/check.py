"""``poller check``: whether the configuration works, and what it will cost."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import anyio
import click

from poller.checking import Finding, ask_all, requests_a_second
from poller.cli.options import EPILOG, load, with_settings
from poller.config import Settings

_ALL_ANSWERED: Final = 0
_NOT_ALL_ANSWERED: Final = 1


@click.command(epilog=EPILOG, short_help="Ask every target once, and tell what polling will cost.")
@with_settings
def check(flags: Mapping[str, str]) -> int:
    """Ask every target once, and tell what the configuration will cost."""
    settings, source = load(flags)
    for warning in settings.warnings:
        click.echo(f"poller: warning: {warning}", err=True)
    if sys.stderr.isatty():
        click.echo(f"asking {settings.base_url}, for {settings.timeout:g} s at most …", err=True)
    findings = anyio.run(ask_all, settings, source.current)
    click.echo(_table([_HEADINGS, *map(_row, findings)]))
    click.echo(_cost(findings, settings))
    return _ALL_ANSWERED if all(finding.problem is None for finding in findings) else _NOT_ALL_ANSWERED


_HEADINGS: Final = ("TARGET", "RUNNING", "SECONDS", "ANSWER")


def _row(finding: Finding) -> tuple[str, ...]:
    running = "-" if finding.running is None else str(finding.running)
    return (str(finding.target), running, f"{finding.seconds:.2f}", finding.problem or "ok")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = (map(str.ljust, row, widths) for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def _cost(findings: Sequence[Finding], settings: Settings) -> str:
    answered = sum(finding.problem is None for finding in findings)
    if not answered:
        return "no target answered, so there is nothing to add up"
    need = requests_a_second(findings, settings.interval)
    summary = f"{answered} of {len(findings)} targets answered; they need about {need:.2f} requests a second"
    if need <= settings.max_rps:
        return f"{summary}, within the ceiling of {settings.max_rps:g} (POLLER_MAX_RPS)"
    return f"{summary}, beyond the ceiling of {settings.max_rps:g}: raise POLLER_INTERVAL or POLLER_MAX_RPS"
