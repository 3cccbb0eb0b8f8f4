"""Tensors on disk: safetensors, never pickle.

A file carries the state that belongs to its tensors in its own header, so that they cannot part,
and a checksum, so that no damage goes unnoticed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from seq2seq.errors import RunError
from seq2seq.storage import write_atomically


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Any) -> None:
    """Tensors and a JSON state in one file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry only: safetensors writes several in any order, and equal runs are equal bytes.
    header = {"seq2seq": json.dumps({"state": state, "crc32": checksum(plain)})}

    def write(temporary: Path) -> None:
        try:
            save_file(plain, temporary, metadata=header)
        except SafetensorError as error:  # as when the disk is full
            raise OSError(str(error)) from error

    write_atomically(path, write)


def checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of all the numbers, in the order of their names; they must be on the CPU."""
    result = 0
    for _, tensor in sorted(tensors.items()):
        if tensor.numel():  # no empty one can be seen as bytes
            result = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, result)
    return result


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """What `save_tensors` wrote.

    Raises:
        RunError: the file is missing, damaged, or not of this kind.
    """
    if not path.is_file():
        raise RunError(
            f"{path} is missing: the run was stopped before it could be saved, or the file was not "
            "copied. Begin the run anew with --overwrite, or copy the file."
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("seq2seq", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(header, dict):
            raise ValueError("its header is not of this kind")
        if header.get("crc32", None) not in (None, checksum(tensors)):
            raise ValueError("its numbers are not those that were written")
        return tensors, header.get("state")
    except (SafetensorError, ValueError, OSError) as error:
        raise RunError(
            f"{path} is damaged (truncated or not a safetensors file): {error}. "
            "Copy it again from where it came, or make the run again."
        ) from error
