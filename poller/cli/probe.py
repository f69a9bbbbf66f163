"""``poller health`` as `poller --help` lists it; `poller.__main__` runs the probe itself without any of this."""

import click

from poller.cli.health import main


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Ask /livez of the daemon on this host, for container health checks.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def health(arguments: tuple[str, ...]) -> int:
    """Ask /livez of the daemon on this host, for container health checks."""
    return main(arguments)
