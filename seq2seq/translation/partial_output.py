"""What a long job has written so far, in whole pieces, so that it can be stopped at any moment.

A file beside the output, `OUT.partial`. Its first line is JSON that says which job it is of. Then
comes piece after piece: a line of JSON with the number of lines translated, the bytes of what they
became and their CRC-32, and then these bytes. A piece is flushed to the disk before the next one is
written, so that a killed process or a power failure leaves whole pieces, and at most one that is
not, which is cut off. At the end the pieces are copied into the output, which is whole or not
there.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from filelock import FileLock, Timeout

from seq2seq.data.readers.file_kinds import COMPRESSIONS
from seq2seq.data.writers import create
from seq2seq.errors import RunError
from seq2seq.runs.files import system_errors, write_atomically, write_bytes

SUFFIX = ".partial"
FORMAT = "seq2seq partial output 1"
MAX_HEAD_BYTES = 2**20
"""More bytes the description of no job has, and that of no piece."""


class Piece(NamedTuple):
    """A part of the output.

    Attributes:
        lines: of the input.
        text: what they became, in UTF-8.
    """

    lines: int
    text: bytes


class PartialOutput:
    """The partial output of a job, which is begun, or goes on where it stopped.

    Args:
        out: the output; the partial output stands beside it.
        job: what makes the output what it is, as JSON has it: a job that goes on has the same.

    Attributes:
        path: of the file.
        lines: how many lines of the input are done.

    Raises:
        RunError: the file is of another job, or no partial output, or can't be written.
    """

    def __init__(self, out: Path, job: Mapping[str, Any]) -> None:
        self.out = out
        self.path = partial_path(out)
        self.lines = 0
        with system_errors(f"{self.path} could not be written"):
            if not os.path.lexists(self.path):
                write_bytes(self.path, json_line({"format": FORMAT, **job}))
            check_job(self.path, job)
            self.stream = self.path.open("r+b")
            self.stream.readline()
            for piece in read_pieces(self.stream):
                self.lines += piece.lines
            self.stream.truncate()  # what is behind the last whole piece

    def append(self, lines: int, text: str) -> None:
        """Writes what the next lines of the input became; afterwards it is on the disk.

        Raises:
            RunError: it can't be written.
        """
        data = text.encode("utf-8")
        head = json_line({"lines": lines, "bytes": len(data), "crc32": zlib.crc32(data)})
        with system_errors(f"{self.path} could not be written"):
            self.stream.write(head + data)
            self.stream.flush()
            os.fsync(self.stream.fileno())
        self.lines += lines

    def finish(self, header: str) -> None:
        """Writes the output, compressed as its name says, and removes the partial one.

        Args:
            header: what stands before the text.

        Raises:
            RunError: it can't be written.
        """

        def write(path: Path) -> None:
            with create(path, COMPRESSIONS.get(self.out.suffix.lower())) as file:
                file.write(header.encode("utf-8"))
                self.stream.seek(0)
                self.stream.readline()
                for piece in read_pieces(self.stream):
                    file.write(piece.text)

        write_atomically(self.out, write)
        self.close()
        with system_errors(f"{self.path} could not be deleted"):
            self.path.unlink()

    def close(self) -> None:
        """Closes the file; what could not be written is lost."""
        with suppress(OSError):
            self.stream.close()


def partial_path(out: Path) -> Path:
    """Returns where the partial output stands."""
    return out.with_name(out.name + SUFFIX)


def check_job(path: Path, job: Mapping[str, Any]) -> None:
    """Raises RunError unless a file is the partial output of a job."""
    with path.open("rb") as stream:
        found = parse_object(stream.readline(MAX_HEAD_BYTES))
    if found.pop("format", None) != FORMAT:
        raise RunError(f"{path} is no partial output of seq2seq: move it away")
    if changed := [*differences(found, json.loads(json.dumps(job)))]:
        raise RunError(
            f"{path} is what an interrupted job has written, and this is another one: "
            f"{'; '.join(changed)}. Give what it was begun with to go on, or --restart to begin "
            "anew"
        )


def read_pieces(stream: BinaryIO) -> Iterator[Piece]:
    """Yields the pieces from here to the last whole one, behind which the stream is left."""
    size = os.fstat(stream.fileno()).st_size
    while True:
        start = stream.tell()
        head = parse_object(stream.readline(MAX_HEAD_BYTES))
        lines, count = head.get("lines"), head.get("bytes")
        if isinstance(lines, int) and isinstance(count, int) and 0 <= count <= size:
            text = stream.read(count)
            if len(text) == count and zlib.crc32(text) == head.get("crc32"):
                yield Piece(lines, text)
                continue
        stream.seek(start)
        return


def parse_object(line: bytes) -> dict[str, Any]:
    """Returns a line's JSON object; an empty one if it is none, or not whole."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def json_line(value: Mapping[str, Any]) -> bytes:
    """Returns a line of JSON."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yields what differs between two jobs: for settings both values, else the part alone."""
    for name in dict.fromkeys((*now, *before)):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict) and name == "settings":
            for each in dict.fromkeys((*new, *old)):
                if old.get(each) != new.get(each):
                    flag = each.replace("_", "-")
                    yield f"--{flag} was {old.get(each)!r} and is {new.get(each)!r}"
        elif old != new:
            yield f"the {name} is not the same"


@contextmanager
def lock_output(out: Path) -> Iterator[None]:
    """Holds an output for one job; the system lets it go when the process ends, however it ends.

    Raises:
        RunError: another job writes it, or its folder can't be written to.
    """
    path = out.with_name(f"{out.name}.lock")
    lock = FileLock(path, timeout=0)
    with system_errors(f"{path} could not be written"):
        try:
            lock.acquire()
        except Timeout as error:
            raise RunError(f"{out} is being written by another process: wait for it") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()
