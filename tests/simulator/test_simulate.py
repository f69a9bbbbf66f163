"""``poller simulate`` as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime

import click
import httpx2
import pytest
from click.testing import CliRunner

from poller.cli.simulate import base_url, simulate
from poller.simulator.options import Fault

Sign = Callable[..., dict[str, str]]

COMMAND = (sys.executable, "-c", "from poller.cli.simulate import simulate; simulate()")
DEADLINE = 30.0


@contextmanager
def simulating(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run the command on a free port, and read the environment that it announces with a shell's eyes."""
    command = (*COMMAND, "--listen", "127.0.0.1:0", *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            yield process, environment("".join(lines))
        finally:
            process.kill()


def environment(script: str) -> dict[str, str]:
    """Run lines in a shell and read back the UCLOUD variables they set."""
    shell = subprocess.run(
        ["sh", "-c", f"{script}\nenv"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    assert shell.stderr == ""
    return dict(re.findall(r"^(UCLOUD_\w+)=(.*)$", shell.stdout, re.MULTILINE))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_and_stops(signed: Sign, number: signal.Signals) -> None:
    """What it prints is all that a client needs; a signal ends it cleanly, whatever it was made to break."""
    faults = [f"--fault-{fault}=0.3" for fault in (Fault.RESET, Fault.TRUNCATED)]
    with simulating("--latency", "0s", "--jitter=0s", *faults) as (process, variables):
        assert set(variables) == {"UCLOUD_API_BASE_URL", "UCLOUD_PUBLIC_KEY", "UCLOUD_PRIVATE_KEY"}
        good, cut = 0, 0
        with httpx2.Client(trust_env=False) as http:
            for _ in range(40):
                try:
                    page = http.post(variables["UCLOUD_API_BASE_URL"], data=signed({"Action": "DescribeUPhoneJob"}))
                    good += page.json()["RetCode"] == 0
                except httpx2.TransportError:
                    cut += 1
            process.send_signal(number)
            _, errors = process.communicate(timeout=DEADLINE)
    assert good > 5 < cut
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("host", "reachable"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), (None, "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")],  # noqa: S104 (nothing is bound)
)
def test_base_url(host: str | None, reachable: str) -> None:
    """What listens everywhere is announced where this machine reaches it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert base_url(host, [listener]) == f"http://{reachable}:{listener.getsockname()[1]}"


def test_busy_port() -> None:
    """A port in use is said in one line, and is a mistake of usage."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = CliRunner().invoke(simulate, ["--listen", address])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: Invalid value for --listen: {address}: Address already in use"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--listen", "off"], "--listen"),
        (["--listen", "10767"], "write host:port"),
        (["--run-time", "5", "6s"], "write 5s"),
        (["--run-time", "6s", "5s"], "--run-time: must be two durations, the shorter first"),
        (["--latency", "soon"], "--latency"),
        (["--order", "best"], "newest-first"),
        (["--fault-reset", "2"], "--fault-reset"),
        (["--fault-reset", "0.7", "--fault-garbage", "0.7"], "--fault-…: exceed 1"),
        (["--failed-share", "0.7", "--partial-share", "0.7"], "--failed-share: exceeds 1"),
        (["--product-type", "phone"], "uphone-server"),
        (["--page-cap", "200"], "--page-cap"),
        (["--rerun-share", "2"], "--rerun-share"),
        (["--rerun-after", "6s", "5s"], "--rerun-after: must be two durations"),
        (["--rate-limit", "0"], "--rate-limit: must be more than 0"),
        (["--date-skew", "nan"], "--date-skew: must be a number"),
    ],
)
def test_bad_usage(arguments: list[str], text: str) -> None:
    """A knob turned too far is an error that names it."""
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert text in result.stderr


def test_help_tells_every_knob() -> None:
    """Every option has a help text, and every fault an option."""
    options = [option for option in simulate.params if isinstance(option, click.Option)]
    assert all(option.help for option in options)
    names = {name for option in options for name in option.opts}
    assert {f"--fault-{fault}" for fault in Fault} < names


def test_orders_trouble(signed: Sign) -> None:
    """Rows without EndTime, a clock that is behind and a rate limit are each a flag away."""
    flags = ("--date-skew", "-3600", "--rate-limit", "0.01", "--latency=0s", "--jitter=0s", "--no-end-share=1")
    with simulating(*flags) as (_, variables), httpx2.Client(trust_env=False) as http:
        request = signed({"Action": "DescribeUPhoneJob", "State": "SUCCESS"})
        first, second = (http.post(variables["UCLOUD_API_BASE_URL"], data=request) for _ in range(2))
    assert {job["EndTime"] for job in first.json()["Jobs"]} == {0}
    assert second.json()["RetCode"] == 153
    (date,) = first.headers.get_list("Date")
    assert parsedate_to_datetime(date).timestamp() < time.time() - 3500
