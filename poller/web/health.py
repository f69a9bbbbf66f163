"""Whether the poller is alive and ready, as pure decisions: a status code, and why, to be sent as JSON."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from poller.models import Target
from poller.stats import Deadlines, DiscoveryStats, Stats, TargetStats

MAX_NAMED: Final = 20
"""An answer names so many tasks or targets at most; it counts them all."""

_MAX_CHARS: Final = 200

Answer = tuple[int, dict[str, Any]]


def livez(deadlines: Deadlines, now: float) -> Answer:
    """Tell whether every task keeps its deadline. ``now`` is monotonic, in seconds.

    Neither an API that is down nor a stalled reader of events counts: a restart would mend neither.
    """
    late = sorted(deadlines.missed(now))
    if late:
        return 503, {"status": "stuck", "late": len(late), "late_tasks": _named(late)}
    return 200, {"status": "ok"}


def readyz(stats: Stats, now: float) -> Answer:
    """Tell whether what the poller knows of its targets is whole and fresh. ``now`` is monotonic, in seconds.

    A target that the API refuses for good is not waited for, nor one that was discovered after the start, but one at
    least has to be complete. Where cities are to be discovered, the first answer with them is part of the start.
    """
    targets = stats.targets.items()
    complete = [target for target, own in targets if own.last_complete_at is not None]
    known: list[tuple[Target, TargetStats | DiscoveryStats]] = [*targets, *stats.discoveries.items()]
    refused = {target: own.refusal for target, own in known if own.refusal is not None}
    unknown = [target for target, own in stats.discoveries.items() if not own.done and own.refusal is None]
    waiting = [
        target for target, own in targets if own.last_complete_at is None and own.refusal is None and not own.late
    ]
    counts = {"targets": len(stats.targets), "complete": len(complete), "refused": len(refused)}
    reason = "the cities are not known yet" if unknown else _unready(waiting, complete, stats, now)
    if reason is None:
        return 200, {"status": "ok", **counts}
    refusals = {_cut(str(target)): _cut(why) for target, why in islice(refused.items(), MAX_NAMED)}
    return 503, {
        "status": "unready",
        "reason": reason,
        **counts,
        "waiting_targets": _named([*unknown, *waiting]),
        "refused_targets": refusals,
    }


def _unready(waiting: list[Target], complete: list[Target], stats: Stats, now: float) -> str | None:
    if waiting:
        return "some targets have had no complete cycle yet"
    if not complete:
        return "no target has had a complete cycle"
    if not any(stats.targets[target].complete_within(now, interval=stats.interval) for target in complete):
        return "no target has had a complete cycle for too long"
    return None


def _named(things: Iterable[object]) -> list[str]:
    return [_cut(str(thing)) for thing in islice(things, MAX_NAMED)]


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"
