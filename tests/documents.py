"""The parts of the documents that are made from the code: ``make docs`` writes them, a test compares them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from poller.config import markdown_table
from poller.metrics import FAMILIES
from tests.simulation.cost import cost_table

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"

_TARGET = ("project_id", "region", "city_id", "product_type")


def metrics_table() -> str:
    """Return the table of metrics; T stands for a target's four labels."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    rows += [f"| `{each.name}` | {each.kind} | {_labels(each.labels)} | {each.help} |" for each in FAMILIES]
    return "\n".join(rows) + "\n"


TABLES: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/reference.md", "settings"): markdown_table,
    ("docs/reference.md", "metrics"): metrics_table,
    ("docs/guarantees.md", "cost"): cost_table,
}
"""What makes the text of a region, by the document and the region's name."""


def around(text: str, name: str) -> tuple[str, str, str]:
    """Split at ``<!-- name -->`` and the next ``<!-- end -->``: before, between, after. Raises LookupError."""
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    between, end, after = rest.partition("<!-- end -->")
    if not end:
        raise LookupError(f"there is no region {name}")
    return before + start, between, end + after


def _labels(labels: tuple[str, ...]) -> str:
    own = labels[len(_TARGET) :] if labels[: len(_TARGET)] == _TARGET else labels
    return ", ".join([*(["T"] if own is not labels else []), *(f"`{label}`" for label in own)])


def _write() -> None:
    for (path, name), table in TABLES.items():
        before, _, after = around((ROOT / path).read_text(), name)
        (ROOT / path).write_text(before + table() + after)


if __name__ == "__main__":
    _write()
