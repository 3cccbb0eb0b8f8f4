"""Files on disk: whole or not at all, since they are written under a temporary name and renamed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seq2seq.errors import RunError

TEMPORARY_SUFFIX = ".tmp"
MAX_JSON_BYTES = 2**22
"""More bytes no description of a run has: 4 MiB."""
MAX_FILE_BYTES = 2**28
"""More bytes no vocabulary and no tokenizer has: 256 MiB."""


@contextmanager
def system_errors(problem: str) -> Iterator[None]:
    """Raises RunError where the system refuses something: the problem, and the system's reason."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{problem}: {error.strerror or error}") from error


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary name beside `path`, and gives what it wrote the name `path`.

    Whatever stops it, the old file stays as it was. Nothing is left under the temporary name, but
    by a process that is killed or a machine that loses power.

    Raises:
        RunError: the disk is full, or the directory can't be written to.
    """
    write_together([path], lambda temporary: write(temporary[0]))


def write_together(paths: Sequence[Path], write: Callable[[list[Path]], object]) -> None:
    """`write_atomically` for several files: none has its name before all are written."""
    temporary = [path.with_name(path.name + TEMPORARY_SUFFIX) for path in paths]
    try:
        with system_errors(f"{' and '.join(map(str, paths))} could not be written"):
            write(temporary)
            for file in temporary:
                with file.open("rb+") as stream:
                    os.fsync(stream.fileno())
            for file, path in zip(temporary, paths, strict=True):
                os.replace(file, path)
            for folder in dict.fromkeys(path.parent for path in paths):
                flush_directory(folder)
    finally:
        for file in temporary:
            with suppress(OSError):  # the directory may have been deleted, or be read-only
                file.unlink(missing_ok=True)


def flush_directory(path: Path) -> None:
    """Makes a renaming in `path` last through a power failure, where the system has a way to."""
    if os.name != "posix":
        return
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Writes bytes, atomically."""
    write_atomically(path, lambda temporary: temporary.write_bytes(data))


def missing_checkpoint(path: Path) -> str:
    """What to say of a file of weights that is not there."""
    return (
        f"{path} is missing: the run was stopped before it could be saved, or the file was not "
        "copied. Begin the run anew with --overwrite, or copy the file."
    )


def read_json(path: Path) -> Any:
    """What `write_json` wrote; RunError if it is missing, damaged, or beyond any sense large."""
    data = read_bytes(path, MAX_JSON_BYTES)
    if not data.strip():
        raise RunError(f"{path} is damaged: it is empty")
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: it is no JSON ({error})") from error


def read_bytes(path: Path, largest: int = MAX_FILE_BYTES) -> bytes:
    """A whole file of a run.

    Raises:
        RunError: it is missing, no plain file, can't be read, or has more bytes than `largest`.
    """
    if not path.is_file():
        raise RunError(f"{path} is missing: {path.parent} is not a complete run")
    with system_errors(f"{path} could not be read"), path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise RunError(f"{path} has more than {largest:,} bytes: it is not a file of a run")
    return data


def finite_or_none(value: Any) -> Any:
    """The same, with None for each number in it that JSON lacks: infinities, and what is none.

    >>> finite_or_none({"perplexity": math.inf, "values": [0.5, math.nan]})
    {'perplexity': None, 'values': [0.5, None]}
    """
    if isinstance(value, Mapping):
        return {name: finite_or_none(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite_or_none(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
