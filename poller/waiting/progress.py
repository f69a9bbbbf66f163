"""How far the jobs that are waited for have got, as far as pages have shown."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from poller.lifecycle import TERMINAL
from poller.models import Job, Sighting, State

_TASK_OVER = frozenset({State.SUCCESS, State.FAILED, State.PARTIAL_SUCCESS})


class Tasks(NamedTuple):
    """How many of a job's tasks are over, and how many there are as far as is known."""

    done: int
    total: int


class Progress(NamedTuple):
    """All jobs at a moment: how many ``ended``, how many are in each active state, and their tasks.

    ``states`` has UNKNOWN for those that no answer has shown yet. ``share`` is between 0 and 1: a job counts by its
    tasks, and as one where none are known. ``problem`` is there while no request succeeds.
    """

    jobs: int
    ended: int
    states: Mapping[State, int]
    tasks: Tasks
    share: float
    problem: str | None = None


class Glimpses:
    """What was seen last of each job."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._states = dict.fromkeys(ids, State.UNKNOWN)
        self._tasks: dict[str, Tasks] = {}
        self._over: set[str] = set()

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._states

    def note(self, row: Sighting) -> None:
        """Take a row of a job that is waited for."""
        self._states[row.job_id] = row.state
        if isinstance(row, Job):
            self._tasks[row.job_id] = tasks_of(row)

    def end(self, job_id: str) -> None:
        """Take note that nothing more will come of a job."""
        self._over.add(job_id)

    def state(self, job_id: str) -> State | None:
        """Return the state that a job was last seen in; None where it was never seen."""
        state = self._states[job_id]
        return None if state is State.UNKNOWN and job_id not in self._tasks else state

    def tasks(self, job_id: str) -> Tasks:
        """Return how far a job's tasks have got."""
        return self._tasks.get(job_id, Tasks(0, 0))

    def progress(self) -> Progress:
        """Add all of it up."""
        done = total = units = 0
        for job_id in self._states:
            tasks = self.tasks(job_id)
            done += tasks.done
            total += tasks.total
            units += max(tasks.total if job_id in self._over else tasks.done, job_id in self._over)
        everything = sum(max(self.tasks(job_id).total, 1) for job_id in self._states)
        active = Counter(state for job_id, state in self._states.items() if job_id not in self._over)
        for state in TERMINAL & active.keys():
            # Seen to be over, and held for the time of its end.
            active[State.RUNNING] += active.pop(state)
        return Progress(len(self._states), len(self._over), active, Tasks(done, total), units / max(everything, 1))


def tasks_of(job: Job) -> Tasks:
    """Count a job's tasks. Before it runs none are listed: there will be one for each of its phones."""
    tasks = job.tasks or ()
    done = sum(task.state in _TASK_OVER for task in tasks)
    return Tasks(done, len(tasks) or len(job.uphone_ids or ()))
