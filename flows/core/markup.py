"""Write HTML and SVG elements; every text and attribute is escaped here and nowhere else (safety I23)."""

from collections.abc import Iterable

from markupsafe import Markup, escape

from flows.core.plain_text import visible

__all__ = ["Markup", "fragment", "tag"]

Child = object
VOID = frozenset({"meta", "br", "hr", "input"})


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """Write one element; children that are no Markup are text, None and False are left out.

    Attribute names are written in Python: ``class_`` is class, ``stroke_width`` is stroke-width. A float is written
    with one digit, which is a tenth of a pixel.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Markup(f"<{name}{told}>" if name in VOID else f"<{name}{told}>{fragment(children)}</{name}>")


def fragment(children: Iterable[Child]) -> Markup:
    """Write children one after the other, without an element around them."""
    return Markup("".join(_text(child) for child in children if child is not None and child is not False))


def _text(value: object) -> Markup:
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return Markup(f"{value:.1f}".removesuffix(".0"))
    return escape(visible(str(value)))
