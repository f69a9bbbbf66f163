"""``make bench``: measures, prints one table, and fails where a figure misses its must. ARGS names groups."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tests.benchmarks.document import machine, paste
from tests.benchmarks.figures import Figure, markdown, table
from tests.benchmarks.groups import burst, cycle, delay, growth, memory, probes, requests, start, state
from tests.benchmarks.progress import clear

GROUPS: Final[Mapping[str, Callable[[], Iterable[Figure]]]] = {
    "cycle": cycle.measure,
    "delay": delay.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "burst": burst.measure,
    "probes": probes.measure,
    "start": start.measure,
    "state": state.measure,
    "requests": requests.measure,
}


def main() -> int:
    """Measure the groups that are asked for."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}; all if none is named")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--write", action="store_true", help="write it into docs/performance.md too")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    figures = [figure for name in options.groups or GROUPS for figure in GROUPS[name]()]
    clear()
    print((markdown if options.markdown else table)(figures))
    print(f"\n{machine()}")
    if options.write:
        paste("figures", f"{markdown(figures)}\n\n{machine()}.")
    missed = [figure.name for figure in figures if figure.verdict == "missed"]
    if missed:
        print(f"make bench: {len(missed)} of {len(figures)} figures miss their must", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
