"""How a command ends: an exit code, and one line on stderr for whatever went wrong."""

import sys
import traceback
from collections.abc import Sequence
from typing import Final

import click

from poller.cli.options import Loaded
from poller.errors import ConfigError
from poller.logs import Redaction

USAGE: Final = 2
INTERNAL: Final = 70
INTERRUPTED: Final = 130


def run(cli: click.Command, arguments: Sequence[str]) -> int:
    """Run a command; what it returns is the exit code, and None is 0. Nothing but SystemExit gets past."""
    loaded = Loaded()
    try:
        code = cli.main(arguments, prog_name="poller", standalone_mode=False, obj=loaded)
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message())
        return USAGE
    except click.ClickException as error:
        _say_error(error.format_message(), hint=_hint(error))
        return error.exit_code
    except ConfigError as error:
        _say_error(str(error))
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the last resort: whatever escaped is told, and becomes an exit code)
        _say_crash(error, loaded)
        return INTERNAL
    return code if isinstance(code, int) else 0


def _hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f" (see '{context.command_path} --help')" if context is not None else ""


def _say_crash(error: Exception, loaded: Loaded) -> None:
    first = f"poller: internal error: {_one_line(f'{type(error).__name__}: {error}')}"
    # Texts of other people's exceptions may quote a request, so the keys are blotted out of all of it.
    redact = Redaction(lambda: frozenset[str]().union(*(source.secrets() for source in loaded)))
    _say(redact(f"{first}\n{''.join(traceback.format_exception(error))}"))


def _say_error(problem: str, hint: str = "") -> None:
    _say(f"poller: error: {_one_line(problem)}{hint}")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _say(text: str) -> None:
    try:
        print(text.rstrip("\n"), file=sys.stderr, flush=True)  # noqa: T201 (the log may not be set up, or be what broke)
    except OSError:
        # Nobody listens; the exit code still tells.
        return
