"""HTML that is safe by construction: whatever is not `Markup` is escaped, and made visible where it would not print."""

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "link", "br"})


class Markup(str):
    """HTML that `element` has made. To join or format it gives a plain text, which would be escaped again."""

    __slots__ = ()


def text(content: str) -> Markup:
    """Escape a text. What does not print (controls, bidi overrides, surrogates) is shown by its number."""
    shown = content if content.isprintable() else "".join(map(_visible, content))
    return Markup(escape(shown))


def outside(content: str) -> Markup:
    """Show a text from outside; whichever way it is written, it does not turn what stands beside it."""
    return element("bdi", content) if content else Markup()


def element(name: str, /, *children: str, **attributes: str | None) -> Markup:
    """Make an element. ``class_`` and ``data_label`` are attributes that can't be named; None leaves one out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Put nodes side by side."""
    return Markup("".join(child if isinstance(child, Markup) else text(child) for child in children))


def style(sheet: str) -> Markup:
    """Embed a style sheet of ours, to the byte: the policy names its hash."""
    if "<" in sheet:
        raise ValueError("a style sheet could end its element")
    return Markup(f"<style>{sheet}</style>")


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
