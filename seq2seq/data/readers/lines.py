"""Lines of text from files and pipes: strict about UTF-8 and about where a line ends.

A line ends at "\\n" or "\\r\\n" and nowhere else: U+2028, form feeds and lone carriage returns stay
in their line, so that the sides of a parallel corpus can't shift against each other. What is
compressed is known by its content. Errors name the file and the line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO

from seq2seq.config.wording import counted
from seq2seq.data.readers.file_kinds import (
    DAMAGE,
    advice_for,
    check_compression,
    damaged,
    decompress,
    kind_of,
    open_decompressed,
    strip_compression,
)
from seq2seq.errors import DataError

TEXT_SUFFIX = ".txt"

BOM = b"\xef\xbb\xbf"
ARRIVING_BYTES = 2**16
"""As many as a pipe holds."""
_HEAD_BYTES = 2**16
"""So many say what a file is."""


def read_lines(file: str | Path | BinaryIO) -> list[str]:
    """Returns the lines of a UTF-8 text file, plain or compressed, without their ends.

    A byte order mark at the beginning is no text; a last line may lack its end.

    Raises:
        DataError: the file is missing (naming one with a similar name), damaged, no text, or not
            UTF-8 (naming the line).
    """
    lines = read_text(file).replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def read_sentences(path: Path) -> list[str]:
    """Returns the lines of a file that should have many, as `read_lines`.

    Raises:
        DataError: as `read_lines`, or only "\\r" can be what ends the lines.
    """
    lines = read_lines(path)
    if len(lines) == 1:
        refuse_carriage_returns(lines[0], path)
    return lines


def refuse_carriage_returns(line: str, path: Path) -> None:
    """Raises DataError if a file's only line is many, which "\\r" ends."""
    if "\r" in line[:-1]:
        raise DataError(
            f"{path}:1: it is one line with {line.count(chr(13)):,} carriage returns: here, "
            f"lines end at \\n or \\r\\n; convert it (tr '\\r' '\\n')"
        )


def iter_lines(stream: Iterable[bytes], name: str, first: int = 1) -> Iterator[str]:
    """Yields the lines of a binary stream as they arrive, by the same rules as `read_lines`.

    For pipes: a line is yielded before the next one is asked for. It may not be compressed. `name`
    is what errors call it, `first` the number of the first line.

    Raises:
        DataError: at the first line that is not UTF-8; at once if it begins as what is no text.
    """
    yield from map(without_end, _whole_lines(stream, name, first))


def without_end(line: str) -> str:
    """Returns a line without what ends it."""
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def _whole_lines(stream: Iterable[bytes], name: str, first: int = 1) -> Iterator[str]:
    """`iter_lines`, with the lines' ends."""
    for number, line in enumerate(stream, first):
        if number == 1:
            if kind := kind_of(line):
                raise DataError(f"{name}:1: it is {kind}")
            line = line.removeprefix(BOM)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(error, name, number, line) from error
        yield text


def stream_lines(path: Path) -> Iterator[str]:
    """Yields the lines of a file, which may be compressed, with their ends; one is in memory.

    Raises:
        DataError: as `read_lines`, but at the line at fault.
    """
    if kind := kind_of(read_head(path)):
        raise DataError(f"{path} is {kind.replace('FILE', str(path))}")
    with open_decompressed(path) as stream:
        yield from _whole_lines(_undamaged(stream, path), str(path))


def stream_sentences(path: Path) -> Iterator[str]:
    """`stream_lines` of a file that should have many, as `read_sentences`."""
    count, line = 0, ""
    for line in stream_lines(path):
        yield line
        count += 1
    if count == 1:
        refuse_carriage_returns(without_end(line), path)


