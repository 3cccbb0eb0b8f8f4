"""An expert's terminology: how certain words are to be translated, and where a text has them.

Terms are whole words, by Unicode's letters, digits and marks; in scripts that have no spaces
between words, any characters. The longest are found first, and none overlap. A term in lower case
stands for the word in any case; one with a capital for itself alone, so that "Golf" is not "golf".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from seq2seq.config.arguments import describe_value
from seq2seq.data.readers.cells import tsv_rows
from seq2seq.data.readers.names import columns_by_role
from seq2seq.data.tokenizers.normalization import normalize
from seq2seq.errors import DataError

T = TypeVar("T")

ROLES = ("source", "target")
_UNSPACED = re.compile(
    # Thai, Lao, Tibetan, Burmese, Khmer; hiragana, katakana and Han with their extensions.
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Term(NamedTuple):
    """A term, its translation, and where that is said, for messages."""

    source: str
    target: str
    where: str


class Terminology:
    """Terms by their source.

    Args:
        terms: in the form of Unicode that text takes, see `normalize`.

    Raises:
        DataError: there are none, a side is empty, or a term has two translations.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms: dict[str, Term] = {}
        for given in terms:
            term = Term(normalize(given.source), normalize(given.target), given.where)
            if not term.source or not term.target:
                raise DataError(f"{term.where}: a term and its translation are needed, both")
            before = self.terms.setdefault(term.source, term)
            if before.target != term.target:
                raise DataError(
                    f"{term.where}: {term.source!r} is to be {term.target!r}, and in "
                    f"{before.where} it is to be {before.target!r}: leave one"
                )
        if not self.terms:
            raise DataError("a terminology without a term: give a source term and its translation")
        self.in_any_case = {source for source in self.terms if source == source.lower()}
        self.lengths = lengths(self.terms)

    @classmethod
    def read(cls, path: str | Path) -> Terminology:
        """Reads a table of two columns, a source term, a tab, its translation; compressed, too.

        A first row that says source and target is a header; empty lines are passed over.

        Raises:
            DataError: the file can't be read, or a line is something else, which is named.
        """
        terms = []
        for number, (where, cells) in enumerate(tsv_rows(Path(path))):
            if not number and columns_by_role(ROLES, cells, where) == (0, 1):
                continue
            if len(cells) == 2:
                terms.append(Term(cells[0], cells[1], where))
            elif any(map(str.strip, cells)):
                raise DataError(
                    f"{where}: there must be a source term, a tab and its translation, and there "
                    f"{'is 1 column' if len(cells) == 1 else f'are {len(cells)} columns'}"
                )
        if not terms:
            raise DataError(f"{path} has no term: give a source term, a tab and its translation")
        return cls(terms)

    @classmethod
    def of(cls, terms: Terminology | Mapping[str, str]) -> Terminology:
        """Returns the terminology of a dict of source terms with their translations.

        Raises:
            DataError: it is something else, or as for the class.
        """
        if isinstance(terms, Terminology):
            return terms
        if not isinstance(terms, Mapping):
            raise DataError(
                f"terms is {describe_value(terms)}: give a dict of source terms and translations"
            )
        for pair in terms.items():
            if not all(isinstance(side, str) for side in pair):
                raise DataError(f"terms: {describe_value(pair)} must be two strings")
        return cls(Term(*pair, f"terms[{pair[0]!r}]") for pair in terms.items())

    def find(self, text: str) -> list[Term]:
        """Returns the terms that a sentence has, in order, each as often as it is there."""

        def look_up(words: str) -> Term | None:
            if words in self.terms:
                return self.terms[words]
            lower = words.lower()
            return self.terms[lower] if lower in self.in_any_case else None

        return find_longest(normalize(text), self.lengths, look_up)


def lengths(words: Iterable[str]) -> list[int]:
    """Returns the lengths of some words or phrases in characters, the longest first."""
    return sorted({*map(len, words)}, reverse=True)


def find_longest(text: str, sizes: Iterable[int], look_up: Callable[[str], T | None]) -> list[T]:
    """Returns what stands in a text as whole words, the longest first, without overlaps.

    Args:
        text: normalized.
        sizes: how many characters what is looked for has, the longest first.
        look_up: returns what some characters stand for, or None.

    Returns:
        What was found, in the order of the text.
    """
    borders = [place for place in range(len(text) + 1) if is_border(text, place)]
    ends = {*borders}
    taken = [False] * len(text)
    found: dict[int, T] = {}
    for size in sizes:
        for first in borders:
            last = first + size
            if last not in ends or any(taken[first:last]):
                continue
            value = look_up(text[first:last])
            if value is not None:
                found[first] = value
                taken[first:last] = [True] * size
    return [found[first] for first in sorted(found)]


def is_border(text: str, place: int) -> bool:
    """Whether a word may begin or end before the character with this number.

    >>> [place for place in range(9) if is_border("Öl-Tank.", place)]
    [0, 2, 3, 7, 8]
    """
    if not 0 < place < len(text):
        return True
    left, right = text[place - 1], text[place]
    if unicodedata.category(right).startswith("M"):
        return False
    if _UNSPACED.match(left) or _UNSPACED.match(right):
        return True
    return not (_in_word(left) and _in_word(right))


def begins_without_space(text: str) -> bool:
    """Whether a text begins in a script that has no spaces between words."""
    return _UNSPACED.match(text) is not None


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")
