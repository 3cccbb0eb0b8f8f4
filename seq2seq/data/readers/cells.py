"""Rows of cells: TSV, which knows no quoting, and CSV, with whatever separates its columns."""

from __future__ import annotations

import csv
import io
import re
import reprlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from seq2seq.data.readers.lines import read_sentences, read_text
from seq2seq.errors import DataError

Row: TypeAlias = tuple[str, list[str]]  # where it stands, and its cells

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
"""What may stand between the columns of CSV; Excel writes semicolons where "," marks decimals."""

_LOOKED_AT = 100
"""So many rows say what separates all of them."""
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_QUOTED_AT_LEAST = 10
_SAYS_SEPARATOR = re.compile(r'("?sep=([,;\t])"?)(?=\r?\n)')  # a first line for Excel


def tsv_rows(path: Path) -> Iterator[Row]:
    """Yields the rows of a table with tabs.

    Raises:
        DataError: as `read_sentences`, or its cells are quoted as in a CSV file.
    """
    lines = read_sentences(path)
    quotes = Quotes(path)
    for number, line in enumerate(lines, 1):
        quotes.add(number, line)
    quotes.refuse()
    for number, line in enumerate(lines, 1):
        yield f"{path}:{number}", line.split("\t")


class Quotes:
    """Whether it was a CSV writer that wrote a table with tabs, as pandas and Excel do.

    It quotes every cell that has a quote in it, and doubles that; in text as it is, most quotes
    stand otherwise: "Yes," he said. Cells like "Yes!" alone prove something only in great number,
    or if there are no others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = self.cells = self.with_quote = self.quoted = 0
        self.first: tuple[int, str] | None = None
        self.doubled: tuple[int, str] | None = None

    def add(self, number: int, line: str) -> None:
        """Looks at a line."""
        self.lines += 1
        self.cells += line.count("\t") + 1
        if '"' not in line:
            return
        for cell in line.split("\t"):
            self.with_quote += '"' in cell
            if _QUOTED.fullmatch(cell):
                self.quoted += 1
                self.first = self.first or (number, cell)
                if '"' in cell[1:-1] and cell.strip('"'):
                    self.doubled = self.doubled or (number, cell)

    def refuse(self) -> None:
        """Raises DataError, after the last line, if cells are quoted."""
        if not self.quoted or 10 * self.quoted < 9 * self.with_quote:
            return
        many = self.quoted >= _QUOTED_AT_LEAST and 20 * self.quoted > self.cells
        alone = self.quoted == self.cells and self.lines > 1
        found = self.doubled or (self.first if many or alone else None)
        if found is not None:
            number, cell = found
            raise DataError(
                f"{self.path}:{number}: cells are quoted as in a CSV file (as "
                f"{reprlib.repr(cell)}), and here the quotes would be learnt as text: name the "
                "file .csv, which may have tabs, too, or save it without quotes"
            )


def csv_rows(path: Path) -> tuple[list[Row], str]:
    """Returns the rows of a CSV file, and the name of what separates its columns.

    Raises:
        DataError: as `read_text`, or it is not valid CSV.
    """
    text = read_text(path)
    said, separator = say_separator(text)
    # newline="\n": only "\n" ends a line, and "\r\n" arrives whole, as the csv module wants it.
    lines = io.StringIO(text[len(said) :], newline="\n")
    return list(csv_records(lines, separator, path)), SEPARATORS[separator]


def say_separator(text: str) -> tuple[str, str]:
    """Returns what a CSV text says of its separator at its beginning, and the separator.

    What it says is no part of the table; the rest of its line is a blank one, and is counted. The
    beginning of a text is enough.
    """
    said = _SAYS_SEPARATOR.match(text)
    if said is not None:
        return said[1], said[2]
    return "", find_separator(text) or ","


def csv_records(lines: Iterable[str], separator: str, path: Path) -> Iterator[Row]:
    """Yields the rows of CSV from its lines, each with its end; raises as `csv_rows` does."""
    reader = csv.reader(lines, strict=True, delimiter=separator)
    number = 1
    while True:
        try:
            with _no_field_limit():
                row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"{path}:{number}: not valid CSV: {error}; is a quote left open, or not doubled? "
                f"(a table with tabs and without quoting must be named .tsv)"
            ) from error
        if row is None:
            return
        if row:  # a blank line is no record
            yield f"{path}:{number}", row
        number = reader.line_num + 1  # not + 1 a record: a quoted field may hold line ends


def find_separator(text: str) -> str:
    """Returns what splits the first rows of CSV into the same number of cells, at least 2.

    A comma, if it does, else a semicolon or a tab; "" if none does.

    >>> find_separator("english;french\\nHi, you.;Salut, toi.\\nGo.;Va !")
    ';'
    """
    return next((mark for mark in SEPARATORS if _splits_evenly(text, mark)), "")


def _splits_evenly(text: str, separator: str) -> bool:
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True, delimiter=separator)
    with _no_field_limit():
        try:
            rows = list(islice(filter(None, reader), _LOOKED_AT))
        except csv.Error:
            return False
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def has_equal_tabs(lines: list[str]) -> bool:
    """Whether the first lines of a text have the same number of tabs, at least 1."""
    counts = {line.count("\t") for line in islice(filter(None, lines), _LOOKED_AT)}
    return len(counts) == 1 and counts != {0}


_CSV_LOCK = threading.Lock()


@contextmanager
def _no_field_limit() -> Iterator[None]:
    """Lets fields of CSV be as long as they are; the limit belongs to the whole process."""
    with _CSV_LOCK:
        before = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)
