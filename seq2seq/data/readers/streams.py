"""The pairs of files one by one, in bounded memory, each with what its file has of it.

As `ParallelCorpus.read` reads them, from the same files and with the same errors; what it finds out
by looking at a whole file comes after the last pair. A JSON list alone is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq.data.pairs import Pair
from seq2seq.data.readers.cells import SEPARATORS, Quotes, Row, csv_records, say_separator
from seq2seq.data.readers.contents import PickedRow
from seq2seq.data.readers.file_kinds import compression_of
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.hub import folder_files, is_hub_name
from seq2seq.data.readers.lines import (
    BOM,
    TEXT_SUFFIX,
    ending,
    read_bytes,
    read_head,
    read_text,
    stream_lines,
    stream_sentences,
    unequal_files,
    without_end,
)
from seq2seq.data.readers.records import (
    Record,
    arrow_columns,
    arrow_records,
    open_parquet,
    parquet_errors,
    parse_json,
    pick_values,
)
from seq2seq.data.readers.tables import READERS, TABLE_SUFFIXES, csv_separator, pick_cells
from seq2seq.errors import SettingsError

_BATCH = 1024
"""So many rows of Parquet are read together."""
_SAMPLE = 1000
"""So many lines of CSV say what separates its columns."""


class PairRecord(NamedTuple):
    """A pair as it stands in a file.

    Attributes:
        where: the file, and the line or the number of the record.
        pair: its texts; None: it is a header.
        raw: what a file of the same format has for it, with all other columns: a string, a string
            of each of two files, a record of JSON, or a table of one row.
    """

    where: str
    pair: Pair | None
    raw: Any


def group_files(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the files of each corpus: a table stands alone, text files stand in twos.

    >>> group_files(["a.tsv", "b.de", "b.en", "c.jsonl.gz"])
    [('a.tsv',), ('b.de', 'b.en'), ('c.jsonl.gz',)]

    Raises:
        SettingsError: a text file is left over.
    """
    groups: list[tuple[str, ...]] = []
    alone = ""
    for name in names:
        path = Path(name)
        is_table = ending(path.name, TABLE_SUFFIXES) or path.is_dir()
        if is_table or (is_hub_name(name) and not path.exists()):
            groups.append((name,))
        elif alone:
            groups.append((alone, name))
            alone = ""
        else:
            alone = name
    if alone and not ending(alone, (TEXT_SUFFIX,)):
        raise SettingsError(
            f"{alone} is no table ({', '.join(TABLE_SUFFIXES)}), and the file with the other side "
            "of its pairs is missing: give it next to it"
        )
    return groups + ([(alone,)] if alone else [])  # "fra.txt" of manythings.org has both sides


def expand_folders(groups: Iterable[tuple[str, ...]]) -> Iterator[tuple[Path, ...]]:
    """Yields the paths of each corpus; for a folder, each file of its split "train".

    Raises:
        DataError: there is none in a folder.
        SettingsError: it is a name on the Hub, which has no files to write again.
    """
    for group in groups:
        paths = tuple(map(Path, group))
        if paths[0].is_dir():
            folder = paths[0]
            for file in folder_files(folder, "train", TABLE_SUFFIXES):
                yield (folder / file,)
        elif is_hub_name(group[0]) and not paths[0].exists():
            raise SettingsError(
                f"there is no file {group[0]}; a dataset of the Hub is cleaned while seq2seq train "
                "reads it, which has the same filters"
            )
        else:
            yield paths


def stream_pairs(paths: Sequence[Path], columns: Columns) -> Iterator[PairRecord]:
    """Yields the pairs of one table, or of two text files, in their order.

    Raises:
        DataError, SettingsError: as `ParallelCorpus.read`.
    """
    if len(paths) == 2:
        return _aligned(*paths)
    (path,) = paths
    kind = file_format(path)
    if kind == ".tsv":
        return _tsv(path, columns)
    if kind == ".csv":
        return _csv(path, columns)
    if kind == ".json":
        return _json_list(path, columns)
    if kind == ".jsonl":
        return _json_lines(path, columns)
    if kind == ".parquet":
        return _parquet(path, columns)
    texts = READERS[kind](path, columns).texts
    rows = enumerate(zip(*texts, strict=True), 1)
    return (PairRecord(f"{path}, pair {number}", Pair(*row), None) for number, row in rows)


