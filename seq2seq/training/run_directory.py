"""A run directory on disk: atomic, resumable, no pickle.

    experiment.json           every setting of the run
    *.vocab.json, *.tokenizer what turns text into ids and back
    best.safetensors          the weights with the best validation score
    last.safetensors          weights, optimizer and position of the training: what --resume reads
    step-N.safetensors        weights whose mean is tried at the end, with --training.average
    metrics.jsonl             one JSON object for each log line and each validation

Each file is written under a temporary name, flushed to the disk, and renamed: whatever happens, the
name leads to a complete file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seq2seq.errors import RunError

FORMAT = "seq2seq run 1"
TEMPORARY = ".tmp"
SIDES = ("source", "target")
TEXT = "text"
"""The one side of a language model."""


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary name beside `path`, and gives what it wrote the name `path`.

    Whatever stops it, the old file stays as it was, and nothing is left under the temporary name.

    Raises:
        RunError: the disk is full, or the directory can't be written to.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        flush_directory(path.parent)
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


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
    data = text.encode("utf-8")

    def write(temporary: Path) -> None:
        temporary.write_bytes(data)

    write_atomically(path, write)


def read_json(path: Path) -> Any:
    """What `write_json` wrote; RunError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing: {path.parent} is not a complete run") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


class RunDirectory:
    """The files of one run, by name."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.experiment = self.path / "experiment.json"
        self.best = self.path / "best.safetensors"
        self.last = self.path / "last.safetensors"
        self.metrics = self.path / "metrics.jsonl"
        self.curves = self.path / "learning_curves.png"

    def tokenizer(self, side: str) -> Path:
        """The tokenizer of the source or target side."""
        return self.path / f"{side}.tokenizer"

    def vocab(self, side: str) -> Path:
        """The vocabulary of the source or target side."""
        return self.path / f"{side}.vocab.json"

    def kept(self, step: int) -> Path:
        """The weights at a validation, kept for averaging."""
        return self.path / f"step-{step}.safetensors"

    def forget_kept(self, except_steps: Sequence[int] = ()) -> None:
        """Deletes weights that were kept for averaging, but for those of some steps."""
        for path in set(self.path.glob("step-*.safetensors")) - set(map(self.kept, except_steps)):
            path.unlink(missing_ok=True)

    @property
    def files(self) -> list[Path]:
        """All that a run consists of, whether it is there or not; the experiment last."""
        return [
            *(self.tokenizer(side) for side in (*SIDES, TEXT)),
            *(self.vocab(side) for side in (*SIDES, TEXT)),
            *(self.best, self.last, self.metrics, self.curves, self.experiment),
        ]

    def is_run(self) -> bool:
        """Whether there is a run's description here, of whatever version."""
        try:
            values = read_json(self.experiment)
        except RunError:
            return False
        kind = FORMAT.rstrip("0123456789")
        return isinstance(values, dict) and str(values.get("format")).startswith(kind)

    def check_free(self, *, overwrite: bool) -> None:
        """Raises RunError unless a run may be begun here.

        It may where there is nothing, and with `overwrite` where there is a run; never in a
        directory of another kind.
        """
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path} is a file: give another --run")
        if not self.is_run():
            raise RunError(
                f"{self.path} holds something that is not a run, which is never deleted: give "
                "another --run"
            )
        if not overwrite:
            raise RunError(
                f"{self.path} exists already: give another --run, continue it with --resume, "
                "or delete it with --overwrite"
            )

    def create(self, *, overwrite: bool) -> None:
        """Makes a run directory without a run; of one that exists, only a run's files are deleted.

        Raises:
            RunError: as `check_free`, or it can't be made.
        """
        self.check_free(overwrite=overwrite)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for path in self.files:
                path.unlink(missing_ok=True)
            self.forget_kept()
        except OSError as error:
            raise RunError(f"{self.path} could not be made: {error.strerror}") from error

    def check_exists(self) -> None:
        """Raises RunError unless this is a run directory."""
        if not self.path.is_dir():
            raise RunError(f"there is no run at {self.path}: train one with --run {self.path}")
        if not self.experiment.is_file():
            raise RunError(f"{self.path} is not a run directory: it has no {self.experiment.name}")
