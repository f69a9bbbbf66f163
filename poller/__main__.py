"""The entry point of ``poller`` and ``python -m poller``."""

import os
import signal
import sys
from types import FrameType


def main() -> int:
    """Run the command line and return the exit code."""
    # Until a command has its own: the first process of a container would ignore the signal, and nothing is lost yet.
    signal.signal(signal.SIGTERM, _leave)
    _occupy()
    arguments = sys.argv[1:]
    if arguments[:1] == ["health"]:
        # A probe runs every few seconds within a small memory limit, so it starts without all the rest.
        from poller.cli import health  # noqa: PLC0415 (as said)

        return health.main(arguments[1:])
    from poller.cli.commands import cli  # noqa: PLC0415 (likewise)
    from poller.cli.outcome import run  # noqa: PLC0415 (likewise)

    return run(cli, arguments)


def _occupy() -> None:
    """Open what is closed of stdin, stdout and stderr, or the next file or connection would be taken for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # In this order, since the lowest number that is free is taken.
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 (a device, for as long as there is a process)


def _leave(number: int, _frame: FrameType | None) -> None:
    # What these return tells of jobs, and 0 would be good news.
    raise SystemExit(128 + number if sys.argv[1:2] in (["wait"], ["jobs"]) else 0)


if __name__ == "__main__":
    sys.exit(main())
