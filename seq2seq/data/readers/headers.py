"""Which columns of a table to take, and whether its first row is a header or a pair already.

A header that is read as a pair trains on it; columns that a header names otherwise are the wrong
ones. So a row of nothing but known names is taken for a header: those of the roles, as "source" and
"target", and two languages.
"""

from __future__ import annotations

import difflib
import re
import reprlib
import shlex
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from seq2seq.data.readers.languages import NO_LANGUAGES
from seq2seq.data.readers.names import (
    column_language,
    columns_by_one_role,
    columns_by_role,
    find_role,
    is_text_word,
)
from seq2seq.errors import DataError, SettingsError

Column: TypeAlias = "str | int"


class Columns(NamedTuple):
    """Which columns to take.

    Attributes:
        roles: what they are, and what they are called where a table says so itself.
        given: their names, or numbers from 0, as the user gave them; None finds them by their
            roles, or else by being the only ones.
    """

    roles: tuple[str, ...]
    given: tuple[Column, ...] | None = None

    def must_be_named(self, names: Sequence[str] = (), sample: Sequence[str] = ()) -> str:
        """What an error says about columns that can't be found: "the source and target columns …".

        It shows the options with some of `names`: where a row, `sample`, has the longest cells.
        """
        plural = "s" if len(self.roles) > 1 else ""
        problem = f"the {' and '.join(self.roles)} column{plural} must be named"
        if len(names) < len(self.roles):
            return problem
        cells = sample if len(sample) == len(names) else names
        longest = sorted(range(len(names)), key=lambda n: -len(cells[n]))[: len(self.roles)]
        chosen = zip(self.roles, sorted(longest), strict=True)
        options = " ".join(f"{_OPTIONS[role]} {shlex.quote(names[n])}" for role, n in chosen)
        return f"{problem}, as with {options}"

    def must_be_named_or_numbered(self, first: Sequence[str], sample: Sequence[str]) -> str:
        """The same about columns of a table without a header, or with one: its `first` row."""
        numbers = [str(number) for number in range(len(first))]
        names = first if all(map(_NAME.fullmatch, first)) else numbers
        said = self.must_be_named(names, sample)
        return said.replace(" must be named,", " must be named or numbered (from 0),", 1)


_OPTIONS = {"source": "--data.source", "target": "--data.target", "text": "--data.column"}
_NAME = re.compile(r"[^\W\d_][\w -]{0,30}")


def as_column(name: str) -> Column | None:
    """Returns a column as settings spell it: a name, a number, or nothing."""
    return int(name) if name.isdecimal() else name or None


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
        positions = tuple(_position(column, row, where) for column in columns.given)
        return positions, named or _is_header_of_numbered(columns, positions, row, where, path)
    if found := columns_by_role(columns.roles, row, where):
        return found, True
    # Behind a source and a target there may be notes; but of several columns, any may be the text.
    if len(columns.roles) == 1 and len(row) > 1:
        raise DataError(
            f"{where}: {columns.must_be_named_or_numbered(row, row)}, since there are {len(row)}: "
            f"{', '.join(map(reprlib.repr, row))}"
        )
    is_header = len(columns.roles) > 1 and _is_language_header(columns, row, where, path)
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


def _is_language_header(columns: Columns, row: Sequence[str], where: str, path: Path) -> bool:
    """Whether the first row of a parallel table names the languages of its first two columns.

    One of two may be called by its role, and the other "text". It warns then, since a dictionary
    might begin so.

    Raises:
        DataError: there are languages, but not those of the first two columns.
    """
    places = _language_places(row, path)
    known = len(places) + sum(map(is_text_word, row))
    if len(row) == 2 and known == 1 and columns_by_one_role(columns.roles, row):
        places = [0, 1]
    elif not _differ(row, places) or min(places) > 1:
        return False
    if places != [0, 1]:
        raise DataError(
            f"{where}: {columns.must_be_named_or_numbered(row, row)}, since this looks like a "
            f"header, or like columns that say the language: {_listed(row)}"
        )
    _warn_of_header(row, where)
    return True


def _is_header_of_numbered(
    columns: Columns, positions: Sequence[int], row: Sequence[str], where: str, path: Path
) -> bool:
    """Whether columns that were given by numbers have a header above them, with a warning.

    It names the roles, or each of these columns, and perhaps others, by its language.

    Raises:
        DataError: it calls one of them by the role of another.
    """
    places = _language_places(row, path)
    said = {find_role(cell) for cell in row}
    by_role = any(set(roles) <= said for roles in (columns.roles, ("source", "target")))
    if not by_role and not (_differ(row, places) and set(positions) <= set(places)):
        return False
    if by_role:
        _refuse_other_roles(columns, positions, row, where)
    _warn_of_header(row, where)
    return True


def _refuse_other_roles(
    columns: Columns, positions: Sequence[int], row: Sequence[str], where: str
) -> None:
    """Raises DataError if a header calls a column by the role of another one that is read."""
    said = [find_role(cell) for cell in row]
    if not set(columns.roles) <= set(said):
        return
    names = {role: row[said.index(role)] for role in columns.roles}
    for role, position in zip(columns.roles, positions, strict=True):
        called = said[position] if position < len(row) else role
        if called != role and called in names:
            options = " ".join(f"{_OPTIONS[r]} {shlex.quote(name)}" for r, name in names.items())
            keys = ", ".join(f'{r} = "{name}"' for r, name in names.items())
            raise DataError(
                f"{where}: column {position} is given as the {role}, and the header, "
                f"{_listed(row)}, calls it the {called}: give names, as with {options} (in the "
                f"table of a mix, {keys}), or the other way round if that is meant; if this is "
                "text, move the line further down"
            )


def _language_places(row: Sequence[str], path: Path) -> list[int]:
    """Returns the numbers of the cells that are languages.

    By their English names, by their codes, or by parts of the file's name, as in `eng-fra.tsv`.
    """
    parts = set(re.findall(r"[^\W\d_]+", path.name.casefold())) - NO_LANGUAGES
    cells = [cell.strip().casefold() for cell in row]
    return [n for n, cell in enumerate(cells) if column_language(cell) or cell in parts]


def _differ(row: Sequence[str], places: Sequence[int]) -> bool:
    return len({row[n].strip().casefold() for n in places}) > 1


def _warn_of_header(row: Sequence[str], where: str) -> None:
    warnings.warn(
        f"{where}: {_listed(row)} is taken for a header, not for text; name the columns if it is "
        f"one; if it is not, move the line further down",
        HeaderWarning,
        stacklevel=3,
    )


def _listed(row: Sequence[str]) -> str:
    return ", ".join(repr(cell[:40]) for cell in row[:10])
