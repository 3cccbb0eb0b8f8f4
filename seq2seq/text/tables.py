"""Two columns of text from one table: TSV, CSV, JSON lines, Parquet, or a `datasets.Dataset`.

Whatever the format, a column that is missing or holds no text is an error that names the place and
the columns that there are. `datasets` is imported only when Parquet is read.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from seq2seq.errors import DataError, SettingsError
from seq2seq.text.files import missing_file, read_bytes, read_lines, read_text

Column: TypeAlias = "str | int"
Columns: TypeAlias = "tuple[Column, Column] | None"
Texts: TypeAlias = tuple[list[str], list[str]]
_Row: TypeAlias = tuple[str, list[str]]  # where it stands, and its cells
_Record: TypeAlias = tuple[str, Any]  # where it stands, and what should be an object with keys

KINDS = (".tsv", ".csv", ".json", ".jsonl", ".parquet")


def read_columns(path: Path, columns: Columns) -> Texts:
    """Return two columns of a .tsv, .csv, .json, .jsonl or .parquet file, which may be gzip (.gz).

    `columns` are names, or numbers from 0; None takes those that `ParallelCorpus.read` describes.

    Raises DataError for a file that is missing, damaged or of another kind, and for columns that
    are missing or not text; SettingsError for column numbers that are impossible.
    """
    kind = file_kind(path)
    if not path.is_file():
        raise missing_file(path)
    if kind == ".parquet":
        return _read_parquet(path, columns)
    if kind in (".json", ".jsonl"):
        return _pick_values(_json_records(path), columns)
    rows = _tsv_rows(path) if kind == ".tsv" else _csv_rows(path)
    return _pick_cells(rows, columns, str(path))


def file_kind(path: Path) -> str:
    """Return which of `KINDS` a file's name says it is; raises DataError if it says none.

    A .txt file that is to hold both sides can only be tab-separated.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    kind = suffixes[-1] if suffixes else ""
    if kind == ".txt":  # as manythings.org names its tab-separated pairs
        return ".tsv"
    if kind not in KINDS:
        raise DataError(
            f"can't tell from the name of {path} how to read it: it must end in "
            f"{', '.join(KINDS)}, or in one of these and .gz; two files with a sentence a line "
            f"are given as two paths"
        )
    return kind


