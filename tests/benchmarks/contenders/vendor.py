"""The vendor's SDK in a loop, as its user would write it today, with its defaults.

``python -m tests.benchmarks.contenders.vendor PORT PAGES`` prints what it took. One word more, ``quiet``, turns off
the lines that the SDK logs of each request and each answer, which it formats all the same.
"""

import logging
import sys

from ucloud.client import Client

from poller.simulator.options import DEMO_CREDENTIALS
from tests.benchmarks.contenders.taking import report


def read(port: int, pages: int) -> int:
    """Read so many pages, and return how many jobs there were."""
    settings = {
        "base_url": f"http://127.0.0.1:{port}",
        "region": "cn-bj2",
        "project_id": "org-x",
        "public_key": DEMO_CREDENTIALS.public_key,
        "private_key": DEMO_CREDENTIALS.private_key,
    }
    uphone = Client(settings).uphone()
    if "quiet" in sys.argv:
        logging.getLogger("ucloud").setLevel(logging.WARNING)
    jobs: dict[str, str] = {}
    for number in range(pages):
        asked = {"CityId": "city-0", "State": "RUNNING", "Offset": number * 100, "Limit": 100}
        for job in uphone.describe_u_phone_job(asked)["Jobs"]:
            jobs[job["JobId"]] = job["State"]
    return len(jobs)


if __name__ == "__main__":
    report(read, *map(int, sys.argv[1:3]))
