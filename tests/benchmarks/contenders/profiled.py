"""The daemon under cProfile: ``python -m tests.benchmarks.contenders.profiled FILE`` leaves what it found in a file.

SIGTERM ends it, as ever. Only the thread of the event loop is looked at.
"""

import contextlib
import cProfile
import sys

from poller.cli.commands import cli


def main() -> None:
    """Run ``poller run`` until it ends."""
    profile = cProfile.Profile()
    with contextlib.suppress(SystemExit):
        profile.runcall(cli, ["run"])
    profile.dump_stats(sys.argv[1])


if __name__ == "__main__":
    main()