def missing_column(column: Column, names: Iterable[str], where: str) -> DataError:
    """Return the error for a column that isn't there, with those that are."""
    names = list(names)
    similar = difflib.get_close_matches(str(column), names, n=1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    listed = ", ".join(map(repr, names)) or "none"
    return DataError(f"{where}: there is no column {column!r}; there are {listed}{hint}")


# ---------------------------------------------------------------------------------------------
# rows of cells: TSV and CSV


def _tsv_rows(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(read_lines(path), 1):
        yield f"{path}:{number}", line.split("\t")


def _csv_rows(path: Path) -> Iterator[_Row]:
    text, _ = read_text(path)
    # newline="\n": only "\n" ends a line, and "\r\n" arrives whole, as the csv module wants it.
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
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


def _pick_cells(rows: Iterable[_Row], columns: Columns, name: str) -> Texts:
    """Return two columns of a table; its first row is a header if columns are named."""
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return [], []
    header = first[1]
    if columns is None and {"source", "target"} <= set(header):
        columns = ("source", "target")
    picked = columns or (0, 1)
    source, target = (_position(column, header, name) for column in picked)
    named = any(isinstance(column, str) for column in picked)
    texts: Texts = ([], [])
    needed = max(source, target)
    for where, row in rows if named else chain([first], rows):
        if len(row) <= needed:
            raise DataError(
                f"{where}: column {needed} (counted from 0) is missing, the line has only "
                f"{len(row)}; complete the line or remove it"
            )
        texts[0].append(row[source])
        texts[1].append(row[target])
    return texts


def _position(column: Column, header: Sequence[str], name: str) -> int:
    if isinstance(column, str):
        if column not in header:
            raise missing_column(column, header, f"{name}:1")
        return header.index(column)
    if column < 0:
        raise SettingsError(f"column {column} is not possible: columns are counted from 0")
    return column


# ---------------------------------------------------------------------------------------------
# records with keys: JSON, Parquet, datasets


def _json_records(path: Path) -> Iterator[_Record]:
    """Yield the records of JSON lines, or of one JSON list, each with where it stands."""
    text, _ = read_text(path)
    if text.lstrip().startswith("["):
        try:
            records = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: not valid JSON: {error}; write it again") from error
        yield from ((f"{path}, record {n}", record) for n, record in enumerate(records, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path}:{number}: not valid JSON: {error}; each line must be one JSON object"
            ) from error
        yield f"{path}:{number}", record


def _pick_values(records: Iterable[_Record], columns: Columns) -> Texts:
    """Return two columns of records, whose keys may stand one level down, in "translation"."""
    texts: Texts = ([], [])
    for where, record in records:
        if not isinstance(record, Mapping):
            raise DataError(f"{where}: not an object with keys, but {_shown(record)}")
        nested = record.get("translation")
        fields = {**nested, **record} if isinstance(nested, Mapping) else record
        if columns is None:
            columns = _guess(fields, where)
        for column, side in zip(columns, texts, strict=True):
            if isinstance(column, int):
                raise SettingsError(
                    f"column {column} must be given by its name; {where} has "
                    f"{', '.join(map(repr, fields))}"
                )
            if column not in fields:
                raise missing_column(column, fields, where)
            value = fields[column]
            if not isinstance(value, str):
                raise DataError(f"{where}: column {column!r} is not text, but {_shown(value)}")
            side.append(value)
    return texts


def _guess(fields: Mapping[str, Any], where: str) -> tuple[str, str]:
    """Return the keys "source" and "target" if they exist, else the only two that hold text."""
    if "source" in fields and "target" in fields:
        return "source", "target"
    found = [key for key, value in fields.items() if isinstance(value, str)]
    if len(found) != 2:
        raise DataError(
            f"{where}: the source and target columns must be named, since {len(found)} columns "
            f"hold text; the columns are {', '.join(map(repr, fields))}"
        )
    return found[0], found[1]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _read_parquet(path: Path, columns: Columns) -> Texts:
    import datasets

    # A cache of its own: nothing is left on the user's disk, and no old copy is read in its place.
    with tempfile.TemporaryDirectory(prefix="seq2seq-") as folder:
        file = path
        if path.suffix.lower() == ".gz":
            file = Path(folder, "plain.parquet")
            file.write_bytes(read_bytes(path)[0])
        shown = datasets.are_progress_bars_disabled() is False
        datasets.disable_progress_bars()
        try:
            dataset = datasets.Dataset.from_parquet(
                str(file), cache_dir=str(Path(folder, "cache")), keep_in_memory=True
            )
        except Exception as error:  # datasets passes on whatever its readers raise
            raise DataError(
                f"can't read {path} as Parquet: {root_message(error)}; fetch or write it again"
            ) from error
        finally:
            if shown:
                datasets.enable_progress_bars()
        return dataset_texts(dataset, columns, str(path))


def dataset_texts(dataset: Any, columns: Columns, name: str) -> Texts:
    """Return two columns of a `datasets.Dataset`; raises as `read_columns` does."""
    if dataset.num_rows == 0:
        return [], []
    # Only these: other columns, such as images, may not fit into memory.
    wanted = [
        column
        for column, feature in dataset.features.items()
        if column == "translation"
        or column in (columns or ())
        or getattr(feature, "dtype", None) in ("string", "large_string")
    ]
    rows = dataset.select_columns(wanted).to_list()
    nested = rows[0].get("translation")
    inner = list(nested) if isinstance(nested, Mapping) else []
    for column in columns or ():
        if isinstance(column, str) and column not in [*wanted, *inner]:
            raise missing_column(column, [*dataset.column_names, *inner], name)
    return _pick_values(((f"{name}, row {n}", row) for n, row in enumerate(rows, 1)), columns)


def root_message(error: BaseException) -> str:
    """Return the message of the error that `error` came from: the one that says something."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"
