"""The entry point of ``poller`` and ``python -m poller``."""

import signal
import sys
from types import FrameType


def main() -> int:
    """Run the command line and return the exit code."""
    # Until a command has its own: the first process of a container would ignore the signal, and nothing is lost yet.
    signal.signal(signal.SIGTERM, _leave)
    arguments = sys.argv[1:]
    if arguments[:1] == ["health"]:
        # A probe runs every few seconds within a small memory limit, so it starts without all the rest.
        from poller.cli import health  # noqa: PLC0415 (as said)

        return health.main(arguments[1:])
    from poller.cli.commands import cli  # noqa: PLC0415 (likewise)
    from poller.cli.outcome import run  # noqa: PLC0415 (likewise)

    return run(cli, arguments)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
