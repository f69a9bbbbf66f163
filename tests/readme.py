"""The parts of the README that are made from the code: ``make docs`` writes them, a test compares them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from poller.config import markdown_table
from poller.metrics import FAMILIES
from tests.simulation.cost import cost_table

README = Path(__file__).parents[1] / "README.md"

_TARGET = ("project_id", "region", "city_id", "product_type")


def metrics_table() -> str:
    """Return the table of metrics; T stands for a target's four labels."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    rows += [f"| `{each.name}` | {each.kind} | {_labels(each.labels)} | {each.help} |" for each in FAMILIES]
    return "\n".join(rows) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {"settings": markdown_table, "metrics": metrics_table, "cost": cost_table}
"""What makes the text of a region, by the region's name."""


def around(text: str, name: str) -> tuple[str, str, str]:
    """Split at ``<!-- name -->`` and the next ``<!-- end -->``: before, between, after. Raises LookupError."""
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    between, end, after = rest.partition("<!-- end -->")
    if not end:
        raise LookupError(f"the README has no region {name}")
    return before + start, between, end + after


def _labels(labels: tuple[str, ...]) -> str:
    own = labels[len(_TARGET) :] if labels[: len(_TARGET)] == _TARGET else labels
    return ", ".join([*(["T"] if own is not labels else []), *(f"`{label}`" for label in own)])


def _write() -> None:
    text = README.read_text()
    for name, table in TABLES.items():
        before, _, after = around(text, name)
        text = before + table() + after
    README.write_text(text)


if __name__ == "__main__":
    _write()
