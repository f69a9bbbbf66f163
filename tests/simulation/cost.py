"""What a poller asks of the API while nothing is wrong: the published bounds, as docs/guarantees.md has them."""

from typing import Final, NamedTuple


class Load(NamedTuple):
    """How many jobs are active, and how many finish a second, over all targets."""

    active: int
    rate: float
    targets: int = 1


COSTS: Final = {
    Load(0, 0.0): 7,
    Load(0, 0.1): 8,
    Load(0, 1.0): 10,
    Load(0, 10.0): 18,
    Load(100, 0.0): 8,
    Load(100, 0.1): 8,
    Load(100, 1.0): 10,
    Load(100, 10.0): 20,
    Load(1000, 0.0): 9,
    Load(1000, 0.1): 11,
    Load(1000, 1.0): 16,
    Load(1000, 10.0): 33,
    Load(10_000, 0.0): 28,
    Load(10_000, 1.0): 140,
    Load(0, 0.0, 10): 70,
    Load(1000, 1.0, 10): 80,
}
"""Requests in an interval of 10 seconds at most, on average over some minutes."""


def cost_table() -> str:
    """Return it as a Markdown table."""
    rows = ["| active jobs | finished a second | targets | requests in 10 s, on average |", "|--:|--:|--:|--:|"]
    rows += [f"| {load.active:,} | {load.rate:g} | {load.targets} | {most} |" for load, most in COSTS.items()]
    return "\n".join(rows).replace(",", "\u00a0") + "\n"
