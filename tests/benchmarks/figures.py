"""What a run has found: figures, each with what it must be and what it should be, as one table."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Verdict = Literal["aim", "must", "missed", ""]


class Figure(NamedTuple):
    """One row. The ``must`` and the ``aim`` are upper bounds, or lower ones where ``more`` is better; None is none."""

    group: str
    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    more: bool = False
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Tell which bound it keeps: the aim, the must alone, or neither; nothing where there is none."""
        if self.must is None:
            return ""
        if self.aim is not None and self._keeps(self.aim):
            return "aim"
        return "must" if self._keeps(self.must) else "missed"

    def _keeps(self, bound: float) -> bool:
        return self.value >= bound if self.more else self.value <= bound

    @property
    def cells(self) -> tuple[str, ...]:
        """Return it as the cells of a row."""
        sign = "≥" if self.more else "≤"
        bounds = ["" if bound is None else f"{sign} {number(bound)}" for bound in (self.must, self.aim)]
        said = {"aim": "pass, aim reached", "must": "pass", "missed": "FAIL", "": ""}[self.verdict]
        return (self.group, self.name, f"{number(self.value)} {self.unit}".rstrip(), *bounds, said, self.note)


HEADINGS = ("group", "figure", "measured", "must", "aim", "verdict", "note")


def number(value: float) -> str:
    """Write a number with three digits that count, or all of its whole ones."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.6f}".rstrip("0").rstrip(".")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table for a terminal."""
    rows = [HEADINGS, *(figure.cells for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def markdown(figures: Sequence[Figure]) -> str:
    """Return the figures as a table in Markdown."""
    rows = [HEADINGS, ("---", "---", "--:", "--:", "--:", "---", "---"), *(figure.cells for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
