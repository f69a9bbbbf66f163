"""What ``poller wait`` makes of what it is given, and of what it has found out."""

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from poller.cli import wait as command
from poller.cli.commands import cli
from poller.cli.outcome import run
from poller.cli.printing import Stdout, lasting, table
from poller.cli.wait import exit_code
from poller.cli.waiting_screen import Bar, Lines, open_screen
from poller.events import JobFinished, finished
from poller.models import Completion, Job, State, Target
from poller.waiting import Open, Progress, Result
from poller.waiting.progress import Tasks


def ended(state: State) -> JobFinished:
    """Make the record of a job that has ended."""
    return finished(Target(), Completion(Job("a", state), None, 0.0), execute_messages=False)


OPEN = (Open("b", State.RUNNING, Tasks(0, 1)),)
SUCCESS, FAILED, PARTIAL = (ended(state) for state in (State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS))


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Result((SUCCESS, SUCCESS), (), ()), 0),
        (Result((SUCCESS, FAILED), (), ()), 1),
        (Result((SUCCESS, PARTIAL), (), ()), 1),
        (Result((SUCCESS,), (), OPEN), 3),
        (Result((FAILED,), (), OPEN), 3),
        (Result((FAILED,), ("c",), OPEN), 4),
        (Result((FAILED,), ("c",), OPEN, "no connection"), 5),
    ],
)
def test_the_exit_code_is_the_first_of_5_4_3_and_1(result: Result, code: int) -> None:
    """Where several apply."""
    assert exit_code(result) == code


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], "", "Missing argument 'JOB_ID...'"),
        ([""], "", "a job id is empty: is a variable unset?"),
        (["x" * 257], "", "longer than 256 bytes"),
        (["-"], " \n", "stdin has no job id"),
        (["a", "--timeout", "10"], "", "'10' has no unit: write 10s"),
        (["a", "--timeout", "0s"], "", "no time at all"),
        (["a", "--interval", "10"], "", "--interval: '10' has no unit"),
    ],
)
def test_wrong_usage_is_2_and_a_line(
    arguments: list[str],
    stdin: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Before any request."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
    assert run(cli, ["wait", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_ids_come_from_stdin_where_the_dash_is() -> None:
    """Separated by blanks or lines, Windows's too, and once each."""
    seen: list[tuple[str, ...]] = []

    @click.command()
    @click.argument("ids", nargs=-1, callback=command._ids)
    def go(ids: tuple[str, ...]) -> None:
        seen.append(ids)

    assert CliRunner().invoke(go, ["a", "-", "d"], input="b c\n\na\n").exit_code == 0
    assert seen == [("a", "b", "c", "d")]
    assert CliRunner().invoke(go, ["-"], input=b"\xef\xbb\xbfa\r\nb\r\n").exit_code == 0
    assert seen[1:] == [("a", "b")]


def test_help_tells_all_that_a_person_needs() -> None:
    """How to give the keys, an example, and every exit code."""
    shown = CliRunner().invoke(cli, ["wait", "--help"]).output
    assert "UCLOUD_PRIVATE_KEY" in shown
    assert 'poller wait "$JOB_ID" --timeout 10m' in shown
    codes = ("0", "1", "2", "3", "4", "5", "70", "130")
    assert all(f"\n    {code:<4}" in shown for code in codes)


def progress(ended: int, problem: str | None = None) -> Progress:
    """Make the progress of three jobs."""
    return Progress(3, ended, {State.RUNNING: 3 - ended}, Tasks(2 * ended, 6), ended / 3, problem)


def test_elsewhere_than_on_a_terminal_changes_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Not more often than every ten seconds, and every minute in any case."""
    lines = Lines()
    for age, count in ((0, 0), (1, 1), (11, 1), (40, 1), (72, 1)):
        lines.show(progress(count), age)
    assert capsys.readouterr().err.splitlines() == [
        "poller: 0s: 0 of 3 jobs ended, 3 running, 0 of 6 tasks done",
        "poller: 11s: 1 of 3 jobs ended, 2 running, 2 of 6 tasks done",
        "poller: 1m12s: 1 of 3 jobs ended, 2 running, 2 of 6 tasks done",
    ]


def test_trouble_is_said_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a bar that stands still would be all there is."""
    Lines().show(progress(0, "no connection to api.test"), 0)
    assert capsys.readouterr().err.endswith("0 of 6 tasks done; asking again: no connection to api.test\n")


def drawn(monkeypatch: pytest.MonkeyPatch, columns: int, *shown: tuple[Progress, float]) -> str:
    """Draw a bar on a terminal of so many columns, which stdout is not, and return what it got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        bar = Bar()
        for each, age in shown:
            bar.show(each, age)
        text = os.read(ours, 65_536).decode()
    os.close(ours)
    return text


def test_a_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one line, drawn over the last, of the terminal that stderr is."""
    text = drawn(monkeypatch, 50, (progress(1), 3))
    assert text.startswith("\r\x1b[K[#######-----------------]  33%   3s  1 of 3")
    assert len(text.removeprefix("\r\x1b[K")) == 49


def test_a_bar_says_trouble_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a line of its own, at first and then every minute, though each request words it anew."""
    troubles = ((progress(1, f"no connection to api.test (request {age})"), age) for age in (3, 4, 62, 64))
    text = drawn(monkeypatch, 20, *troubles)
    said = [line.rpartition("\x1b[K")[2] for line in text.split("\r\n")[:-1]]
    assert said == [
        "poller: 3s: asking again: no connection to api.test (request 3)",
        "poller: 1m04s: asking again: no connection to api.test (request 64)",
    ]


def test_a_terminal_that_cannot_clear_a_line_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as an editor's."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours):
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        assert isinstance(open_screen(), Bar)
        monkeypatch.setenv("TERM", "dumb")
        assert isinstance(open_screen(), Lines)


def test_a_table_lines_up_and_holds_no_control_character() -> None:
    """Texts come from outside."""
    assert table([("A", "B"), ("long\x1b[2J", "x\ny")]) == ["A         B", "long [2J  x y"]


def test_the_line_of_a_job_holds_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    """Its type comes from outside, and a terminal obeys."""
    job = Job("a", State.SUCCESS, job_type="\x1b]0;x\x07\r\nB")
    command._print_end(finished(Target(), Completion(job, None, 0.0), execute_messages=False), Stdout())
    assert capsys.readouterr().out.rstrip("\n").isprintable()


def test_a_table_lines_up_in_chinese() -> None:
    """Whose characters take two columns each; an accent on its own takes none."""
    assert table([("A", "B"), ("离线", "x"), ("e\u0301", "y")]) == ["A     B", "离线  x", "e\u0301     y"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (187, "3m07s"), (7500, "2h05m"), (356_400, "4d03h"), (-5, "0s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    """The two largest units."""
    assert lasting(seconds) == text


def test_timestamps_are_in_utc() -> None:
    """The record is that of the event line."""
    assert datetime.fromisoformat(SUCCESS.timestamp).tzinfo == UTC
