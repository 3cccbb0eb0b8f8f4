"""Pairs -> files: in the format that they were read from, with all other columns, or in another."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from seq2seq.data.readers.file_kinds import COMPRESSIONS, Compression, compression_of
from seq2seq.data.readers.lines import BOM, read_head
from seq2seq.data.readers.streams import PairRecord, file_format, parquet_file
from seq2seq.errors import DataError

Format = Literal["tsv", "csv", "jsonl", "parquet", "text"]
Write: TypeAlias = Callable[[PairRecord], None]

_ROWS = 10_000
"""So many rows of Parquet are written together."""


def compression_ending(path: Path) -> str:
    """Returns the ending of a file's compression, as ".gz", whatever its name; "" if none."""
    with path.open("rb") as file:
        found = compression_of(file.read(32))
    return next((end for end, each in COMPRESSIONS.items() if each is found), "")


@contextmanager
def create(path: Path, compression: Compression | None) -> Iterator[BinaryIO]:
    """Creates a file to write bytes to, which it compresses; always to the same bytes."""
    with path.open("wb") as raw:
        if compression is None:
            yield raw
            return
        with compression.create(raw) as stream:
            yield stream


@contextmanager
def write_like(inputs: Sequence[Path], outputs: Sequence[Path]) -> Iterator[Write]:
    """Gives a function that writes records, as they are, to files like those they are from."""
    compressions = [COMPRESSIONS.get(compression_ending(path)) for path in inputs]
    kind = "text" if len(inputs) == 2 else file_format(inputs[0])
    with ExitStack() as stack:
        if kind == ".parquet":
            schema = parquet_file(inputs[0]).schema_arrow
            stream = stack.enter_context(create(outputs[0], compressions[0]))
            yield stack.enter_context(_parquet_rows(stream, schema))
            return
        streams = [
            stack.enter_context(create(path, compression))
            for path, compression in zip(outputs, compressions, strict=True)
        ]
        if kind == ".json":
            yield stack.enter_context(_json_list(streams[0]))
            return
        for path, stream in zip(inputs, streams, strict=True):
            if read_head(path).startswith(BOM):
                stream.write(BOM)

        def write(record: PairRecord) -> None:
            raws = record.raw if len(streams) == 2 else (record.raw,)
            for stream, raw in zip(streams, raws, strict=True):
                stream.write(encode(raw, record))

        yield write


@contextmanager
def write_format(name: Format, outputs: Sequence[Path], compression: str) -> Iterator[Write]:
    """Gives a function that writes the two texts of records in a format; see `FORMATS`."""
    with ExitStack() as stack:
        if name == "parquet":
            import pyarrow

            schema = pyarrow.schema([("source", "string"), ("target", "string")])
            stream = stack.enter_context(create(outputs[0], None))
            write_row = stack.enter_context(_parquet_rows(stream, schema))

            def write_table(record: PairRecord) -> None:
                if record.pair is not None:
                    row = pyarrow.Table.from_pylist([record.pair._asdict()], schema=schema)
                    write_row(record._replace(raw=row))

            yield write_table
            return
        streams = [
            stack.enter_context(create(path, COMPRESSIONS.get(compression))) for path in outputs
        ]
        if name == "csv":
            streams[0].write(b"source,target\r\n")

        def write(record: PairRecord) -> None:
            if record.pair is not None:
                for stream, line in zip(streams, FORMATS[name](record), strict=True):
                    stream.write(encode(line, record))

        yield write


def encode(text: str, record: PairRecord) -> bytes:
    """Returns text as UTF-8; DataError for half a character, which JSON may have."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{record.where}: {text[error.start]!r} is no character, but half of one: mend or "
            "remove the record"
        ) from error


def _tsv_line(record: PairRecord) -> list[str]:
    source, target = _one_line(record, "\t", "tsv")
    return [f"{source}\t{target}\n"]


def _csv_line(record: PairRecord) -> list[str]:
    text = io.StringIO()
    csv.writer(text).writerow(record.pair or ())
    return [text.getvalue()]


def _json_line(record: PairRecord) -> list[str]:
    values = record.pair._asdict() if record.pair else {}
    return [json.dumps(values, ensure_ascii=False) + "\n"]


def _text_lines(record: PairRecord) -> list[str]:
    return [f"{text}\n" for text in _one_line(record, "", "text")]


FORMATS: dict[str, Callable[[PairRecord], list[str]]] = {
    "tsv": _tsv_line,
    "csv": _csv_line,
    "jsonl": _json_line,
    "text": _text_lines,
}
"""What a record with a pair is in a format: a line of the file, or one of each of two."""


def _one_line(record: PairRecord, separator: str, name: str) -> Sequence[str]:
    """Returns the texts of a record; DataError if one has a line break or a separator in it."""
    texts = record.pair or ()
    for text in texts:
        if "\n" in text or text.endswith("\r") or (separator and separator in text):
            raise DataError(
                f"{record.where}: there is a tab or a line break in {text[:40]!r}, which --format "
                f"{name} can't hold: take csv or jsonl"
            )
    return texts


@contextmanager
def _json_list(stream: BinaryIO) -> Iterator[Write]:
    separator = "[\n"

    def write(record: PairRecord) -> None:
        nonlocal separator
        text = json.dumps(record.raw, ensure_ascii=False)
        stream.write(encode(f"{separator}{text}", record))
        separator = ",\n"

    yield write
    stream.write(b"\n]\n" if separator == ",\n" else b"[]\n")


@contextmanager
def _parquet_rows(stream: BinaryIO, schema: Any) -> Iterator[Write]:
    import pyarrow
    from pyarrow import parquet

    rows: list[Any] = []
    with parquet.ParquetWriter(stream, schema) as writer:

        def flush() -> None:
            writer.write_table(pyarrow.concat_tables(rows))
            rows.clear()

        def write(record: PairRecord) -> None:
            rows.append(record.raw)
            if len(rows) == _ROWS:
                flush()

        yield write
        if rows:
            flush()