def file_format(path: Path) -> str:
    """Returns the format of a table by its ending; a JSON file without a list has lines."""
    kind = ending(path.name, (*TABLE_SUFFIXES, TEXT_SUFFIX))
    if kind in (".json", ".jsonl"):
        is_list = read_head(path).removeprefix(BOM).lstrip().startswith(b"[")
        return ".json" if is_list else ".jsonl"
    return ".tsv" if kind == TEXT_SUFFIX else kind


class _Tape:
    """Lines that are remembered until they are taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.taken.append(line)
            yield line

    def take(self) -> str:
        text = "".join(self.taken)
        self.taken = []
        return text


def _with_raw(rows: Iterable[PickedRow], tape: _Tape) -> Iterator[PairRecord]:
    """Yields each row with the lines that were read for it."""
    for where, texts, _ in rows:
        yield PairRecord(where, None if texts is None else Pair(*texts), tape.take())


def _aligned(source: Path, target: Path) -> Iterator[PairRecord]:
    streams = stream_sentences(source), stream_sentences(target)
    for number, (one, other) in enumerate(zip_longest(*streams), 1):
        if one is None or other is None:
            short, long = number - 1, number + sum(1 for _ in streams[one is None])
            lines = (short, long) if one is None else (long, short)
            raise unequal_files(source, lines[0], target, lines[1])
        pair = Pair(without_end(one), without_end(other))
        yield PairRecord(f"{source}:{number}", pair, (one, other))


def _tsv(path: Path, columns: Columns) -> Iterator[PairRecord]:
    tape = _Tape(stream_sentences(path))
    quotes = Quotes(path)

    def rows() -> Iterator[Row]:
        for number, line in enumerate(map(without_end, tape), 1):
            quotes.add(number, line)
            yield f"{path}:{number}", line.split("\t")

    yield from _with_raw(pick_cells(rows(), columns, path, "tab"), tape)
    quotes.refuse()


def _csv(path: Path, columns: Columns) -> Iterator[PairRecord]:
    said, separator = say_separator("".join(islice(stream_lines(path), _SAMPLE)))
    tape = _Tape(stream_lines(path))
    lines = iter(tape)
    if said:  # a line of its own; to what follows it is a blank one
        next(lines)
        yield PairRecord(f"{path}:1", None, tape.take())
        lines = chain(["\n"], lines)
    rows = csv_records(lines, separator, path)
    name = csv_separator(SEPARATORS[separator])
    yield from _with_raw(pick_cells(rows, columns, path, name), tape)


def _json_lines(path: Path, columns: Columns) -> Iterator[PairRecord]:
    tape = _Tape(stream_lines(path))

    def records() -> Iterator[Record]:
        for number, line in enumerate(tape, 1):
            if line.strip():
                yield f"{path}:{number}", parse_json(line, f"{path}:{number}")

    yield from _with_raw(pick_values(records(), columns, str(path)), tape)


def _json_list(path: Path, columns: Columns) -> Iterator[PairRecord]:
    values = parse_json(read_text(path), str(path))
    records = [(f"{path}, record {number}", value) for number, value in enumerate(values, 1)]
    picked = pick_values(records, columns, str(path))
    for row, value in zip(picked, values, strict=True):
        yield PairRecord(row.where, Pair(*row.texts or ()), value)


def _parquet(path: Path, columns: Columns) -> Iterator[PairRecord]:
    import pyarrow

    file = parquet_file(path)
    wanted, names = arrow_columns(file.schema_arrow, columns, str(path))
    row: Any = None

    def records() -> Iterator[Record]:
        """Yields the rows as records; `row` is the last one's table."""
        nonlocal row
        before = 0
        batches = file.iter_batches(batch_size=_BATCH, use_threads=False)
        while True:
            with parquet_errors(path, b"PAR1"):
                batch = next(batches, None)
            if batch is None:
                return
            table = pyarrow.Table.from_batches([batch])
            for number, record in enumerate(arrow_records(table.select(wanted), str(path), before)):
                row = table.slice(number, 1)
                yield record
            before += len(table)

    for where, texts, _ in pick_values(records(), columns, str(path), names):
        yield PairRecord(where, Pair(*texts or ()), row)


def parquet_file(path: Path) -> Any:
    """Opens a Parquet file; one that is compressed as a whole is read into memory."""
    import pyarrow

    with parquet_errors(path, read_head(path)):
        with path.open("rb") as raw:
            is_compressed = compression_of(raw.read(32)) is not None
        return open_parquet(pyarrow.BufferReader(read_bytes(path)[0]) if is_compressed else path)
