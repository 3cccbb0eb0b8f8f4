"""Text that a model is given a line at a time, which a table is not."""

from __future__ import annotations

from pathlib import Path

from seq2seq.data.readers.cells import find_separator, has_equal_tabs
from seq2seq.data.readers.file_kinds import COMPRESSIONS
from seq2seq.data.readers.lines import ending, missing_file, read_lines
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError


def read_plain_lines(path: str) -> list[str]:
    """Returns the lines of a text file, as `read_lines`.

    Raises:
        DataError: as `read_lines`, or the file's name and content are those of a table: its lines
            would be read with all their columns.
    """
    kind = ending(path, TABLE_SUFFIXES)
    if kind not in ("", ".tsv", ".csv"):  # what else these may be is nobody's text
        if not Path(path).exists():
            raise missing_file(Path(path))
        raise _is_table(path, kind)
    lines = read_lines(path)
    if kind == ".tsv" and has_equal_tabs(lines):
        raise _is_table(path, kind)
    if kind == ".csv" and find_separator("\n".join(lines)):
        raise _is_table(path, kind)
    return lines


def _is_table(path: str, kind: str) -> DataError:
    compression = COMPRESSIONS.get(Path(path).suffix.lower())
    pipe = f"{compression.unpack} {path} | " if compression else ""
    file = "" if compression else f" {path}"
    if kind == ".tsv":
        how = f"cut out the column that is to be read, as {pipe}cut -f1{file} > source.txt"
    elif kind in (".json", ".jsonl"):
        filter_ = "'.[].source'" if kind == ".json" else ".source"
        how = f"write the field that is to be read, as {pipe}jq -r {filter_}{file} > source.txt"
    else:
        how = "write the column that is to be read to a text file, a sentence a line"
    return DataError(f"{path} is a table: {how}")
