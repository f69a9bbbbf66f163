"""Tables that stay tables to a screen reader when a narrow screen shows their rows as cards."""

from collections.abc import Sequence
from typing import NamedTuple

from poller.web.status.markup import Markup, element, join


class Column(NamedTuple):
    """A column's heading, and its cells' class."""

    title: str
    kind: str | None = None


def section(title: str, *content: str, name: str, full: bool = True) -> Markup:
    """Put content under a heading; a ``full`` section takes the whole width."""
    heading = element("h2", title, id=name)
    return element("section", heading, *content, aria_labelledby=name, class_="full" if full else None)


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Markup:
    """Make a table; the first cell of a row is its heading. Roles, since CSS that changes a display takes them away."""
    heads = [element("th", each.title, scope="col", role="columnheader", class_=each.kind) for each in columns]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", *(_row(columns, row) for row in rows), role="rowgroup"),
        role="table",
    )


def _row(columns: Sequence[Column], cells: Sequence[str]) -> Markup:
    first = element("th", cells[0], scope="row", role="rowheader", class_=columns[0].kind)
    rest = (_cell(column, cell) for column, cell in zip(columns[1:], cells[1:], strict=True))
    return element("tr", first, *rest, role="row")


def _cell(column: Column, content: str) -> Markup:
    kinds = " ".join(kind for kind in (column.kind, None if content else "blank") if kind)
    return element("td", element("span", content), role="cell", data_label=column.title, class_=kinds or None)


def badge(word: str, tone: str) -> Markup:
    """Show a state: the word says it, the colour repeats it."""
    return element("span", word, class_=f"badge {tone}")


def figure(name: str, value: str, note: str = "", tone: str = "") -> Markup:
    """Show one number of a list of numbers."""
    small = [element("small", note)] if note else []
    return element("div", element("dt", name), element("dd", join(value, *small), class_=tone or None))


def none(words: str) -> Markup:
    """Say in place of a table that there is nothing to show."""
    return element("p", words, class_="none")
