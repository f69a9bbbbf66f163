"""``poller check`` as a process, against the simulated API on a socket."""

import os
import subprocess
import sys
from dataclasses import replace

from poller.simulator.options import DEMO_PRIVATE_KEY, DEMO_PUBLIC_KEY, Options
from tests.e2e.live import LiveApi

FOREVER = Options(
    active_jobs=20, arrival_rate=0, queue_time=(600, 900), run_time=(600, 900), latency=0.002, jitter=0.002
)


def test_check_tells_what_it_found() -> None:
    """One request a target, a table, and what polling will cost."""
    with LiveApi(FOREVER) as api:
        environment = {
            "PATH": os.environ["PATH"],
            "UCLOUD_API_BASE_URL": api.url,
            "UCLOUD_PUBLIC_KEY": DEMO_PUBLIC_KEY,
            "UCLOUD_PRIVATE_KEY": DEMO_PRIVATE_KEY,
            "POLLER_CITY_IDS": "cn-hangzhou",
        }
        command = [sys.executable, "-m", "poller", "check"]
        good = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert good.returncode == 0
        assert "city cn-hangzhou, uphone-server" in good.stdout
        assert "requests a second" in good.stdout
        assert api.requests == 1
        bad = subprocess.run(
            command, env={**environment, "UCLOUD_PRIVATE_KEY": "wrong"}, capture_output=True, text=True, check=False
        )
        assert bad.returncode == 1
        assert "UCLOUD_PRIVATE_KEY" in bad.stdout


def test_check_asks_for_the_cities_first() -> None:
    """Then each of them once; the table has them in the order of the answer."""
    with LiveApi(replace(FOREVER, cities=3)) as api:
        environment = {
            "PATH": os.environ["PATH"],
            "UCLOUD_API_BASE_URL": api.url,
            "UCLOUD_PUBLIC_KEY": DEMO_PUBLIC_KEY,
            "UCLOUD_PRIVATE_KEY": DEMO_PRIVATE_KEY,
            "POLLER_CITY_IDS": "all",
        }
        command = [sys.executable, "-m", "poller", "check"]
        good = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert good.returncode == 0
        rows = [line.partition("  ")[0] for line in good.stdout.splitlines()[1:4]]
        assert rows == [f"city {city}, uphone-server" for city in ("cn-hangzhou", "cn-shanghai", "cn-jinan")]
        assert "3 of 3 targets answered" in good.stdout
        assert api.requests == 4
        bad = subprocess.run(
            command, env={**environment, "UCLOUD_PRIVATE_KEY": "wrong"}, capture_output=True, text=True, check=False
        )
        assert bad.returncode == 1
        assert "city all, uphone-server" in bad.stdout
