"""Filters by characters: of which script, how many signs among the letters, what is repeated."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from seq2seq.data.filters.base import PairFilter, Side, TextFilter
from seq2seq.data.pairs import Pair

_LONGEST_REPEATED = 20
"""In characters."""


class Script(PairFilter):
    """Drops pairs with a side whose letters are mostly of other scripts than it should have.

    Letters that many scripts share, as the "ー" of Hiragana and Katakana, count for none. A text
    without letters stays.

    Args:
        side: which side.
        scripts: names of scripts as Unicode has them, as "Latin"; several for one language, as
            "Han", "Hiragana" and "Katakana".
        least: the least share of all letters.
    """

    def __init__(self, side: Side, scripts: Sequence[str], least: float) -> None:
        import regex

        self.side: Side = side
        self.least = least
        self.letters = regex.compile(r"(?V1)[\p{L}--[\p{Script=Common}\p{Script=Inherited}]]")
        wanted = "".join(rf"\p{{Script={name}}}" for name in scripts)
        self.wanted = regex.compile(rf"(?V1)[\p{{L}}&&[{wanted}]]")
        self.reason = f"for a {side} not in {' or '.join(scripts)} script"

    def drops(self, pair: Pair) -> bool:
        """Whether too few letters are of these scripts."""
        text: str = getattr(pair, self.side)
        letters = len(self.letters.findall(text))
        return len(self.wanted.findall(text)) < self.least * letters


def script_problems(flag: str, scripts: Sequence[str]) -> Iterator[str]:
    """A line for each name that is not one of a script in Unicode."""
    if not scripts:
        return
    import regex
    from fontTools.unicodedata import Scripts

    names = sorted(Scripts.NAMES.values())
    for script in scripts:
        try:
            known = re.fullmatch(r"\w+", script) and regex.compile(rf"\p{{Script={script}}}")
        except regex.error:
            known = None
        if not known:
            close = difflib.get_close_matches(script.capitalize(), names, n=1)
            hint = f"did you mean {close[0]}?" if close else "as Latin, Cyrillic or Devanagari"
            yield f"{flag} {script} is not a script of Unicode: {hint}"


class Symbols(TextFilter):
    """Drops pairs with a side in which too many characters are digits, punctuation or symbols.

    White space is not counted.
    """

    def __init__(self, limit: float) -> None:
        import regex

        self.limit = limit
        self.symbols = regex.compile(r"[\p{N}\p{P}\p{S}]")
        self.reason = f"with more than {limit:.0%} digits and punctuation"

    def is_bad(self, text: str) -> bool:
        """Whether the share is over the limit."""
        return len(self.symbols.findall(text)) > self.limit * sum(map(len, text.split()))


class Repeats(TextFilter):
    """Drops pairs with a side in which characters, or a few of them, come many times in a row.

    As "noooooooo", "ha ha ha ha ha" and "-=-=-=-=-="; digits may, as in 1,000,000.
    """

    def __init__(self, limit: int) -> None:
        unit = rf"([^\s\d]\S{{0,{_LONGEST_REPEATED - 1}}}?)"
        self.pattern = re.compile(rf"{unit}(?:\s?\1){{{limit},}}")
        self.reason = f"for more than {limit:,} repetitions"

    def is_bad(self, text: str) -> bool:
        """Whether something comes more often in a row."""
        return self.pattern.search(text) is not None
