"""A whole process and its stdout: what a sink's thread that is blocked must not prevent."""

import json
import os
import subprocess
import sys

import pytest

STALLED = """
import sys
import anyio
import structlog
from poller.errors import SinkClosed
from poller.sink import Sink, open_output
from poller.stats import EventStats

async def main():
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    sink = Sink(open_output("-"), EventStats(), log=log)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sink.write, [b'{"number":%d,"text":"%s"}\\n' % (n, b"x" * 300) for n in range(5_000)])
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
        left = await sink.aclose(0.2)
    print(left, file=sys.stderr)
    sys.exit(1 if left else 0)

anyio.run(main, backend=sys.argv[1])
"""

CLOSED = """
from poller.errors import ConfigError
from poller.sink import open_output
try:
    open_output("-")
except ConfigError as error:
    raise SystemExit(str(error))
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_process_ends_although_its_reader_has_stalled(backend: str) -> None:
    """Within its grace, telling the truth about what is left, and with no torn line in the pipe."""
    reader, writer = os.pipe()
    process = subprocess.run(
        [sys.executable, "-c", STALLED, backend], stdout=writer, stderr=subprocess.PIPE, timeout=30, check=False
    )
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        received = pipe.read()
    numbers = [json.loads(line)["number"] for line in received.splitlines()]
    assert process.returncode == 1, process.stderr
    assert received.endswith(b"\n")
    assert numbers == list(range(5_000 - int(process.stderr)))


def test_a_process_without_a_stdout_says_so() -> None:
    """Its number may be given to a socket next, and events must not go there."""
    process = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, CLOSED],
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    assert process.stderr == "POLLER_EVENTS: stdout is closed\n"
