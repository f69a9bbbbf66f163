"""Asks for jobs by their ids: those that a sweep did not show, those that wait for their EndTime, and the lost ones."""

from collections.abc import Sequence

import anyio

from poller.cycle.diary import Diary
from poller.cycle.reader import Reader, Sight
from poller.cycle.reporter import Reporter
from poller.errors import FixRequest
from poller.models import MAX_PAGE_ROWS, Instant, Query, Target
from poller.reading import Reading


class LookUp:
    """One target's look-ups, ``window`` of them under way at a time."""

    def __init__(self, target: Target, sight: Sight, reporter: Reporter, diary: Diary, *, window: int) -> None:
        self._target = target
        self._sight = sight
        self._reporter = reporter
        self._diary = diary
        self._places = anyio.Semaphore(window)

    async def run(self, reader: Reader, cutoff: float) -> bool:
        """Ask for the jobs not sighted since a monotonic time, and the others; True if every answer was whole."""
        if reader.refusal:
            return False
        tracker = self._sight.tracker
        ids = tracker.questions(cutoff, self._sight.now())
        control = tracker.control(cutoff)
        size = MAX_PAGE_ROWS - 1 if control is not None else MAX_PAGE_ROWS
        answers: list[bool] = []

        async def ask(batch: Sequence[str]) -> None:
            async with self._places:
                answers.append(await self._ask(batch, control, reader))

        async with anyio.create_task_group() as group:
            for start in range(0, len(ids), size):
                group.start_soon(ask, ids[start : start + size])
        return all(answers)

    async def _ask(self, batch: Sequence[str], control: str | None, reader: Reader) -> bool:
        """Look one batch up, with a job that must come back beside it to show that absence means something."""
        asked = tuple(batch) if control is None else (*batch, control)
        # An answer tells of the time at which it was given. What it shows is reported first, which may take any time.
        asked_at = self._sight.now()
        found: set[str] = set()
        reading = Reading(expected=len(asked), capacity=self._sight.longest_page, trust_count=False, wanted=asked)
        try:
            await reader.read(Query(self._target, job_ids=asked), reading, found=found)
        except FixRequest as refusal:
            return await self._ask_less(batch, control, reader, refusal)
        if reading.whole:
            await self._note_absent(batch, found, control, asked_at)
        return reading.whole

    async def _ask_less(self, batch: Sequence[str], control: str | None, reader: Reader, refusal: FixRequest) -> bool:
        """Look up half a batch at a time: the API takes fewer ids than we thought, or dislikes one of them."""
        if len(batch) > 1:
            half = len(batch) // 2
            return all([await self._ask(part, control, reader) for part in (batch[:half], batch[half:])])
        if control is not None:
            return await self._ask(batch, None, reader)
        self._diary.refused_id(batch[0], refusal)
        await self._note_absent(batch, set(), None, self._sight.now())
        return True

    async def _note_absent(self, batch: Sequence[str], found: set[str], control: str | None, asked_at: Instant) -> None:
        await self._reporter.tell(self._sight.tracker.absent(batch, found, control, asked_at))
