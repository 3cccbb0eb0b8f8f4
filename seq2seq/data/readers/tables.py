"""Columns of text from one table: TSV, CSV, JSON lines, Parquet.

Whatever the format, a column that is missing or holds no text is an error that names the place and
the columns that there are. How to add a format is told in seq2seq/README.md.
"""

from __future__ import annotations

import csv
import io
import json
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from seq2seq.data.readers.headers import Columns, find_columns, missing_column
from seq2seq.data.readers.lines import (
    TEXT_SUFFIX,
    ending,
    read_bytes,
    read_sentences,
    read_text,
)
from seq2seq.errors import DataError, SettingsError

TextColumns: TypeAlias = list[list[str]]  # a list of texts for each column
_Row: TypeAlias = tuple[str, list[str]]  # where it stands, and its cells
_Record: TypeAlias = tuple[str, Any]  # where it stands, and what should be an object with keys


def read_columns(path: Path, columns: Columns) -> TextColumns:
    """Returns columns of a .tsv, .csv, .json, .jsonl or .parquet file, which may be gzip (.gz).

    What is taken without names is as `ParallelCorpus.read` and `read_monolingual` describe. A .txt
    file can only be tab-separated here, as manythings.org names its pairs.

    Raises:
        DataError: the file is missing, damaged or has another ending, or columns are missing or not
            text.
        SettingsError: a column's number is impossible.
    """
    kind = ending(path.name, (*TABLE_SUFFIXES, TEXT_SUFFIX))
    if not kind:
        raise DataError(
            f"can't tell from the name of {path} how to read it: it must end in "
            f"{', '.join(TABLE_SUFFIXES)}, or in one of these and .gz; two files with a sentence a "
            "line are given as two paths, as with --data.train and --data.train-target"
        )
    return READERS[".tsv" if kind == TEXT_SUFFIX else kind](path, columns)


# ---------------------------------------------------------------------------------------------
# rows of cells: TSV and CSV


def _read_tsv(path: Path, columns: Columns) -> TextColumns:
    lines = enumerate(read_sentences(path), 1)
    rows = ((f"{path}:{number}", line.split("\t")) for number, line in lines)
    return _pick_cells(rows, columns, path, "tab")


def _read_csv(path: Path, columns: Columns) -> TextColumns:
    return _pick_cells(_csv_rows(path), columns, path, "comma (without quotes around it)")


def _csv_rows(path: Path) -> Iterator[_Row]:
    # newline="\n": only "\n" ends a line, and "\r\n" arrives whole, as the csv module wants it.
    reader = csv.reader(io.StringIO(read_text(path), newline="\n"), strict=True)
    number = 1
    try:
        for row in reader:
            if row:  # a blank line is no record
                yield f"{path}:{number}", row
            number = reader.line_num + 1  # not + 1 a record: a quoted field may hold line ends
    except csv.Error as error:
        raise DataError(
            f"{path}:{number}: not valid CSV: {error}; is a quote left open, or not doubled? "
            f"(a table with tabs and without quoting must be named .tsv)"
        ) from error


def _pick_cells(rows: Iterable[_Row], columns: Columns, path: Path, separator: str) -> TextColumns:
    """Returns columns of a table with a certain separator; its first row may be a header."""
    texts: TextColumns = [[] for _ in columns.roles]
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return texts
    where, header = first
    positions, named = find_columns(columns, header, where, path)
    needed = max(positions)
    for where, row in rows if named else chain([first], rows):
        if len(row) <= needed:
            raise DataError(
                f"{where}: column {needed} (counted from 0) is missing, the line has only "
                f"{len(row)}; complete the line or remove it"
            )
        if len(row) > len(header):
            raise DataError(
                f"{where}: there are {len(row)} columns, but {len(header)} in the first line; is "
                f"there a {separator} inside of a text?"
            )
        for text, position in zip(texts, positions, strict=True):
            text.append(row[position])
    return texts


# ---------------------------------------------------------------------------------------------
# records with keys: JSON, Parquet, datasets


def _read_json(path: Path, columns: Columns) -> TextColumns:
    return _pick_values(_json_records(path), columns)


