"""``poller schema``: what the event lines look like, for those who read them by machine."""

import json

import click

from poller.events import schema as event_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of the event line."""
    click.echo(json.dumps(event_schema(), indent=2))
