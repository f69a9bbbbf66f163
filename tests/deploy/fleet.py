"""``poller simulate`` on the host, as a process of its own, and what a container of the poller needs to ask it."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY

_BUSY: Final = ("--arrival-rate=10", "--queue-time", "0.1s", "0.5s", "--run-time", "0.1s", "1s")


@contextmanager
def simulated() -> Iterator[str]:
    """Serve a busy fleet on a free port, and give its address."""
    command = [sys.executable, "-m", "poller", "simulate", "--listen=127.0.0.1:0", *_BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            lines = (process.stdout.readline() for _ in range(16))
            yield next(
                word.partition("=")[2] for line in lines for word in shlex.split(line) if "API_BASE_URL=" in word
            )
        finally:
            process.send_signal(signal.SIGTERM)


def keys(directory: Path) -> Path:
    """Write the simulator's keys into files that any user may read, as the mounted ones are."""
    made = directory / "keys"
    made.mkdir()
    for name, text in {"public-key": DEMO_PUBLIC_KEY, "private-key": DEMO_PRIVATE_KEY}.items():
        (made / name).write_text(f"{text}\n", encoding="utf-8")
    return made


def settings(url: str, *, port: int) -> Mapping[str, str]:
    """Return the poller's settings: quick, with its keys in /run/ucloud."""
    return {
        "UCLOUD_API_BASE_URL": url,
        "UCLOUD_PUBLIC_KEY_FILE": "/run/ucloud/public-key",
        "UCLOUD_PRIVATE_KEY_FILE": "/run/ucloud/private-key",
        "POLLER_CITY_IDS": "cn-hangzhou",
        "POLLER_INTERVAL": "500ms",
        "POLLER_MAX_RPS": "200",
        "POLLER_LISTEN": f"127.0.0.1:{port}",
    }
