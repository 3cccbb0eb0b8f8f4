"""Fonts for any script: matplotlib's own has no Chinese, Japanese or Korean."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache

DEFAULT_FONT = "DejaVu Sans"
"""matplotlib's own font, which comes with it."""

MISSING_GLYPH = "\u25a1"
"""□ stands for a character that no font has."""

MAX_REPORTED = 12
"""How many missing characters a warning names."""


class MissingFontWarning(UserWarning):
    """No installed font has some of the characters of a picture."""


def displayable(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns texts as they can be drawn, and the font families that have their characters.

    Where no installed font has a character it is drawn as □, and one `MissingFontWarning` says
    what to install. Needs matplotlib.

    Returns:
        The texts in their order; the families, for ``Text.set_fontfamily``, matplotlib's own first.
    """
    texts = list(texts)
    wanted = {ord(character) for text in texts for character in text}
    families, left = choose_fonts(wanted)
    if left:
        more = " …" if len(left) > MAX_REPORTED else ""
        named = " ".join(map(chr, sorted(left)[:MAX_REPORTED])) + more
        warnings.warn(
            f"no installed font has {named}: drawn as {MISSING_GLYPH}; install a font with these "
            "characters (for Chinese, Japanese and Korean on Debian and Ubuntu: "
            "apt install fonts-noto-cjk or fonts-wqy-zenhei)",
            MissingFontWarning,
            stacklevel=3,
        )
    table = dict.fromkeys(left, MISSING_GLYPH)
    return [text.translate(table) for text in texts], families


def choose_fonts(wanted: set[int]) -> tuple[list[str], set[int]]:
    """Chooses families that have the code points together; returns also what none of them has."""
    from matplotlib import font_manager

    families, left = [DEFAULT_FONT], wanted - characters(DEFAULT_FONT)
    if not left:
        return families, left
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    # matplotlib keeps a list of fonts from its first use; a font may have come since.
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
        except Exception:
            continue  # some fonts it can't read, and says so with errors of many kinds
    # Families with a regular upright face only: that is what a family's name stands for in a text.
    # Fonts of last resort have a box for everything, so they make nothing readable.
    names = {
        entry.name
        for entry in font_manager.fontManager.ttflist
        if (entry.style, entry.weight) == ("normal", 400)
        and "lastresort" not in entry.name.replace(" ", "").lower()
    }
    covers = {name: characters(name) for name in names}
    while left and covers:
        # The name decides between equals, so that the same picture comes out every time.
        best = max(sorted(covers), key=lambda name: len(covers[name] & left))
        if not covers[best] & left:
            break
        families.append(best)
        left = left - covers.pop(best)
    return families, left


@cache
def characters(family: str) -> frozenset[int]:
    """Returns the code points that a font has glyphs for; none if its file can't be read."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    path = font_manager.findfont(font_manager.FontProperties(family=family))
    try:
        return frozenset(FT2Font(path).get_charmap())
    except (RuntimeError, OSError):
        return frozenset()
