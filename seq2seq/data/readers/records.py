"""Columns of records with keys: JSON lines, JSON, Parquet and datasets.

Whatever the format, a column that is missing or holds no text is an error that names the place and
the columns that there are.
"""

from __future__ import annotations

import json
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from seq2seq.data.readers.contents import (
    ColumnSample,
    PickedRow,
    TextColumns,
    check_contents,
    collect_columns,
)
from seq2seq.data.readers.file_kinds import kind_of
from seq2seq.data.readers.headers import Columns, missing_column
from seq2seq.data.readers.lines import read_bytes, read_text
from seq2seq.data.readers.names import columns_by_one_role, columns_by_role, find_role
from seq2seq.errors import DataError, SettingsError

Record: TypeAlias = tuple[str, Any]  # where it stands, and what should be an object with keys


def read_json(path: Path, columns: Columns) -> TextColumns:
    """Returns columns of JSON lines, or of a JSON list of records; see `READERS`."""
    return collect_columns(pick_values(_json_records(path), columns, str(path)), columns)


def _json_records(path: Path) -> Iterator[Record]:
    """Yields the records of JSON lines, or of one JSON list, each with where it stands."""
    text = read_text(path)
    if text.lstrip().startswith("["):
        for number, record in enumerate(parse_json(text, str(path)), 1):
            yield f"{path}, record {number}", record
        return
    _refuse_columns(text, path)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}:{number}", parse_json(line, f"{path}:{number}")


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


def parse_json(text: str, where: str) -> Any:
    """Returns a value of JSON; DataError if it is none, or has a key twice."""
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


def pick_values(
    records: Iterable[Record], columns: Columns, path: str, names: Sequence[str] = ()
) -> Iterator[PickedRow]:
    """Yields columns of each record, as it comes; keys may stand one level down, in "translation".

    `names` are those of all columns, where the records lack some that hold no text. What is known
    only after the last record is refused then.
    """
    sample = ColumnSample(columns)
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
        values = []
        for column in picked:
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
            values.append(value)
        sample.add(values)
        yield PickedRow(where, values, picked)
    if picked is not None:
        labels = [f"column {column!r}" for column in picked]
        said = columns.given is not None or any(find_role(str(column)) for column in picked)
        advice = columns.must_be_named(names, [str(fields.get(name, "")) for name in names])
        check_contents(
            sample.texts, columns, labels, path, chosen=said, others=names, advice=advice
        )


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


def read_parquet(path: Path, columns: Columns) -> TextColumns:
    """Returns columns of a Parquet file; see `READERS`."""
    import pyarrow

    data = read_bytes(path)[0]
    with parquet_errors(path, data):
        table = open_parquet(pyarrow.BufferReader(data)).read(use_threads=False)
    return arrow_texts(table, columns, str(path))


def open_parquet(file: Any) -> Any:
    """Opens a `pyarrow.parquet.ParquetFile`.

    Without Arrow's threads: a process that ends while they do sometimes aborts.
    """
    from pyarrow import parquet

    return parquet.ParquetFile(file, pre_buffer=False)


@contextmanager
def parquet_errors(path: Path, head: bytes) -> Iterator[None]:
    """Raises DataError for what is no Parquet file, or a damaged one; `head` is how it begins."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # names that are not UTF-8, too
        what = "" if head.startswith(b"PAR1") else kind_of(head)
        raise DataError(
            f"can't read {path} as Parquet: "
            + (f"it is {what}" if what else f"{error}; fetch or write it again")
        ) from error


def arrow_texts(table: Any, columns: Columns, name: str) -> TextColumns:
    """Returns columns of a `pyarrow.Table`; raises as `read_columns` does."""
    wanted, names = arrow_columns(table.schema, columns, name)
    records = arrow_records(table.select(wanted), name)
    return collect_columns(pick_values(records, columns, name, names), columns)


def arrow_columns(schema: Any, columns: Columns, name: str) -> tuple[list[int], list[str]]:
    """Returns the numbers of the columns to look at, and the names of all.

    Only these: others, such as images, may be too large for Python objects.

    Raises:
        DataError: one that was asked for is not there, or no column holds text.
    """
    from pyarrow import types

    names = list(schema.names)
    inner: list[str] = []
    for field in schema:
        if field.name == "translation" and types.is_struct(field.type):
            inner = [part.name for part in field.type]
    wanted = [
        number
        for number, field in enumerate(schema)
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
    return wanted, [*inner, *(column for column in names if not inner or column != "translation")]


def arrow_records(table: Any, name: str, before: int = 0) -> Iterator[Record]:
    """Yields the rows of a `pyarrow.Table`; `before` are in other tables."""
    try:
        rows = table.to_pylist()
    except ValueError as error:  # bytes that are not UTF-8 are found only now
        row = before + _first_unreadable(table)
        raise DataError(f"{name}, row {row}: not text: {error}; write it again") from error
    for number, row in enumerate(rows, before + 1):
        yield f"{name}, row {number}", row


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
