"""One seed, from its plan to its verdict."""

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.oracle import judge
from tests.simulation.plan import draw
from tests.simulation.trial import run


@dataclass
class Report:
    """What has come of a seed: what is wrong, in words, and how much was reported, due and met."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    reported: int = 0
    due: int = 0
    requests: int = 0
    happened: Counter[str] = field(default_factory=Counter)


def prove(seed: int) -> Report:
    """Run a seed and judge it."""
    result = run(draw(seed))
    verdict = judge(result)
    return Report(
        seed=seed,
        wrong=verdict.wrong,
        reported=verdict.reported,
        due=verdict.due,
        requests=result.requests,
        happened=result.happened + verdict.met,
    )
