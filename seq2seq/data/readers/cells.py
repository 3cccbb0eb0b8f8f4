"""Rows of cells: TSV, which knows no quoting, and CSV, with whatever separates its columns."""

from __future__ import annotations

import csv
import io
import re
import reprlib
import threading
from collections.abc import Iterator
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


def tsv_rows(path: Path) -> list[Row]:
    """Returns the rows of a table with tabs.

    Raises:
        DataError: as `read_sentences`, or its cells are quoted as in a CSV file.
    """
    lines = enumerate(read_sentences(path), 1)
    rows = [(f"{path}:{number}", line.split("\t")) for number, line in lines]
    _refuse_quoted(rows)
    return rows


def _refuse_quoted(rows: list[Row]) -> None:
    """Raises DataError if it was a CSV writer that wrote a table with tabs, as pandas and Excel do.

    It quotes every cell that has a quote in it, and doubles that; in text as it is, most quotes
    stand otherwise: "Yes," he said. Cells like "Yes!" alone prove something only in great number,
    or if there are no others.
    """
    with_quote = [(where, cell) for where, row in rows for cell in row if '"' in cell]
    quoted = [(where, cell) for where, cell in with_quote if _QUOTED.fullmatch(cell)]
    if not quoted or 10 * len(quoted) < 9 * len(with_quote):
        return
    doubled = ((w, c) for w, c in quoted if '"' in c[1:-1] and c.strip('"'))
    found = next(doubled, None)
    cells = sum(len(row) for _, row in rows)
    many = len(quoted) >= _QUOTED_AT_LEAST and 20 * len(quoted) > cells
    if found is None and (many or (len(quoted) == cells and len(rows) > 1)):
        found = quoted[0]
    if found is not None:
        where, cell = found
        raise DataError(
            f"{where}: cells are quoted as in a CSV file (as {reprlib.repr(cell)}), and here the "
            f"quotes would be learnt as text: name the file .csv, which may have tabs, too, or "
            f"save it without quotes"
        )


def csv_rows(path: Path) -> tuple[list[Row], str]:
    """Returns the rows of a CSV file, and the name of what separates its columns.

    Raises:
        DataError: as `read_text`, or it is not valid CSV.
    """
    text = read_text(path)
    separator = find_separator(text) or ","
    # newline="\n": only "\n" ends a line, and "\r\n" arrives whole, as the csv module wants it.
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True, delimiter=separator)
    rows: list[Row] = []
    number = 1
    with _no_field_limit():
        try:
            for row in reader:
                if row:  # a blank line is no record
                    rows.append((f"{path}:{number}", row))
                number = reader.line_num + 1  # not + 1 a record: a quoted field may hold line ends
        except csv.Error as error:
            raise DataError(
                f"{path}:{number}: not valid CSV: {error}; is a quote left open, or not doubled? "
                f"(a table with tabs and without quoting must be named .tsv)"
            ) from error
    return rows, SEPARATORS[separator]


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
