"""Columns of text from one table: TSV, CSV, JSON lines, Parquet.

Whatever the format, a column that is missing or holds no text is an error that names the place and
the columns that there are. How to add a format is told in seq2seq/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from seq2seq.data.readers.cells import Row, csv_rows, tsv_rows
from seq2seq.data.readers.contents import (
    ColumnSample,
    PickedRow,
    TextColumns,
    check_contents,
    collect_columns,
)
from seq2seq.data.readers.file_kinds import COMPRESSIONS, kind_of
from seq2seq.data.readers.headers import Columns, find_columns
from seq2seq.data.readers.lines import TEXT_SUFFIX, ending, read_bytes
from seq2seq.data.readers.records import read_json, read_parquet
from seq2seq.errors import DataError


def read_columns(path: Path, columns: Columns) -> TextColumns:
    """Returns columns of a .tsv, .csv, .json, .jsonl or .parquet file, which may be compressed.

    What is taken without names is as `ParallelCorpus.read` and `read_monolingual` describe. A .txt
    file can only be tab-separated here, as manythings.org names its pairs.

    Raises:
        DataError: the file is missing, damaged or has another ending, or columns are missing or not
            text.
        SettingsError: a column's number is impossible.
    """
    kind = ending(path.name, (*TABLE_SUFFIXES, TEXT_SUFFIX))
    if not kind:
        if what := kind_of(read_bytes(path)[0]):
            raise DataError(f"{path} is {what.replace('FILE', str(path))}")
        raise DataError(
            f"can't tell from the name of {path} how to read it: it must end in "
            f"{', '.join(TABLE_SUFFIXES)}, or in one of these and {', '.join(COMPRESSIONS)}; "
            "two files with a sentence a line are given as two paths, as with --data.train and "
            "--data.train-target"
        )
    return READERS[".tsv" if kind == TEXT_SUFFIX else kind](path, columns)


def _read_tsv(path: Path, columns: Columns) -> TextColumns:
    return collect_columns(pick_cells(tsv_rows(path), columns, path, "tab"), columns)


def _read_csv(path: Path, columns: Columns) -> TextColumns:
    rows, separator = csv_rows(path)
    return collect_columns(pick_cells(rows, columns, path, csv_separator(separator)), columns)


def csv_separator(name: str) -> str:
    """Returns what messages call the separator of CSV."""
    return f"{name} (without quotes around it)"


def pick_cells(
    rows: Iterable[Row], columns: Columns, path: Path, separator: str
) -> Iterator[PickedRow]:
    """Yields the cells of some columns of each row, as it comes, and None for a header.

    What is known only after the last row is refused then.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    where, header = first
    positions, named = find_columns(columns, header, where, path)
    needed = max(positions)
    sample = ColumnSample(columns)
    names = tuple(header[n] if named else n for n in positions)
    row = header
    if named:
        yield PickedRow(where, None, names)
    for where, row in rows if named else chain([first], rows):
        if len(row) <= needed:
            raise _too_few(where, row, needed, separator)
        if len(row) > len(header):
            raise DataError(
                f"{where}: there are {len(row)} columns, but {len(header)} in the first line; is "
                f"there a {separator} inside of a text?"
            )
        picked = [row[position] for position in positions]
        sample.add(picked)
        yield PickedRow(where, picked, names)
    labels = [f"column {n}" + f" ({header[n]!r})" * named for n in positions]
    chosen = named or columns.given is not None
    advice = columns.must_be_named_or_numbered(header, row)
    check_contents(
        sample.texts, columns, labels, str(path), chosen=chosen, others=header, advice=advice
    )


_OTHER_SEPARATORS = {
    ",": "name the file .csv",
    ";": "name the file .csv",
    "\t": "name the file .tsv",
    "|": "save the table as CSV",
}


def _too_few(where: str, row: Sequence[str], needed: int, separator: str) -> DataError:
    """Returns the error for a line with too few columns, which may have another separator."""
    problem = f"{where}: column {needed} (counted from 0) is missing, the line has only {len(row)}"
    separator = separator.partition(" (")[0]
    other = next((mark for mark in _OTHER_SEPARATORS if mark in row[0]), None)
    if len(row) > 1 or other is None:
        advice = f"complete the line or remove it (a {separator} stands between columns)"
        return DataError(f"{problem}; {advice}")
    advice = _OTHER_SEPARATORS[other]
    if separator != "tab" and advice.endswith(".csv"):
        advice = "all lines must have it, as often as the first one"
    return DataError(
        f"{problem}: between the columns there must be a {separator}, and there is none; if the "
        f"{other!r} in it separates columns, {advice}"
    )


READERS: dict[str, Callable[[Path, Columns], TextColumns]] = {
    ".tsv": _read_tsv,
    ".csv": _read_csv,
    ".json": read_json,
    ".jsonl": read_json,
    ".parquet": read_parquet,
}
"""The function that reads columns of a file with a certain ending; it has been found to exist."""

TABLE_SUFFIXES = tuple(READERS)
