"""What a contender took: the CPU time of its whole process, and wall time, without its start."""

import json
import time
from collections.abc import Callable


def report(read: Callable[[int, int], int], port: int, pages: int) -> None:
    """Read so many pages from a port, and print the seconds that it took, and how many jobs there were."""
    cpu, wall = time.process_time(), time.monotonic()
    jobs = read(port, pages)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall, "jobs": jobs}))
