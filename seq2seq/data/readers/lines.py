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

from seq2seq.data.readers.file_kinds import advice_for, decompress, kind_of, strip_compression
from seq2seq.errors import DataError

TEXT_SUFFIX = ".txt"

_BOM = b"\xef\xbb\xbf"
ARRIVING_BYTES = 2**16
"""As many as a pipe holds."""


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
    if len(lines) == 1 and "\r" in lines[0][:-1]:
        raise DataError(
            f"{path}:1: it is one line with {lines[0].count(chr(13)):,} carriage returns: here, "
            f"lines end at \\n or \\r\\n; convert it (tr '\\r' '\\n')"
        )
    return lines


def iter_lines(stream: Iterable[bytes], name: str, first: int = 1) -> Iterator[str]:
    """Yields the lines of a binary stream as they arrive, by the same rules as `read_lines`.

    For pipes: a line is yielded before the next one is asked for. It may not be compressed. `name`
    is what errors call it, `first` the number of the first line.

    Raises:
        DataError: at the first line that is not UTF-8; at once if it begins as what is no text.
    """
    for number, line in enumerate(stream, first):
        if number == 1:
            if kind := kind_of(line):
                raise DataError(f"{name}:1: it is {kind}")
            line = line.removeprefix(_BOM)
        line = line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(error, name, number, line) from error
        yield text


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
    data = data.removeprefix(_BOM)
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
