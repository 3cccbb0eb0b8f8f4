"""A run directory on disk: atomic, resumable, no pickle.

    experiment.json           every setting of the run
    *.vocab.json, *.tokenizer what turns text into ids and back
    best.safetensors          the weights with the best validation score
    last.safetensors          weights, optimizer and position of the training: what --resume reads
    metrics.jsonl             one JSON object for each log line and each validation

Each file is written under a temporary name, flushed to the disk, and renamed: whatever happens, the
name leads to a complete file. A safetensors file carries its JSON in its own header, so weights and
the state that belongs to them cannot part.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from seq2seq.errors import RunError

TEMPORARY = ".tmp"


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Calls `write` with a temporary name beside `path`, and gives the result that name.

    Raises:
        RunError: the disk is full, or the directory can't be written to.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"{path} could not be written: {error.strerror or error}") from error


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as readable JSON, atomically."""
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote; RunError if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing: {path.parent} is not a complete run") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Any) -> None:
    """Tensors and a JSON state in one file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"state": json.dumps(state)}
    write_atomically(path, lambda temporary: save_file(plain, temporary, metadata=header))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """What `save_tensors` wrote.

    Raises:
        RunError: the file is missing, truncated, or not of this kind.
    """
    if not path.is_file():
        raise RunError(f"{path} is missing: the run was not trained, or is not complete")
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {}).get("state", "null"))
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118
    except (SafetensorError, ValueError, OSError) as error:
        raise RunError(
            f"{path} is damaged (truncated or not a safetensors file): {error}. "
            "Copy it again from where it came, or train again."
        ) from error


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Each weight once, by the first of its names; a tied one has several."""
    return dict(model.named_parameters())


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copies tensors into the model; RunError if a name or a shape does not fit."""
    expected = weights_of(model)
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in expected or name not in tensors:
            what = "lacks" if name in expected else "has an unknown"
            raise RunError(f"{path} {what} weight {name}: it is not of this experiment")
        if expected[name].shape != tensors[name].shape:
            raise RunError(
                f"{path}: weight {name} is {tuple(tensors[name].shape)}, "
                f"the experiment says {tuple(expected[name].shape)}"
            )
    with torch.no_grad():
        for name, weight in expected.items():
            weight.copy_(tensors[name])


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

    def create(self, *, overwrite: bool) -> None:
        """Makes an empty run directory.

        Raises:
            RunError: it exists and holds something, and `overwrite` is false; or what it holds is
                no run, which is never deleted.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            if not overwrite:
                raise RunError(
                    f"{self.path} exists already: give another --run, continue it with --resume, "
                    "or delete it with --overwrite"
                )
            if not self.experiment.is_file():
                raise RunError(f"{self.path} is not a run directory: not deleting it")
            shutil.rmtree(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.path} could not be made: {error.strerror}") from error

    def check_exists(self) -> None:
        """Raises RunError unless this is a run directory."""
        if not self.path.is_dir():
            raise RunError(f"there is no run at {self.path}: train one with --run {self.path}")
        if not self.experiment.is_file():
            raise RunError(f"{self.path} is not a run directory: it has no {self.experiment.name}")
