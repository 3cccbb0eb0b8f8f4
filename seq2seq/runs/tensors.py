"""Tensors on disk: safetensors, never pickle.

A file carries the state that belongs to its tensors in its own header, so that they cannot part;
the name of the run that it belongs to, so that it can't be taken for another's; and a checksum of
it all, so that no damage goes unnoticed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from seq2seq.errors import RunError
from seq2seq.runs.files import missing_checkpoint, write_bytes

Shapes = Mapping[str, tuple[int, ...]]


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], state: Any, run_id: str | None = None
) -> None:
    """Tensors and a JSON state that belongs to them in one file, atomically.

    `run_id` is the id of the run (see `seq2seq.runs.metadata`), which `load_tensors` compares.

    Raises:
        RunError: it can't be written.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    words = json.dumps(state)
    header = {"state": words, "run": run_id, "checksum": checksum(plain, words, run_id)}

    # One entry only: safetensors writes several in any order, and equal runs are equal bytes. Its
    # `save_file` has a temporary file of its own, whose name is not known when it is left over.
    write_bytes(path, save(plain, metadata={"seq2seq": json.dumps(header)}))


def checksum(tensors: Mapping[str, Tensor], state: str, run_id: str | None) -> int:
    """CRC-32 of all that is in a file; the tensors must be on the CPU."""
    result = zlib.crc32(json.dumps([state, run_id]).encode())
    for name, tensor in sorted(tensors.items()):
        result = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), result)
        if tensor.numel():  # no empty one can be seen as bytes
            result = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, result)
    return result


def load_tensors(
    path: Path, run_id: str | None = None, check: Callable[[Shapes], None] | None = None
) -> tuple[dict[str, Tensor], Any]:
    """What `save_tensors` wrote.

    Args:
        path: the file.
        run_id: the id of the run that it must belong to; None: of any.
        check: is called with the shapes by name before any number is read, to raise RunError where
            they are not those that are expected.

    Raises:
        RunError: the file is missing, damaged, of another run, or not of this kind.
    """
    while True:
        begun = file_version(path)
        if begun is None:
            raise RunError(missing_checkpoint(path))
        try:
            return read_tensors(path, run_id, check)
        except RunError:
            # A training may have put a new file in its place, which is opened more than once.
            if file_version(path) == begun:
                raise


def file_version(path: Path) -> tuple[int, int] | None:
    """What changes when another file takes the place of this one; None if there is none."""
    try:
        return (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else None
    except OSError:
        return None


def read_tensors(
    path: Path, run_id: str | None, check: Callable[[Shapes], None] | None
) -> tuple[dict[str, Tensor], Any]:
    """As `load_tensors`, of a file that is there and stays as it is."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("seq2seq", "null"))
            if not isinstance(header, dict) or not {"state", "run", "checksum"} <= header.keys():
                raise ValueError("seq2seq did not write it, or a version before 0.2")
            if run_id is not None and header["run"] != run_id:
                raise RunError(
                    f"{path} belongs to another run than experiment.json beside it: copy the files "
                    "of one run together"
                )
            names = list(file.keys())
            if check is not None:
                check({name: tuple(file.get_slice(name).get_shape()) for name in names})
            tensors = {name: file.get_tensor(name) for name in names}
        if header["checksum"] != checksum(tensors, str(header["state"]), header["run"]):
            raise ValueError("what it says is not what was written")
        return tensors, json.loads(header["state"])
    except (SafetensorError, RuntimeError, ValueError, TypeError, OSError) as error:
        raise RunError(
            f"{path} is damaged, or not a file of this kind: {error}. "
            "Copy it again from where it came, or make the run again."
        ) from error
