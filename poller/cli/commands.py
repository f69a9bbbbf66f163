"""The commands by name. A module is imported when its command is: ``run`` should not carry the simulator along."""

from importlib import import_module
from types import MappingProxyType
from typing import Final

import click

from poller import __version__

_MODULES: Final = MappingProxyType(
    {
        "run": "poller.cli.run",
        "demo": "poller.cli.demo",
        "simulate": "poller.cli.simulate",
        "check": "poller.cli.check",
        "wait": "poller.cli.wait",
        "jobs": "poller.cli.jobs",
        "health": "poller.cli.probe",
        "schema": "poller.cli.schema",
    }
)


class _Commands(click.Group):
    """Finds a command in the module that has it under its own name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        if cmd_name not in _MODULES:
            return None
        command = getattr(import_module(_MODULES[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=_Commands,
    no_args_is_help=True,
    context_settings={"max_content_width": 120, "help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="poller %(version)s")
def cli() -> None:
    """Report the end of every UCloud UPhone job: one event line a completion, and gauges for Prometheus."""
