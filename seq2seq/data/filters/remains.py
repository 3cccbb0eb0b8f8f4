"""Filters by traces of faulty extraction: HTML, a wrong encoding, another sentence's numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from html.entities import html5

from seq2seq.data.filters.base import PairFilter, TextFilter
from seq2seq.data.pairs import Pair


class Mojibake(TextFilter):
    """Drops pairs with a side that was once decoded in a wrong encoding, as "schÃ¶n".

    ftfy says so (Speer 2019), or the character that stands for what could not be decoded, "�".
    """

    reason = "for mojibake"

    def __init__(self) -> None:
        from ftfy.badness import is_bad

        self.is_odd = is_bad

    def is_bad(self, text: str) -> bool:
        """Whether characters stand where another encoding had others."""
        return "\ufffd" in text or bool(self.is_odd(text))


_TAGS = (
    "a abbr b big blockquote body br button center code dd div dl dt em font form h1 h2 h3 h4 h5 "
    "h6 head hr html i iframe img input label li link meta nobr ol option p pre q script select "
    "small span strike strong style sub sup table tbody td tfoot th thead title tr tt u ul video"
)
_TAG = re.compile(rf"</?({_TAGS.replace(' ', '|')})(\s[^<>]*)?/?>|<!--|<!doctype\b", re.IGNORECASE)
_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")


class Html(TextFilter):
    """Drops pairs with a side that has tags or entities of HTML, as "<br>" and "&amp;"."""

    reason = "for HTML"

    def is_bad(self, text: str) -> bool:
        """Whether there is a tag that HTML knows, a comment, or an entity."""
        return _TAG.search(text) is not None or any(
            name[0] == "#" or f"{name};" in html5 for name in _ENTITY.findall(text)
        )


_DIGIT = re.compile(r"\d")


class Numbers(PairFilter):
    """Drops pairs of which each side has digits that the other side lacks.

    Compared are the digits other than 0, of every script and whatever stands between them (Vázquez
    et al. 2019): 1,000.5 and 1 000,5 are the same, 5:30 and 05h30, 2 million and 2,000,000. A side
    may have words for some numbers, as "March 3" beside "3/3".
    """

    reason = "for numbers that differ"

    def drops(self, pair: Pair) -> bool:
        """Whether the numbers differ."""
        source, target = (Counter(map(unicodedata.decimal, _DIGIT.findall(side))) for side in pair)
        del source[0], target[0]
        return bool(source - target) and bool(target - source)
