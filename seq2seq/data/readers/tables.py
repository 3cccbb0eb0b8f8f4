"""Columns of text from one table: TSV, CSV, JSON lines, Parquet.

Whatever the format, a column that is missing or holds no text is an error that names the place and
the columns that there are. How to add a format is told in seq2seq/README.md.
"""

from __future__ import annotations

import json
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from seq2seq.data.readers.cells import Row, csv_rows, tsv_rows
from seq2seq.data.readers.contents import check_contents
from seq2seq.data.readers.file_kinds import COMPRESSIONS, kind_of
from seq2seq.data.readers.headers import Columns, find_columns, missing_column
from seq2seq.data.readers.lines import (
    TEXT_SUFFIX,
    ending,
    read_bytes,
    read_text,
)
from seq2seq.data.readers.names import columns_by_one_role, columns_by_role, find_role
from seq2seq.errors import DataError, SettingsError

_Record: TypeAlias = tuple[str, Any]  # where it stands, and what should be an object with keys


class TextColumns(NamedTuple):
    """What is read of a table.

    Attributes:
        texts: a list for each column.
        names: what the columns are called; their numbers in a table without a header.
    """

    texts: list[list[str]]
    names: tuple[str | int, ...] = ()


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


# ---------------------------------------------------------------------------------------------
# rows of cells: TSV and CSV


def _read_tsv(path: Path, columns: Columns) -> TextColumns:
    return _pick_cells(tsv_rows(path), columns, path, "tab")


def _read_csv(path: Path, columns: Columns) -> TextColumns:
    rows, separator = csv_rows(path)
    return _pick_cells(rows, columns, path, f"{separator} (without quotes around it)")


def _pick_cells(rows: Iterable[Row], columns: Columns, path: Path, separator: str) -> TextColumns:
    """Returns columns of a table with a certain separator; its first row may be a header."""
    texts: list[list[str]] = [[] for _ in columns.roles]
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return TextColumns(texts)
    where, header = first
    positions, named = find_columns(columns, header, where, path)
    needed = max(positions)
    row = header
    for where, row in rows if named else chain([first], rows):
        if len(row) <= needed:
            raise _too_few(where, row, needed, separator)
        if len(row) > len(header):
            raise DataError(
                f"{where}: there are {len(row)} columns, but {len(header)} in the first line; is "
                f"there a {separator} inside of a text?"
            )
        for text, position in zip(texts, positions, strict=True):
            text.append(row[position])
    labels = [f"column {n}" + f" ({header[n]!r})" * named for n in positions]
    chosen = named or columns.given is not None
    advice = columns.must_be_named_or_numbered(header, row)
    check_contents(texts, columns, labels, str(path), chosen=chosen, others=header, advice=advice)
    return TextColumns(texts, tuple(header[n] if named else n for n in positions))


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


# ---------------------------------------------------------------------------------------------
# records with keys: JSON, Parquet, datasets


def _read_json(path: Path, columns: Columns) -> TextColumns:
    return _pick_values(_json_records(path), columns, str(path))


