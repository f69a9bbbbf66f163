"""Judges what was written by the simulator's truth and the plan alone: due ⊆ reported ⊆ may, each under one id."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from poller.frontier import MARGIN
from poller.simulator.truth import Run
from tests.schema import fits
from tests.simulation.plan import START, Plan, Span
from tests.simulation.trial import Life, Result

FLOOR_SLACK: Final = 8.0
"""Seconds before the first start in which a job may have ended and be reported all the same: an answer's delay, whole
seconds, and a ``Date`` that is not quite the clock of the jobs."""

SEEN_ACTIVE: Final = 130.0
"""Seconds of a sound process in which a run must have been active to be due where it can't be told by its times."""

_WINDOW: Final = 10.0
_ROUNDING: Final = 1e-3

Event = dict[str, Any]


@dataclass
class Verdict:
    """What is wrong, in words; how many completions were reported, due, and reported without being due.

    ``met`` counts the kinds of completions that were told.
    """

    wrong: list[str] = field(default_factory=list)
    reported: int = 0
    due: int = 0
    undue: int = 0
    met: Counter[str] = field(default_factory=Counter)


def judge(result: Result) -> Verdict:
    """Compare what was reported with what was due and what might have been."""
    verdict = Verdict()
    oracle = _Oracle(result, verdict)
    oracle.read()
    oracle.check_due()
    oracle.check_budget()
    return verdict


class _Oracle:
    def __init__(self, result: Result, verdict: Verdict) -> None:
        self._result = result
        self._plan = result.plan
        self._verdict = verdict
        self._runs: defaultdict[str, list[Run]] = defaultdict(list)
        for run in result.runs:
            self._runs[run.job_id].append(run)
        self._ids: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._sound = list(_sound(self._plan, result.lives))

    def read(self) -> None:
        """Read every life's lines."""
        for number, life in enumerate(self._result.lives):
            seen: set[tuple[str, int]] = set()
            for event in self._events(number, life):
                if event["event_name"] == "job.unresolved":
                    self._verdict.met["reported: a job that is no longer known"] += 1
                    self._check_unresolved(event)
                    continue
                run = self._run_of(event)
                if run is None:
                    self._wrong(f"invented: {event}")
                    continue
                key = (run.job_id, run.number)
                if key in seen:
                    self._wrong(f"twice in one life: {event}")
                seen.add(key)
                self._ids[key].add(event["event_id"])
                self._verdict.met["reported: a job that was never seen active"] += event["previous_state"] is None
                self._verdict.met["reported: a job that was run again"] += run.number > 1
                self._verdict.met["reported: a job without EndTime"] += event["end_time"] is None
        for key, ids in self._ids.items():
            if len(ids) > 1:
                self._wrong(f"under {len(ids)} ids: {key}")
        self._verdict.reported = len(self._ids)

    def _wrong(self, what: str) -> None:
        self._verdict.wrong.append(what)

    def _events(self, number: int, life: Life) -> Iterator[Event]:
        lines = self._result.data[life.first_byte : life.last_byte].split(b"\n")
        torn = lines.pop()
        if torn and not self._plan.kills[number]:
            self._wrong(f"a life that was not killed left a torn line: {torn!r}")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                self._wrong(f"a broken line: {line!r}")
                continue
            if not fits(event["event_name"], line):
                self._wrong(f"a line that breaks the schema: {line!r}")
            yield event

    def _run_of(self, event: Event) -> Run | None:
        """Find the run that an event is of, if it truly ended so and might be reported."""
        at = _unix(event["timestamp"]) - self._plan.skew + 1
        # Without times a run's end can't be told from that of an earlier one, as a lagging replica shows it.
        blur = 0.0 if event["end_time"] or event["begin_time"] else self._plan.options.lag
        runs = (run for run in self._runs[event["job_id"]] if run.ended <= at + blur)
        city_id = event["city_id"] or self._plan.options.city_ids[0]
        matching = [run for run in runs if run.city_id == city_id and _matches(run, event) and self._may(run)]
        return matching[-1] if matching else None

    def _may(self, run: Run) -> bool:
        """Tell whether a run ended after the first start, or could be seen active after it."""
        slack = FLOOR_SLACK + self._plan.options.lag
        if run is not self._runs[run.job_id][-1]:
            if not run.shows_times:
                return True  # nothing tells it from the run that followed
            # Its job was run again and seen active, and a lagging replica may have shown this end after that.
            slack += MARGIN
        return run.ended >= self._result.lives[0].began - self._plan.lookback - slack

    def _check_unresolved(self, event: Event) -> None:
        """Allow a job to be called unresolved only where the API did not return it for a while."""
        at = _unix(event["timestamp"]) - self._plan.skew
        runs = self._runs[event["job_id"]]
        if not any(run.shown_until <= at or run.hidden[0] <= at <= run.hidden[1] + 60 for run in runs):
            self._wrong(f"unresolved while it was there: {event}")

    def check_due(self) -> None:
        """Hold every run that was due against those that were reported."""
        for run in self._result.runs:
            due = self._is_due(run)
            reported = (run.job_id, run.number) in self._ids
            self._verdict.due += due
            self._verdict.undue += reported and not due
            if due and not reported:
                self._wrong(f"missed: {run}")

    def check_budget(self) -> None:
        """Hold the requests of each life against the rate that it was given, over any ten seconds."""
        most = int(_WINDOW * self._plan.max_rps) + 1
        for life in self._result.lives:
            times = [time for time in self._result.requested if life.began <= time <= life.ended]
            for first, last in zip(times, times[most:], strict=False):
                if last - first < _WINDOW - _ROUNDING:
                    self._wrong(f"over budget: more than {most} requests from {first} to {last}")
                    break

    def _is_due(self, run: Run) -> bool:
        options = self._plan.options
        if run.outcome is None or run.hidden[0] < math.inf or run.waits_unlisted:
            return False
        first = self._result.lives[0].began
        if run.ended < first - self._plan.lookback + max(0.0, options.date_skew) + 1:
            return False
        visible = (run.ended + options.lag, run.shown_until)
        if self._longest(visible) < self._plan.settles:
            return False
        dated = run.end_shown < math.inf or run.created >= first + FLOOR_SLACK
        tells_itself = run.number == 1 and run.shows_times and dated
        return tells_itself or self._longest((run.queued + options.lag, run.ended)) >= SEEN_ACTIVE

    def _longest(self, span: Span) -> float:
        """Return the longest time in a span that a sound process had without a break."""
        return max((min(end, span[1]) - max(begin, span[0]) for begin, end in self._sound), default=0.0)


def _sound(plan: Plan, lives: list[Life]) -> Iterator[Span]:
    """Tell when a process lived and nothing was down, by the API's clock."""
    troubles = sorted(
        [
            *((START + begin, START + end) for begin, end, _ in plan.options.outages),
            *((START + begin, START + end) for begin, end in plan.stalls),
        ]
    )
    for life in lives:
        begin = life.began
        for down, up in troubles:
            if up <= begin or down >= life.ended:
                continue
            if down > begin:
                yield begin, down
            begin = max(begin, up)
        if begin < life.ended:
            yield begin, life.ended


def _matches(run: Run, event: Event) -> bool:
    if run.outcome is None or run.outcome != event["state"]:
        return False
    if event["end_time"] is not None and int(run.ended) != _unix(event["end_time"]):
        return False
    return event["begin_time"] is None or int(run.begun) == _unix(event["begin_time"])


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
