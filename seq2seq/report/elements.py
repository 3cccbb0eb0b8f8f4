"""HTML as a tree, so that all text in it is escaped when it is written."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element

Content: TypeAlias = Element | str | None


def element(name: str, /, *children: Content, **attributes: object) -> Element:
    """Returns an element of HTML or SVG.

    Args:
        name: as "td".
        children: elements and texts in their order; None stands for nothing.
        attributes: by name, with "_" for "-" and without a "_" at the end, as `class_` for class.
    """
    made = Element(
        name, {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    )
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif child is not None and len(made):
            made[-1].tail = (made[-1].tail or "") + child
        elif child is not None:
            made.text = (made.text or "") + child
    return made


def text(name: str, value: str, /, **attributes: object) -> Element:
    """Returns an element with text of a language that is not known, from right to left too."""
    return element(name, value, dir="auto", **attributes)


def section(title: str, *children: Content) -> Element:
    """Returns a part of the page under its title."""
    return element("section", element("h2", title), *children, class_="card")


def definitions(rows: Iterable[tuple[str, str]]) -> Element:
    """Returns names, and what is said of each."""
    return element(
        "dl",
        *(element("div", element("dt", name), text("dd", value)) for name, value in rows),
        class_="facts",
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[Content]], numbers: Sequence[int] = ()
) -> Element:
    """Returns a table, which scrolls where it is wider than the page.

    Args:
        head: the titles of the columns.
        rows: the cells.
        numbers: which columns have numbers, counted from 0.
    """

    def cell(name: str, place: int, value: Content) -> Element:
        return element(name, value, dir="auto", class_="number" if place in numbers else "text")

    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *(cell("th", *each) for each in enumerate(head)))),
            element(
                "tbody",
                *(element("tr", *(cell("td", *each) for each in enumerate(row))) for row in rows),
            ),
        ),
        class_="wide",
        tabindex=0,
    )


def bar(share: float) -> Element:
    """Returns a bar that fills a share of its place, 0 to 1."""
    width = round(100 * min(max(share, 0.0), 1.0), 2) if math.isfinite(share) else 0
    return element(
        "svg",
        element("rect", width=100, height=1, class_="rest"),
        element("rect", width=width, height=1),
        class_="bar",
        viewBox="0 0 100 1",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def attention_map(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: Sequence[Sequence[float]]
) -> Element:
    """Returns attention as a table of shades: source tokens above, target tokens at the side.

    Args:
        source_tokens, target_tokens: eos among them.
        weights: in [0, 1], a row for each target token, a column for each source token.
    """
    head = (
        element("th", text("span", token, class_="upright" * is_wide(token)), scope="col")
        for token in source_tokens
    )
    rows = (
        element(
            "tr",
            text("th", token, scope="row"),
            *(element("td", shade(weight)) for weight in row),
        )
        for token, row in zip(target_tokens, weights, strict=True)
    )
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", element("td"), *head)),
            element("tbody", *rows),
            class_="attention",
        ),
        class_="wide",
        tabindex=0,
    )


def is_wide(token: str) -> bool:
    """Whether a token is of a script that stands upright in columns, as Chinese does."""
    return any(unicodedata.east_asian_width(character) in "WF" for character in token)


def shade(weight: float) -> Element:
    """Returns a cell of attention; what is drawn as a picture is printed, unlike a background."""
    return element(
        "svg",
        element("title", f"{100 * weight:.0f} %"),
        element("rect", width=1, height=1, class_="rest"),
        element("rect", width=1, height=1, fill_opacity=round(weight, 3)),
        viewBox="0 0 1 1",
        preserveAspectRatio="none",
    )
