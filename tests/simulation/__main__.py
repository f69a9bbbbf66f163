"""Proves the promise by many seeds, or replays one: ``python -m tests.simulation [SEED | FIRST LAST]``."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Final

from tests.simulation.oracle import judge
from tests.simulation.plan import draw
from tests.simulation.proof import Report, prove
from tests.simulation.trial import run

_CHUNK: Final = 8


def replay(seed: int) -> int:
    """Run one seed and tell all of it."""
    plan = draw(seed)
    print(plan)
    result = run(plan)
    verdict = judge(result)
    print(f"{verdict.reported} completions reported, {verdict.due} of them due; {result.requests} requests")
    for what, count in sorted(result.happened.items()):
        print(f"{count:8} {what}")
    for wrong in verdict.wrong:
        print(f"WRONG: {wrong}")
    return 1 if verdict.wrong else 0


def prove_all(first: int, last: int) -> int:
    """Run seeds on every core, with progress on stderr; stop at nothing, and tell the failing ones."""
    began, done = time.monotonic(), 0
    reported = due = requests = 0
    failed: list[Report] = []
    with ProcessPoolExecutor() as pool:
        for report in pool.map(prove, range(first, last), chunksize=_CHUNK):
            done += 1
            reported, due, requests = reported + report.reported, due + report.due, requests + report.requests
            if report.wrong:
                failed.append(report)
                print(f"\nseed {report.seed}: {report.wrong[0]}\n  replay: python -m tests.simulation {report.seed}")
            if sys.stderr.isatty() or done % 500 == 0:
                end = "\r" if sys.stderr.isatty() else "\n"
                print(f"{done} of {last - first} seeds, {reported} completions", end=end, file=sys.stderr, flush=True)
    minutes = (time.monotonic() - began) / 60
    print(
        f"{done} seeds, {len(failed)} of them failed: {reported} completions reported, {due} of them due, "
        f"{requests} requests, in {minutes:.1f} minutes"
    )
    return 1 if failed else 0


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="Prove the promise by simulation.")
    parser.add_argument("seeds", nargs="*", type=int, metavar="SEED", help="one to replay, or the first and the end")
    seeds = parser.parse_args().seeds or [0, 10_000]
    if len(seeds) > 2:
        parser.error("one seed, or two: the first and the end")
    return replay(*seeds) if len(seeds) == 1 else prove_all(*seeds)


if __name__ == "__main__":
    sys.exit(main())
