"""Some hundreds of seeds: every completion that was due is reported, none is invented, and each has one id."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import pytest

from tests.simulation.proof import Report, prove

SEEDS: Final = range(int(os.environ.get("SIMULATION_SEEDS", "240")))
_CHUNK: Final = 4

RARE: Final = (
    "a commit failed",
    "a job was skipped by two sweeps running",
    "a line was torn by a kill",
    "a look-up was capped",
    "a request was throttled",
    "a tie lay across a page boundary",
    "a write was refused",
    "a write was short",
    "fault duplicate-rows",
    "fault empty-page",
    "killed after a commit",
    "killed after a request",
    "killed after a write",
    "killed before a commit",
    "killed before a request",
    "killed before a write",
    "killed idle",
    "killed within a write",
    "lines were sent again",
    "neighbouring pages shared no row",
    "outage http-503",
    "outage reset",
    "outage silent",
    "reported: a job that was never seen active",
    "reported: a job that was run again",
    "reported: a job without EndTime",
    "reported: a job that is no longer known",
)
"""What a proof that never met it would not be worth much."""


@pytest.fixture(scope="module")
def reports() -> Iterator[list[Report]]:
    """Run all seeds, on every core."""
    with ProcessPoolExecutor() as pool:
        yield list(pool.map(prove, SEEDS, chunksize=_CHUNK))


def test_nothing_that_was_due_is_missed_and_nothing_is_invented_or_told_under_two_ids(reports: list[Report]) -> None:
    """Whatever the API, the network, the disk and the reader of stdout did, and whenever the process was killed."""
    wrong = [f"seed {report.seed}: {what}" for report in reports for what in report.wrong]
    assert not wrong, f"{wrong[0]}\nreplay: python -m tests.simulation {wrong[0].split()[1].rstrip(':')}"
    assert sum(report.due for report in reports) > 20 * len(SEEDS)


@pytest.mark.parametrize("situation", RARE)
def test_the_proof_has_met_a_rare_situation(reports: list[Report], situation: str) -> None:
    """A promise that was never put to the test is not proven."""
    happened: Counter[str] = Counter()
    for report in reports:
        happened.update(report.happened)
    assert happened[situation] > 0


def test_the_same_seed_makes_the_same_run() -> None:
    """A failing seed is a bug that can be looked at again."""
    assert prove(7) == prove(7)
