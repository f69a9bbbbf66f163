"""Diagnostics: one road to stderr, whoever speaks."""

import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from poller import logs
from poller.models import Target

SECRET = 'prIv+ate/key=="\\ é'


class Stderr:
    """A pipe in the place of stderr."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.diagnostics: logs.Diagnostics | None = None

    def configure(self, level: str = "info", log_format: str = "json") -> None:
        """Lead all diagnostics here."""
        self.diagnostics = logs.configure(
            level, log_format, redact=lambda: [SECRET], fd=self.writer, clock=lambda: 1795482123.456
        )

    def finish(self) -> None:
        """Give everything back, and close our end."""
        if self.diagnostics is not None:
            self.diagnostics.close(10)
            os.close(self.writer)
        self.diagnostics = None

    def close(self) -> str:
        """Return all that was said."""
        self.finish()
        reader, self.reader = self.reader, -1
        with os.fdopen(reader, "rb") as pipe:
            return pipe.read().decode("utf-8", "strict")

    def records(self) -> list[dict[str, Any]]:
        """Return all that was said, as JSON."""
        return [json.loads(line) for line in self.close().splitlines()]


@pytest.fixture
def stderr() -> Iterator[Stderr]:
    """Give a stderr, and everything back afterwards."""
    stderr = Stderr()
    yield stderr
    stderr.finish()
    if stderr.reader >= 0:
        os.close(stderr.reader)


def test_a_line_has_what_the_interface_promises(stderr: Stderr) -> None:
    """Further fields follow, whatever they are; an event's name is never among them."""
    stderr.configure()
    logs.get_logger("poller.cycle").warning(
        "slow", target=Target(city_id="cn-zj"), seconds=1.5, names=("a", None), by={1: {"b"}}, event_name="job.finished"
    )
    (line,) = stderr.records()
    assert list(line.items()) == [
        ("timestamp", "2026-11-24T01:02:03.456Z"),
        ("level", "warning"),
        ("logger", "poller.cycle"),
        ("message", "slow"),
        ("target", "city cn-zj, uphone-server"),
        ("seconds", 1.5),
        ("names", ["a", None]),
        ("by", {"1": ["b"]}),
        ("event_name_", "job.finished"),
    ]


@pytest.mark.parametrize(("level", "said"), [("debug", 3), ("info", 2), ("error", 1)])
def test_a_level_leaves_out_what_is_below_it(stderr: Stderr, level: str, said: int) -> None:
    """A logger that was made earlier follows too."""
    log = logs.get_logger("poller")
    stderr.configure(level)
    log.debug("a")
    log.info("b")
    log.error("c")
    assert len(stderr.records()) == said


@pytest.mark.parametrize("level", ["debug", "info"])
def test_other_libraries_are_held_at_warnings(stderr: Stderr, level: str) -> None:
    """Below that they tell of requests and headers, whatever their own level is set to."""
    stderr.configure(level)
    noisy = logging.getLogger("httpx2.test")
    noisy.setLevel(logging.DEBUG)
    noisy.info("request")
    noisy.warning("retry %d", 3, stack_info=True)
    noisy.log(45, "between levels")
    noisy.critical("end")
    lines = stderr.records()
    assert [(line["logger"], line["level"], line["message"]) for line in lines] == [
        ("httpx2.test", "warning", "retry 3"),
        ("httpx2.test", "error", "between levels"),
        ("httpx2.test", "critical", "end"),
    ]
    assert "test_logs.py" in lines[0]["stack"]


def test_arguments_that_do_not_fit_are_left_out(stderr: Stderr) -> None:
    """The standard library would print them to stderr itself, with a traceback."""
    stderr.configure()
    logging.getLogger("x").warning("%d apples", SECRET)
    assert [line["message"] for line in stderr.records()] == ["%d apples"]


