"""Whether a column holds text: not numbers, ids, scores, URLs, dates or nothing on every line.

A table with such columns before its sentences, as pandas, Tatoeba and mined corpora write them,
would be learnt from as if they were a language.
"""

from __future__ import annotations

import re
import reprlib
import warnings
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.names import column_language
from seq2seq.errors import DataError

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "mon|tue|wed|thu|fri|sat|sun"
_KINDS = {
    "nothing": r"\s*|nan|null|none|n/?a|<na>|-|\\n",
    "a URL": r"(https?|ftp|file)://\S*|www\.\S+",
    "a date": r"\d{4}[-/.]\d\d?[-/.]\d\d?([t ][\d:.,+z -]*)?|\d\d?[-/.]\d\d?[-/.]\d{2,4}|"
    rf"(?=.*\d)(?=.*\b({_MONTHS}))(\W|\d+(st|nd|rd|th)?\b|\b({_MONTHS}|{_DAYS})[a-z]*\b)+",
    "a number": r"[\W\d_]*\d[\W\d_]*|[-+]?\d[\d.,]*e[-+]?\d+|[-+]?inf(inity)?",
    "an id": r"\S*\d\S*",
}
"""Cells that are no text, in any case: each one word with a digit, or without any letter."""
_LONGEST = 500
_SAME_AT_LEAST = 6
"""So many lines that are the same are no accident."""
_FIRST_LOOKED_AT = 1000


class ColumnWarning(UserWarning):
    """A column that was asked for, or is one of two, does not look like text."""


class TextColumns(NamedTuple):
    """What is read of a table.

    Attributes:
        texts: a list for each column.
        names: what the columns are called; their numbers in a table without a header.
    """

    texts: list[list[str]]
    names: tuple[str | int, ...] = ()


class PickedRow(NamedTuple):
    """What is taken of a row.

    Attributes:
        where: it stands.
        texts: one for each column; None for a header.
        names: what the columns are called, as in `TextColumns`.
    """

    where: str
    texts: list[str] | None
    names: tuple[str | int, ...]


def collect_columns(rows: Iterable[PickedRow], columns: Columns) -> TextColumns:
    """Returns what was picked of all rows, column by column."""
    texts: list[list[str]] = [[] for _ in columns.roles]
    names: tuple[str | int, ...] = ()
    for row in rows:
        names = row.names
        if row.texts is not None:
            for text, cell in zip(texts, row.texts, strict=True):
                text.append(cell)
    return TextColumns(texts, names)


class ColumnSample:
    """What stands in some columns, until it is known that each holds text; of a table, row by row.

    Attributes:
        texts: a list for each column, of its first rows or of all.
    """

    def __init__(self, columns: Columns) -> None:
        self.texts: list[list[str]] = [[] for _ in columns.roles]
        self.limit = _FIRST_LOOKED_AT

    def add(self, row: Sequence[str]) -> None:
        """Adds a row, if it is still of interest."""
        if not self.limit:
            return
        for text, cell in zip(self.texts, row, strict=True):
            text.append(cell)
        if len(self.texts[0]) == self.limit:
            self.limit = 2 * self.limit if any(map(_what_else, self.texts)) else 0


def check_contents(
    texts: Sequence[Sequence[str]],
    columns: Columns,
    labels: Sequence[str],
    where: str,
    *,
    chosen: bool,
    others: Sequence[str],
    advice: str,
) -> None:
    """Refuses or warns of columns that are no text on any line.

    `labels` are what the columns are called in messages, `where` is the table. They were `chosen`
    by their names or numbers; or else they may be the wrong ones of all columns, `others`, and the
    message has `advice`.

    Raises:
        DataError: one is no text, there are more columns than needed, and none was chosen.
    """
    for role, text, label in zip(columns.roles, texts, labels, strict=True):
        found = _what_else(text)
        if not found:
            continue
        examples = ", ".join(reprlib.repr(cell) for cell in text[-2:])
        problem = f"{where}: {label}, the {role}, has {found} on every line (as {examples})"
        if not chosen and len(others) > len(columns.roles):
            listed = ", ".join(map(reprlib.repr, others[:10]))
            raise DataError(f"{problem}: {advice}; the columns are {listed}")
        if not any(cell.strip() for each in texts for cell in each):
            return  # that is an error by itself
        warnings.warn(
            f"{problem}, which is hardly text; is it the right column?", ColumnWarning, stacklevel=2
        )


def _what_else(texts: Sequence[str]) -> str:
    """Returns what stands on every line instead of text; "" if there is text.

    A first line that differs may be a header.
    """
    if len(texts) < 2:
        return ""
    after_first = texts[1:]
    kinds: dict[str, int] = {}
    for text in after_first if len(texts) > 2 and not _kind(texts[0]) else texts:
        kind = _kind(text)
        if not kind:
            break
        kinds[kind] = kinds.get(kind, 0) + 1
    else:
        return max(kinds, key=kinds.__getitem__)
    rest = texts if column_language(texts[0]) else after_first
    if len(rest) > 2 and all(map(column_language, rest)) and len(set(rest)) < len(rest):
        return "a language"  # of which a list would have each once
    same = all(text == texts[1] for text in after_first)
    return "the same" if same and len(texts) >= _SAME_AT_LEAST else ""


def _kind(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST:
        return ""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(text)), "")


_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
