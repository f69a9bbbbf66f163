"""Who was missing from answers to look-ups, and how much each of these proves."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from poller.models import Completion, Instant
from poller.runs import Missed, Tracked

MISSES: Final = 3
MISSED_FOR: Final = 60.0
"""A job is unresolved after this many counted misses over this many seconds."""

MISSED_FOR_WITHOUT_CONTROL: Final = 600.0
"""The same where no id is known that the API must return, so that an answer can't be checked."""

_CONTROLS: Final = 16


class Absences:
    """The misses of tracked jobs, and *controls*: reported jobs, which the API is sure to know for a while."""

    def __init__(self) -> None:
        self._missed: dict[str, Missed] = {}
        self._controls: dict[str, None] = {}

    @property
    def control(self) -> str | None:
        """The job that was reported last."""
        return next(reversed(self._controls), None)

    def add_controls(self, completions: Sequence[Completion]) -> None:
        """Take the jobs that are being reported, in that order."""
        if completions:
            known = [*self._controls, *[completion.job.job_id for completion in completions]]
            last = list(islice(dict.fromkeys(reversed(known)), _CONTROLS))
            self._controls = dict.fromkeys(reversed(last))

    def trusts(self, found: Collection[str], control: str | None) -> bool:
        """Tell whether an answer proves anything. A control that it lacks was purged, or the answer is not whole."""
        if control is None or control in found:
            return True
        self._controls.pop(control, None)
        return False

    def forget(self, job_id: str) -> None:
        """Forget a job's misses: it was found, or is over."""
        self._missed.pop(job_id, None)

    def miss(self, job_id: str, run: Tracked, now: Instant, *, controlled: bool) -> bool:
        """Count a miss; tell whether the job is unresolved by now."""
        missed = self._missed.get(job_id)
        if missed is None or missed.since < run.sighted:
            missed = self._missed[job_id] = Missed(since=now.mono)
        if controlled:
            missed.counted_since = missed.counted_since if missed.counted else now.mono
            missed.counted += 1
        else:
            missed.uncontrolled += 1
        proven = missed.counted >= MISSES and now.mono - missed.counted_since >= MISSED_FOR
        likely = missed.uncontrolled >= MISSES and now.mono - missed.since >= MISSED_FOR_WITHOUT_CONTROL
        return proven or likely