def test_an_exception_is_one_text_without_local_variables(stderr: Stderr) -> None:
    """Locals hold keys."""
    stderr.configure()
    local = "value"
    try:
        int(f"{SECRET} {local.upper()}")
    except ValueError:
        logs.get_logger("poller").exception("failed")
    logging.getLogger("asyncio").error("failed", exc_info=KeyError(SECRET))
    own, foreign = stderr.records()
    assert own["exception"].startswith("Traceback (most recent call last):\n")
    assert own["exception"].endswith("ValueError: invalid literal for int() with base 10: '[redacted] VALUE'")
    assert "= 'value'" not in own["exception"]
    assert foreign["exception"] == "KeyError: '[redacted]'"
    assert set(own) == {"timestamp", "level", "logger", "message", "exception"}


class _Unprintable:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_nothing_that_is_logged_raises(stderr: Stderr, log_format: str) -> None:
    """Who logs has other worries. What cannot be shown is not, and says so."""
    stderr.configure(log_format=log_format)
    log = logs.get_logger("poller")
    log.info("\ud800 surrogate", **{"\udfff": b"\xff", "not a number": float("nan"), "big": 2**70})
    log.info("object", of=_Unprintable())
    endless: list[Any] = []
    endless.append(endless)
    log.info("cycle", of=endless)
    text = stderr.close()
    assert "\\ud800 surrogate" in text
    assert "unprintable entry: RuntimeError" in text
    assert len(text.splitlines()) == 3


def test_a_line_is_a_line_for_every_reader(stderr: Stderr) -> None:
    """As for events: nothing in it that ends a line or commands a terminal."""
    stderr.configure()
    logs.get_logger("poller").info("a\x85b\u2028c\x9bd\x7fe\nf")
    (line,) = stderr.records()
    assert line["message"] == "a\\u0085b\\u2028c\\u009bd\\u007fe\nf"


def test_a_person_reads_no_json_and_no_commands_to_the_terminal(stderr: Stderr) -> None:
    """A text from outside cannot colour, clear or forge what an operator sees."""
    stderr.configure(log_format="console")
    logs.get_logger("poller").info(
        "read \x1b[2J\n2026 forged", job_type="a\x1b]0;b", exc_info=ValueError("two\nlines\x1b")
    )
    text = stderr.close()
    assert "\x1b" not in text
    assert text.splitlines() == [
        "2026-11-24T01:02:03.456Z [info     ] read \\x1b[2J\\n2026 forged [poller] job_type=a\\x1b]0;b",
        "ValueError: two",
        "lines\\x1b",
    ]


def test_a_long_text_keeps_its_beginning_and_its_end(stderr: Stderr) -> None:
    """And a secret across the cut is redacted first."""
    stderr.configure()
    logs.get_logger("poller").info("x" * 15_995 + SECRET + "y" * 100_000)
    (line,) = stderr.records()
    assert line["message"].startswith("x" * 15_995 + "[reda")
    assert line["message"].endswith("y" * 16_000)
    assert len(line["message"]) < 33_000


def test_by_default_a_terminal_gets_the_console_format(stderr: Stderr) -> None:
    """With colours, and anything else JSON."""
    primary, secondary = os.openpty()
    diagnostics = logs.configure("info", "auto", redact=list, fd=secondary)
    logs.get_logger("poller").info("hello")
    diagnostics.close()
    os.close(secondary)
    assert b"\x1b[" in os.read(primary, 10_000)
    os.close(primary)
    stderr.configure(log_format="auto")
    logs.get_logger("poller").info("hello")
    assert stderr.records()[0]["message"] == "hello"


