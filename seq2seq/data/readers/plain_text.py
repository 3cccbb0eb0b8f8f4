"""Lines of text for a model to read; a table is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from seq2seq.data.readers.cells import find_separator, has_equal_tabs
from seq2seq.data.readers.file_kinds import COMPRESSIONS
from seq2seq.data.readers.lines import ending, read_lines
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError


class TableWarning(UserWarning):
    """A text file has what looks like the columns of a table."""


class TableError(DataError):
    """A text file is a table, of which one column is meant at most."""


def read_plain_lines(path: str | Path, read: Callable[[Path], list[str]] = read_lines) -> list[str]:
    """Returns the lines of a text file, as `read` does.

    Raises:
        DataError: as `read`.
        TableError: the file's name and content are those of a table: its lines would be taken with
            all their columns.
    """
    path = Path(path)
    kind = ending(path.name, TABLE_SUFFIXES)
    if kind == ".parquet" and path.exists():  # it is no text, so it can't be read first
        raise _is_table(path, kind)
    lines = read(path)
    if kind == ".tsv":
        is_table = has_equal_tabs(lines)
    elif kind == ".csv":
        is_table = find_separator("\n".join(lines[:1000])) != ""
    else:
        is_table = kind != ""  # JSON is nobody's plain text
    if is_table:
        raise _is_table(path, kind)
    if not kind and len(lines) > 1 and has_equal_tabs(lines):
        warnings.warn(
            f"every line of {path} has tabs, as a table has, and is taken as it stands: if one "
            f"column is meant, cut it out, as cut -f1 {path} > source.txt",
            TableWarning,
            stacklevel=2,
        )
    return lines


def _is_table(path: Path, kind: str) -> TableError:
    compression = COMPRESSIONS.get(path.suffix.lower())
    pipe = f"{compression.unpack} {path} | " if compression else ""
    file = "" if compression else f" {path}"
    if kind == ".tsv":
        how = f"cut out the column that is to be read, as {pipe}cut -f1{file} > source.txt"
    elif kind in (".json", ".jsonl"):
        filter_ = "'.[].source'" if kind == ".json" else ".source"
        how = f"write the field that is to be read, as {pipe}jq -r {filter_}{file} > source.txt"
    else:
        how = "write the column that is to be read to a text file, a sentence a line"
    return TableError(f"{path} is a table: {how}")