def read_head(path: Path) -> bytes:
    """Returns the first bytes of a file, decompressed.

    Raises:
        DataError: the file is missing, damaged, no plain file, or not compressed though its name
            says so.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path} is a pipe or a device, which is read only once: give a file")
    try:
        with path.open("rb") as file:
            check_compression(file.read(_HEAD_BYTES), str(path))
        with open_decompressed(path) as stream:
            return next(_undamaged(stream, path, _HEAD_BYTES), b"")
    except FileNotFoundError as error:
        raise missing_file(path) from error
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}") from error


def _undamaged(stream: BinaryIO, path: Path, size: int = -1) -> Iterator[bytes]:
    """Yields the lines of a stream that is unpacked, or pieces of a size; DataError if damaged."""
    while True:
        try:
            data = stream.readline() if size < 0 else stream.read(size)
        except DAMAGE as error:
            raise damaged(str(path), error) from error
        if not data:
            return
        yield data


def arriving_lines(stream: BufferedIOBase, name: str) -> Iterator[list[str]]:
    """Yields the lines of a pipe or terminal in groups: those that have arrived, at once.

    Who writes a line and waits for an answer gets one; while lines come quicker than they are
    worked on, groups are large. By the rules of `iter_lines`.
    """
    number, rest = 1, b""
    while True:
        data = stream.read1(ARRIVING_BYTES)
        if number == 1 and (kind := kind_of(rest + data)):
            raise DataError(f"{name}:1: it is {kind}")
        *complete, rest = (rest + data).split(b"\n")
        lines = [line + b"\n" for line in complete]
        if not data and rest:
            lines.append(rest)
        group: list[str] = []
        try:
            for line in iter_lines(lines, name, number):
                group.append(line)
        except DataError:
            if group:
                yield group  # what stands before the line at fault
            raise
        if group:
            yield group
        if not data:
            return
        number += len(lines)


def read_text(file: str | Path | BinaryIO) -> str:
    """Returns the whole text of a file, decompressed and decoded; raises as `read_lines`."""
    data, name = read_bytes(file)
    if kind := kind_of(data):
        raise DataError(f"{name} is {kind.replace('FILE', name)}")
    data = data.removeprefix(BOM)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        begin = before.rfind(b"\n") + 1
        raise _not_utf8(error, name, before.count(b"\n") + 1, data, begin) from error


def read_bytes(file: str | Path | BinaryIO) -> tuple[bytes, str]:
    """Returns the bytes of a file, decompressed if need be, and the file's name.

    Raises:
        DataError: the file is missing, damaged, or a device.
    """
    if isinstance(file, (str, Path)):
        path, name = Path(file), str(file)
        if path.is_char_device() or path.is_block_device():
            raise DataError(f"{path} is a device, and has no end: give a file")
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise missing_file(path) from error
        except OSError as error:
            raise DataError(f"can't read {name}: {error.strerror}") from error
    else:
        data, name = file.read(), str(getattr(file, "name", "the input"))
    return decompress(data, name), name


def ending(name: str, suffixes: Sequence[str]) -> str:
    """Returns which of some suffixes a file's name ends in, .gz and its like aside; "" if none."""
    name = strip_compression(name)
    return next((suffix for suffix in suffixes if name.endswith(suffix)), "")


def unequal_files(one: Path, lines: int, other: Path, others: int) -> DataError:
    """Returns the error for two files of pairs with different numbers of lines."""
    return DataError(
        f"{one} has {counted(lines, 'line')}, but {other} has {others:,}; the same line of both "
        "must be a pair: look for lines that are missing or cut in two"
    )


def missing_file(path: Path) -> DataError:
    """Returns the error for a file that isn't there, with the nearest name in its folder."""
    if not path.parent.is_dir():
        return DataError(f"there is no file {path}: its folder does not exist; check the path")
    names = sorted(entry.name for entry in path.parent.iterdir())
    similar = difflib.get_close_matches(path.name, names, n=1)
    hint = f"did you mean {path.parent / similar[0]}?" if similar else "check the path"
    return DataError(f"there is no file {path}; {hint}")


def _not_utf8(
    error: UnicodeDecodeError, name: str, line: int, data: bytes, begin: int = 0
) -> DataError:
    return DataError(
        f"{name}:{line}: not valid UTF-8: byte 0x{data[error.start]:02x} as byte "
        f"{error.start - begin + 1} of the line; {advice_for(data, error.start)}"
    )