def test_warnings_are_diagnostics(stderr: Stderr) -> None:
    """Of libraries, and of Python itself."""
    stderr.configure()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)  # catch_warnings has put its own in place
        logging.captureWarnings(capture=True)
        warnings.warn(f"deprecated {SECRET}", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    (line,) = stderr.records()
    assert (line["logger"], line["level"]) == ("py.warnings", "warning")
    assert "DeprecationWarning: deprecated [redacted]" in line["message"]


def test_last_words_go_the_same_way(stderr: Stderr) -> None:
    """What the interpreter would print itself may hold what a request held."""
    stderr.configure()
    error = ValueError(SECRET)
    sys.excepthook(ValueError, error, None)
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, None, threading.current_thread())))
    threading.excepthook(threading.ExceptHookArgs((ValueError, None, None, None)))
    threading.excepthook(threading.ExceptHookArgs((SystemExit, SystemExit(), None, None)))
    lines = stderr.records()
    assert [(line["level"], line["message"], line["exception"]) for line in lines] == [
        ("critical", "uncaught exception", "ValueError: [redacted]"),
        ("critical", "uncaught exception in a thread", "ValueError: [redacted]"),
        ("critical", "uncaught exception in a thread", "ValueError"),
    ]
    assert [line.get("thread") for line in lines] == [None, "MainThread", "?"]


def test_everything_is_given_back(stderr: Stderr) -> None:
    """Hooks, handlers and levels are as they were."""

    def state() -> tuple[object, ...]:
        hooks = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
        return (*hooks, list(logging.root.handlers), logging.root.level)

    before = state()
    stderr.configure()
    assert state() != before
    stderr.close()
    assert state() == before


LAST_WORDS = """
import gc, sys, threading
from poller import logs
secret = sys.argv[1]
logs.configure("info", "json", redact=lambda: [secret])

class Clumsy:
    def __del__(self):
        raise KeyError(secret)

Clumsy()
thread = threading.Thread(target=lambda: {}[secret])
thread.start()
thread.join()
raise RuntimeError(secret)
"""


def test_a_process_that_fails_in_every_way_shows_no_secret() -> None:
    """Its traceback arrives all the same, as JSON."""
    process = subprocess.run(
        [sys.executable, "-c", LAST_WORDS, SECRET], stderr=subprocess.PIPE, timeout=30, check=False
    )
    lines = [msgspec.json.decode(line) for line in process.stderr.splitlines()]
    assert process.returncode == 1
    assert [line["level"] for line in lines] == ["error", "critical", "critical"]
    assert all("[redacted]" in line["exception"] for line in lines)
    assert b"prIv" not in process.stderr


def test_a_stalled_stderr_stops_nobody(stderr: Stderr) -> None:
    """Lines past the queue are dropped, counted, and told of when it flows again."""
    os.set_blocking(stderr.writer, False)
    filling = 0
    try:
        while True:
            filling += os.write(stderr.writer, b"\0" * 4096)
    except BlockingIOError:
        pass
    stderr.configure()
    log = logs.get_logger("poller")
    for number in range(2_000):
        log.info("line", number=number)
    assert stderr.diagnostics is not None
    assert stderr.diagnostics.flush(0) is False
    read: list[bytes] = []
    reading = threading.Thread(target=_read_to_end, args=(stderr.reader, read.append))
    reading.start()
    stderr.finish()
    reading.join()
    lines = [json.loads(line) for line in b"".join(read)[filling:].splitlines()]
    numbers = [line["number"] for line in lines if line["message"] == "line"]
    dropped = sum(line["dropped"] for line in lines if line["message"] == "stderr had stalled, lines dropped")
    assert numbers == list(range(len(numbers)))
    assert len(numbers) + dropped == 2_000
    assert dropped >= 998


def _read_to_end(fd: int, take: Callable[[bytes], object]) -> None:
    while chunk := os.read(fd, 65_536):
        take(chunk)


def test_a_closed_stderr_stops_nobody(stderr: Stderr) -> None:
    """There is no place left to say so."""
    stderr.configure()
    os.close(stderr.reader)
    stderr.reader = -1
    logs.get_logger("poller").info("lost")
    assert stderr.diagnostics is not None
    assert stderr.diagnostics.flush(10)
