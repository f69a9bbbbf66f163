"""``make profile``: where the time goes of cycles over 100 000 active jobs, and of as many completions at once.

Time in functions written in C counts for whoever called them. cProfile makes calls dearer than they are, so shares tell
where to look, and figures of ``make bench`` what it costs.
"""

import pstats
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.document import paste
from tests.benchmarks.groups.burst import wait_for_lines
from tests.benchmarks.progress import clear, say
from tests.benchmarks.running import PATIENCE, Daemon, Fixture, daemon, fixture

_ACTIVE: Final = 100_000
_CYCLES: Final = 6
_PACKAGES: Final = 14
_FUNCTIONS: Final = 20
_BUILTIN: Final = "~"
_WAITING: Final = "waiting, for answers or for the disk"

Function = tuple[str, int, str]
"""A file, a line, and a name, as pstats has them."""


def main() -> None:
    """Profile both, and print or write."""
    for name, text in {"profile": _text(_cycles), "profile-burst": _text(_burst)}.items():
        clear()
        print(text)
        if "--write" in sys.argv:
            paste(name, text)


def _cycles(api: Fixture, _running: Daemon) -> None:
    """Let cycles go by in each of which ten jobs end."""
    say(f"profile: {_CYCLES} cycles")
    api.cycles(_CYCLES)


def _burst(api: Fixture, running: Daemon) -> None:
    """Let all jobs end at once."""
    say("profile: a burst")
    api.marks(1)
    api.tell(f"/end?count={_ACTIVE}")
    wait_for_lines(running, _ACTIVE)


def _text(scene: Callable[[Fixture, Daemon], None]) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "profile")
        command = ("-m", "tests.benchmarks.contenders.profiled", str(file))
        churn = 10 if scene is _cycles else 0
        with fixture(active=_ACTIVE, churn=churn) as api, daemon(api, state=not churn, command=command) as running:
            scene(api, running)
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(PATIENCE)
        # The attribute is there since the module is, and is what its own printing reads.
        stats: dict[Function, Any] = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    return f"```text\n{_table(_by_package(stats), _PACKAGES)}\n\n{_table(_by_function(stats), _FUNCTIONS)}\n```"


def _own(stats: dict[Function, Any]) -> Counter[Function]:
    """Return each function's own seconds, with those of the built-in ones that it called."""
    seconds: Counter[Function] = Counter()
    for function, (_, _, own, _, callers) in stats.items():
        if function[0] != _BUILTIN:
            seconds[function] += own
            continue
        for caller, (_, _, share, _) in callers.items():
            seconds[caller] += share
    return seconds


def _by_package(stats: dict[Function, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (path, _, _), seconds in _own(stats).items():
        found[_package(path)] += seconds
    return found


def _by_function(stats: dict[Function, Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (path, _, name), seconds in _own(stats).items():
        package = _package(path)
        found[package if package == _WAITING else f"{package}: {Path(path).name} {name}"] += seconds
    return found


def _package(path: str) -> str:
    if path.endswith("/selectors.py"):
        return _WAITING
    if place := re.search(r"/site-packages/([^/.]+)", path):
        return place[1]
    if place := re.search(r"/poller/(\w+)", path):
        return f"poller.{place[1]}"
    if place := re.search(r"/python3\.\d+/([^/.]+)", path):
        return f"{place[1]} (standard library)"
    return "the interpreter"


def _table(seconds: Counter[str], rows: int) -> str:
    total = seconds.total()
    return "\n".join(f"{own / total:6.1%}  {name}" for name, own in seconds.most_common(rows))


if __name__ == "__main__":
    main()
