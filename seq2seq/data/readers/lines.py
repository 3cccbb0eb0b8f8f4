"""Lines of text from files and pipes: strict about UTF-8 and about where a line ends.

A line ends at "\\n" or "\\r\\n" and nowhere else: U+2028, form feeds and lone carriage returns stay
in their line, so that the sides of a parallel corpus can't shift against each other. What was
compressed with gzip is known by its content. Errors name the file and the line.
"""

from __future__ import annotations

import difflib
import gzip
import zlib
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO

from seq2seq.errors import DataError

TEXT_SUFFIX = ".txt"

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FROM_UTF16 = "it looks like UTF-16: convert it (iconv -f utf-16 -t utf-8)"
_MAX_NULS = 10
ARRIVING_BYTES = 2**16
"""As many as a pipe holds."""
_BINARY = (b"PK\x03\x04", b"\x7fELF", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x89PNG")
"""How ZIP archives (and so office documents), programs, PDF, old documents and pictures begin."""


def read_lines(file: str | Path | BinaryIO) -> list[str]:
    """Returns the lines of a UTF-8 text file, plain or gzip, without their ends.

    A byte order mark at the beginning is no text; a last line may lack its end.

    Raises:
        DataError: the file is missing (naming one with a similar name), damaged, or not UTF-8
            (naming the line).
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

    For pipes: a line is yielded before the next one is asked for. It may not be gzip. `name` is
    what errors call it, `first` the number of the first line.

    Raises:
        DataError: at the first line that is not UTF-8.
    """
    for number, line in enumerate(stream, first):
        if number == 1:
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
        *complete, rest = (rest + data).split(b"\n")
        lines = [line + b"\n" for line in complete]
        if not data and rest:
            lines.append(rest)
        if lines:
            yield list(iter_lines(lines, name, number))
        if not data:
            return
        number += len(lines)


def read_text(file: str | Path | BinaryIO) -> str:
    """Returns the whole text of a file, decompressed and decoded; raises as `read_lines`."""
    data, name = read_bytes(file)
    data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        begin = before.rfind(b"\n") + 1
        raise _not_utf8(error, name, before.count(b"\n") + 1, data, begin) from error
    # Latin letters in UTF-16 are valid UTF-8, with NUL before or after each.
    if (nuls := data.count(0)) > max(_MAX_NULS, len(data) // 4):
        line = data.count(b"\n", 0, data.index(0)) + 1
        raise DataError(f"{name}:{line}: {nuls:,} of {len(data):,} bytes are 0; {_FROM_UTF16}")
    return text


def read_bytes(file: str | Path | BinaryIO) -> tuple[bytes, str]:
    """Returns the bytes of a file, decompressed if they are gzip, and the file's name.

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
        path, data = None, file.read()
        name = str(getattr(file, "name", "the input"))
    if data.startswith(_GZIP):
        try:
            return gzip.decompress(data), name
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{name} is cut short or damaged ({error}); fetch or compress it again"
            ) from error
    if path is not None and path.suffix == ".gz":
        raise DataError(f"{name} is not gzip, though its name says so; rename it or fetch it again")
    return data, name


def ending(name: str, suffixes: Sequence[str]) -> str:
    """Returns which of some suffixes a file's name ends in, .gz aside; "" if in none."""
    name = name.lower().removesuffix(".gz")
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
    hint = "convert it (iconv -f latin1 -t utf-8 is often right)"
    if line == 1 and data.startswith(_UTF16):
        hint = _FROM_UTF16
    if data.startswith(_BINARY):
        hint = "it is no text: export it as text first"
    if line == 1 and data.startswith(_GZIP):
        hint = "it is gzip: unpack it (gzip -dc)"
    return DataError(
        f"{name}:{line}: not valid UTF-8: byte 0x{data[error.start]:02x} as byte "
        f"{error.start - begin + 1} of the line; {hint}"
    )
