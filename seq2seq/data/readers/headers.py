"""Which columns of a table to take, and whether its first row is a header or a pair already.

A header that is read as a pair trains on it; columns that a header names otherwise are the wrong
ones. So a row of nothing but known names is taken for a header: those of the roles, as "source" and
"target", and two languages.
"""

from __future__ import annotations

import difflib
import re
import reprlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from seq2seq.data.readers.names import (
    columns_by_one_role,
    columns_by_role,
    is_language,
    is_text_word,
)
from seq2seq.errors import DataError, SettingsError

Column: TypeAlias = "str | int"

_NO_LANGUAGES = {"tsv", "csv", "txt", "gz", "train", "valid", "validation", "dev", "test", "pairs"}
_NO_LANGUAGES |= {"bz2", "xz", "lzma", "zst", "val", "training", "testing"}


class Columns(NamedTuple):
    """Which columns to take.

    Attributes:
        roles: what they are, and what they are called where a table says so itself.
        given: their names, or numbers from 0, as the user gave them; None finds them by their
            roles, or else by being the only ones.
    """

    roles: tuple[str, ...]
    given: tuple[Column, ...] | None = None

    @property
    def must_be_named(self) -> str:
        """What an error says about columns that can't be found: "the source and target columns"."""
        plural = "s" if len(self.roles) > 1 else ""
        return f"the {' and '.join(self.roles)} column{plural} must be named"


class HeaderWarning(UserWarning):
    """A table's first row was taken for a header, though nobody said so."""


def find_columns(
    columns: Columns, row: Sequence[str], where: str, path: Path
) -> tuple[tuple[int, ...], bool]:
    """Returns the numbers of some columns, and whether the first row of their table is a header.

    `row` is the first one of the table, and `where` is its place, for messages.

    Raises:
        DataError: a column is missing, or it is not clear which one is meant.
        SettingsError: a column's number is negative.
    """
    if columns.given is not None:
        named = any(isinstance(column, str) for column in columns.given)
        return tuple(_position(column, row, where) for column in columns.given), named
    if found := columns_by_role(columns.roles, row, where):
        return found, True
    # Behind a source and a target there may be notes; but of several columns, any may be the text.
    if len(columns.roles) == 1 and len(row) > 1:
        raise DataError(
            f"{where}: {columns.must_be_named} or numbered (from 0), since there are {len(row)}: "
            f"{', '.join(map(reprlib.repr, row))}"
        )
    is_header = len(columns.roles) > 1 and _is_language_header(row, where, path)
    order = columns_by_one_role(columns.roles, row) if is_header else None
    return order or tuple(range(len(columns.roles))), is_header


def _position(column: Column, row: Sequence[str], where: str) -> int:
    if isinstance(column, str):
        if column not in row:
            raise missing_column(column, row, where)
        if row.count(column) > 1:
            raise DataError(f"{where}: column {column!r} is there twice; give its number (from 0)")
        return row.index(column)
    if column < 0:
        raise SettingsError(f"column {column} is not possible: columns are counted from 0")
    return column


def missing_column(column: Column, names: Iterable[str], where: str) -> DataError:
    """Returns the error for a column that isn't there, with those that are."""
    names = list(names)
    similar = difflib.get_close_matches(str(column), names, n=1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    listed = ", ".join(map(repr, names)) or "none"
    return DataError(f"{where}: there is no column {column!r}; there are {listed}{hint}")


def _is_language_header(row: Sequence[str], where: str, path: Path) -> bool:
    """Whether the first row of a parallel table names the languages of its first two columns.

    By their English names, by their codes, or by parts of the file's name, as in `eng-fra.tsv`; one
    of two may be called by its role, and the other "text". It warns then, since a dictionary might
    begin so.

    Raises:
        DataError: there are languages, but not those of the first two columns.
    """
    parts = set(re.findall(r"[^\W\d_]+", path.name.casefold())) - _NO_LANGUAGES
    cells = [cell.strip().casefold() for cell in row]
    places = [n for n, cell in enumerate(cells) if is_language(cell) or cell in parts]
    known = len(places) + sum(map(is_text_word, cells))
    if len(row) == 2 and known == 1 and columns_by_one_role(("source", "target"), row):
        places = [0, 1]
    if len({cells[n] for n in places}) < 2 or min(places) > 1:
        return False
    listed = ", ".join(repr(cell[:40]) for cell in row[:10])
    if places != [0, 1]:
        raise DataError(
            f"{where}: the source and target columns must be named or numbered (from 0), since "
            f"this looks like a header, or like columns that say the language: {listed}"
        )
    warnings.warn(
        f"{where}: {listed} is taken for a header, not for a pair; name the columns if it is one, "
        f"or number them (from 0) if it is not",
        HeaderWarning,
        stacklevel=2,
    )
    return True
