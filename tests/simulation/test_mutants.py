"""The proof can fail: each mutant of the algorithm is seen, in a situation that the algorithm itself gets through."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from poller.cycle.sweep import Sweep
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.oracle import judge
from tests.simulation.situations import jobs_that_begin_while_they_are_read
from tests.simulation.trial import run

SEEDS: Final = range(4)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_what_is_done_wrong_is_seen(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a few seeds, for what it is; and nothing is seen where it is done right."""
    seen: list[str] = []
    for seed in SEEDS:
        assert not list(_wrong(mutant, seed)), f"seed {seed} of the algorithm itself"
        with monkeypatch.context() as patch:
            mutant.apply(patch)
            seen += _wrong(mutant, seed)
        if any(what.startswith(mutant.verdict) for what in seen):
            return
    pytest.fail(f"nobody has seen that {mutant.name}, but {seen}")


def _wrong(mutant: Mutant, seed: int) -> Iterator[str]:
    yield from judge(run(mutant.plan(seed))).wrong


def test_running_jobs_read_before_waiting_ones_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that begins to run in between is in neither; the heads and look-ups find it all the same, but for luck."""
    plan = jobs_that_begin_while_they_are_read(0)
    assert run(plan).happened["a job was skipped by a sweep"] == 0
    initial = Sweep.__init__

    def reverse(sweep: Sweep, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (whatever it takes)
        initial(sweep, *args, **kwargs)
        sweep._listings = sweep._listings[::-1]

    monkeypatch.setattr(Sweep, "__init__", reverse)
    assert run(plan).happened["a job was skipped by a sweep"] > 0