def _json_records(path: Path) -> Iterator[_Record]:
    """Yields the records of JSON lines, or of one JSON list, each with where it stands."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        for number, record in enumerate(_parse_json(text, str(path)), 1):
            yield f"{path}, record {number}", record
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", _parse_json(line, f"{path}:{number}")


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{where}: not valid JSON: {error}; write one object on each line, or a list of them"
        ) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object; raises ValueError for a key that is there twice, as json doesn't."""
    record = dict(pairs)
    if len(record) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {key!r} is there more than once")
    return record


def _pick_values(records: Iterable[_Record], columns: Columns) -> TextColumns:
    """Returns columns of records, whose keys may stand one level down, in "translation"."""
    texts: TextColumns = [[] for _ in columns.roles]
    picked = columns.given
    for where, record in records:
        if not isinstance(record, Mapping):
            raise DataError(f"{where}: not an object with keys, but {reprlib.repr(record)}")
        nested = record.get("translation")
        fields = {**nested, **record} if isinstance(nested, Mapping) else record
        if picked is None:
            picked = _values_by_role(columns, fields, where)
        for column, text in zip(picked, texts, strict=True):
            if isinstance(column, int):
                raise SettingsError(
                    f"column {column} must be given by its name; {where} has "
                    f"{', '.join(map(repr, fields))}"
                )
            if column not in fields:
                raise missing_column(column, fields, where)
            value = fields[column]
            if not isinstance(value, str):
                raise DataError(
                    f"{where}: column {column!r} is not text, but {reprlib.repr(value)}"
                )
            text.append(value)
    return texts


def _values_by_role(columns: Columns, fields: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Returns the roles if they are keys, else the keys that hold text if no others do."""
    if all(role in fields for role in columns.roles):
        return columns.roles
    found = tuple(key for key, value in fields.items() if isinstance(value, str))
    if len(found) != len(columns.roles):
        raise DataError(
            f"{where}: {columns.must_be_named}, since {len(found)} columns hold text; the columns "
            f"are {', '.join(map(repr, fields))}"
        )
    return found


def _read_parquet(path: Path, columns: Columns) -> TextColumns:
    import pyarrow
    from pyarrow import parquet

    data = read_bytes(path)[0]
    try:
        table = parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"can't read {path} as Parquet: {error}; fetch or write it again"
        ) from error
    return arrow_texts(table, columns, str(path))


def arrow_texts(table: Any, columns: Columns, name: str) -> TextColumns:
    """Returns columns of a `pyarrow.Table`; raises as `read_columns` does."""
    from pyarrow import types

    # Only these: other columns, such as images, may be too large for Python objects.
    wanted = [
        field.name
        for field in table.schema
        if field.name in ("translation", *(columns.given or ()))
        or types.is_string(field.type)
        or types.is_large_string(field.type)
        or types.is_dictionary(field.type)
    ]
    texts = table.select(wanted)
    try:
        rows = texts.to_pylist()
    except ValueError as error:  # bytes that are not UTF-8 are found only now
        row = _first_unreadable(texts)
        raise DataError(f"{name}, row {row}: not text: {error}; write it again") from error
    nested = rows[0].get("translation") if rows else None
    inner = list(nested) if isinstance(nested, Mapping) else []
    for column in columns.given or ():
        if isinstance(column, str) and column not in [*wanted, *inner]:
            raise missing_column(column, [*table.column_names, *inner], name)
    return _pick_values(((f"{name}, row {n}", row) for n, row in enumerate(rows, 1)), columns)


def _first_unreadable(table: Any) -> int:
    """Returns the number, from 1, of the first row that is not UTF-8."""
    for row in range(len(table)):
        try:
            table.slice(row, 1).to_pylist()
        except ValueError:
            return row + 1
    return len(table)


READERS: dict[str, Callable[[Path, Columns], TextColumns]] = {
    ".tsv": _read_tsv,
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_json,
    ".parquet": _read_parquet,
}
"""The function that reads columns of a file with a certain ending; it has been found to exist."""

TABLE_SUFFIXES = tuple(READERS)