def _json_records(path: Path) -> Iterator[_Record]:
    """Yields the records of JSON lines, or of one JSON list, each with where it stands."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        for number, record in enumerate(_parse_json(text, str(path)), 1):
            yield f"{path}, record {number}", record
        return
    _refuse_columns(text, path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", _parse_json(line, f"{path}:{number}")


def _refuse_columns(text: str, path: Path) -> None:
    """Raises DataError if a JSON file is one object of columns, as pandas writes it by itself."""
    try:
        whole = json.loads(text)  # of JSON lines this reads the first one only
    except (ValueError, RecursionError):
        return
    if not isinstance(whole, dict) or not whole or "translation" in whole:
        return
    if all(isinstance(value, (dict, list)) for value in whole.values()):
        keys = ", ".join(map(reprlib.repr, list(whole)[:10]))
        raise DataError(
            f"{path}: it is one object of columns ({keys}), not a list of records: write a list of "
            f'records (in pandas, to_json(orient="records"))'
        )


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


def _pick_values(
    records: Iterable[_Record], columns: Columns, path: str, names: Sequence[str] = ()
) -> TextColumns:
    """Returns columns of records, whose keys may stand one level down, in "translation".

    `names` are those of all columns, where the records lack some that hold no text.
    """
    texts: list[list[str]] = [[] for _ in columns.roles]
    picked = columns.given
    for where, record in records:
        if not isinstance(record, Mapping):
            raise DataError(f"{where}: not an object with keys, but {reprlib.repr(record)}")
        nested = record.get("translation")
        fields = record
        if isinstance(nested, Mapping):
            fields = {**nested, **{k: v for k, v in record.items() if k != "translation"}}
        names = names or tuple(fields)
        if picked is None:
            picked = _values_by_role(columns, fields, where, names)
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
    if picked is not None:
        labels = [f"column {column!r}" for column in picked]
        said = columns.given is not None or any(find_role(str(column)) for column in picked)
        advice = columns.must_be_named(names, [str(fields.get(name, "")) for name in names])
        check_contents(texts, columns, labels, path, chosen=said, others=names, advice=advice)
    return TextColumns(texts, picked or ())


def _values_by_role(
    columns: Columns, fields: Mapping[str, Any], where: str, names: Sequence[str]
) -> tuple[str, ...]:
    """Returns the keys that are called by their roles, else those that hold text if no others do.

    Of two such keys, one may say which role it has.
    """
    if all(role in fields for role in columns.roles):
        return columns.roles
    keys = [key for key, value in fields.items() if isinstance(value, str)]
    order = columns_by_role(columns.roles, keys, where) or columns_by_one_role(columns.roles, keys)
    if order is None and len(keys) != len(columns.roles):
        raise DataError(
            f"{where}: {columns.must_be_named(keys)}, since {len(keys)} columns hold text; the "
            f"columns are {', '.join(map(repr, names))}"
        )
    return tuple(keys[number] for number in order or range(len(keys)))


def _read_parquet(path: Path, columns: Columns) -> TextColumns:
    import pyarrow
    from pyarrow import parquet

    data = read_bytes(path)[0]
    try:
        # Without Arrow's threads: a process that ends while they do sometimes aborts.
        file = parquet.ParquetFile(pyarrow.BufferReader(data), pre_buffer=False)
        table = file.read(use_threads=False)
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # names that are not UTF-8, too
        what = "" if data.startswith(b"PAR1") else kind_of(data)
        raise DataError(
            f"can't read {path} as Parquet: "
            + (f"it is {what}" if what else f"{error}; fetch or write it again")
        ) from error
    return arrow_texts(table, columns, str(path))


def arrow_texts(table: Any, columns: Columns, name: str) -> TextColumns:
    """Returns columns of a `pyarrow.Table`; raises as `read_columns` does."""
    from pyarrow import types

    names = list(table.column_names)
    inner: list[str] = []
    for field in table.schema:
        if field.name == "translation" and types.is_struct(field.type):
            inner = [part.name for part in field.type]
    # Only these: other columns, such as images, may be too large for Python objects.
    wanted = [
        number
        for number, field in enumerate(table.schema)
        if field.name in ("translation", *(columns.given or ())) or _holds_text(field.type)
    ]
    for column in columns.given or ():
        if isinstance(column, str) and column not in [*names, *inner]:
            raise missing_column(column, [*names, *inner], name)
        if isinstance(column, str) and names.count(column) > 1:
            raise DataError(f"{name}: column {column!r} is there twice; rename one of the two")
    if not wanted:  # rows without columns can't be counted
        raise DataError(
            f"{name}: {columns.must_be_named()}, since no column holds text; the columns are "
            f"{', '.join(map(repr, names)) or 'none'}"
        )
    texts = table.select(wanted)
    try:
        rows = texts.to_pylist()
    except ValueError as error:  # bytes that are not UTF-8 are found only now
        row = _first_unreadable(texts)
        raise DataError(f"{name}, row {row}: not text: {error}; write it again") from error
    records = ((f"{name}, row {n}", row) for n, row in enumerate(rows, 1))
    outer = [column for column in names if not inner or column != "translation"]
    return _pick_values(records, columns, name, [*inner, *outer])


def _holds_text(kind: Any) -> bool:
    """Whether an Arrow type is text, in whatever way it is stored."""
    from pyarrow import BaseExtensionType, types

    if isinstance(kind, BaseExtensionType):
        return _holds_text(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _holds_text(kind.value_type)
    return str(kind) in ("string", "large_string", "string_view")


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
