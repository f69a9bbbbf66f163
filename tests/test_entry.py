"""The entry point: exit codes, one line for whatever went wrong, and options made from the table."""

import os
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from poller.cli import options
from poller.cli.outcome import run
from poller.config import SETTINGS
from poller.errors import ConfigError

KEYS = {"UCLOUD_PUBLIC_KEY": "public-key", "UCLOUD_PRIVATE_KEY": "hunter2"}


def group(body: Callable[[], object]) -> click.Group:
    """Return a command line with one command, ``go``."""
    cli = click.Group(no_args_is_help=True)
    cli.command("go")(body)
    return cli


def flags_of(*arguments: str) -> dict[str, str]:
    """Return what a command with settings makes of arguments."""
    seen: dict[str, str] = {}

    @click.command()
    @options.with_settings
    def command(flags: dict[str, str]) -> None:
        seen.update(flags)

    command.main(list(arguments), standalone_mode=False)
    return seen


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1), (5, 5)])
def test_what_a_command_returns_is_the_exit_code(returned: int | None, code: int) -> None:
    """None is success."""
    assert run(group(lambda: returned), ["go"]) == code


def test_a_configuration_error_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    """The line is the error's own."""

    def body() -> None:
        raise ConfigError("POLLER_INTERVAL", "'10' has no unit: write 10s")

    assert run(group(body), ["go"]) == 2
    assert capsys.readouterr().err == "poller: error: POLLER_INTERVAL: '10' has no unit: write 10s\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["go", "--intervall", "5s"], "poller: error: No such option '--intervall'. (see 'poller go --help')\n"),
        (["og"], "poller: error: No such command 'og'. (see 'poller --help')\n"),
    ],
)
def test_wrong_usage_is_one_line_and_2(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says what was wrong and where to look."""
    assert run(group(lambda: None), arguments) == 2
    assert capsys.readouterr().err.replace(" Did you mean 'go'?", "") == line


def test_clicks_other_errors_keep_their_code(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be opened is no usage error."""

    def body() -> None:
        raise click.FileError("ids.txt", "is\na directory")

    assert run(group(body), ["go"]) == 1
    assert capsys.readouterr().err == "poller: error: Could not open file 'ids.txt': is a directory\n"


def test_no_command_shows_the_help_and_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody who types the name alone wants to know what there is."""
    assert run(group(lambda: None), []) == 2
    assert capsys.readouterr().err.startswith("Usage: poller ")


def test_help_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Help that was asked for goes to stdout."""
    assert run(group(lambda: None), ["--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: poller ")


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_an_interrupt_is_130(error: type[BaseException]) -> None:
    """As shells have it for Ctrl-C."""

    def body() -> None:
        raise error

    assert run(group(body), ["go"]) == 130


def test_anything_else_is_70_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A bug is told in one line, and after it for those who can mend it."""

    def body() -> None:
        hidden = "LOCAL-VALUE".lower()
        if hidden:
            raise RuntimeError("no\nway")

    assert run(group(body), ["go"]) == 70
    said = capsys.readouterr().err
    assert said.startswith("poller: internal error: RuntimeError: no way\nTraceback (most recent call last):\n")
    assert "local-value" not in said


def test_a_crash_does_not_show_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """Exceptions of other libraries may quote the request, in groups and causes too."""

    def body() -> None:
        _, source = options.load({}, KEYS)
        keys = source.current()
        inner = ValueError(f"Signature of {keys.private_key}")
        raise ExceptionGroup(keys.public_key, [inner]) from RuntimeError(keys.private_key)

    assert run(group(body), ["go"]) == 70
    said = capsys.readouterr().err
    assert "Signature of [redacted]" in said
    assert not any(key in said for key in KEYS.values())


def test_a_closed_stderr_still_gives_the_exit_code() -> None:
    """Nobody listens, the code tells."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "import click, sys; from poller.cli.outcome import run; sys.exit(run(click.Group(), ['x']))"
    with os.fdopen(writing) as stderr:
        assert subprocess.run([sys.executable, "-c", code], stderr=stderr, check=False).returncode == 2


def test_a_closed_stdout_makes_help_quiet() -> None:
    """``poller --help | head -1`` shows no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "import click, sys; from poller.cli.outcome import run; sys.exit(run(click.Group(), ['--help']))"
    with os.fdopen(writing) as stdout:
        ended = subprocess.run(
            [sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.stderr == ""


def test_settings_are_collected_by_variable() -> None:
    """Texts as they were given, none for what was not."""
    assert flags_of("--interval", "10", "--city-ids=", "--api-base-url", "x") == {
        "POLLER_INTERVAL": "10",
        "POLLER_CITY_IDS": "",
        "UCLOUD_API_BASE_URL": "x",
    }


@pytest.mark.parametrize(("flag", "text"), [("--execute-messages", "on"), ("--no-execute-messages", "off")])
def test_a_boolean_is_a_pair_of_flags(flag: str, text: str) -> None:
    """Not given is neither of them, so that the environment can decide."""
    assert flags_of(flag) == {"POLLER_EXECUTE_MESSAGES": text}
    assert flags_of() == {}


def test_a_commands_own_options_come_along() -> None:
    """A command may have options beside the settings, and keeps its name and help."""

    @click.command()
    @click.option("--timeout")
    @options.with_settings
    def wait(flags: dict[str, str], timeout: str) -> str:
        """Block until jobs finish."""
        return f"{flags} {timeout}"

    assert wait.main(["--timeout", "5s"], standalone_mode=False) == "{} 5s"
    assert (wait.name, wait.help) == ("wait", "Block until jobs finish.")


def test_help_shows_every_variable_and_default() -> None:
    """Every setting but a credential is an option; credentials are named below."""

    @click.command(epilog=options.EPILOG)
    @options.with_settings
    def command(flags: dict[str, str]) -> None:
        """Do nothing."""

    shown = " ".join(CliRunner().invoke(command, ["--help"], terminal_width=400, max_content_width=400).output.split())
    for setting in SETTINGS:
        assert setting.variable in shown
        assert setting.help in shown
        if setting.flag is not None:
            default = f"; default: {setting.shown_default}" if setting.shown_default else ""
            assert f"[env var: {setting.variable}{default}]" in shown
            assert f" {setting.flag} " in shown


def test_the_environment_is_not_clicks_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable is no flag, or its errors would be told by the wrong name."""
    monkeypatch.setenv("POLLER_INTERVAL", "5s")
    assert flags_of() == {}


def test_loading_outside_a_run_works_too() -> None:
    """A command that somebody else invokes has no place to leave its keys, and needs none."""
    command = click.Command("go", callback=lambda: options.load({"POLLER_INTERVAL": "5s"}, KEYS)[0].interval)
    assert command.main([], standalone_mode=False) == 5.0
