"""Weights on disk: safetensors, never pickle.

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
from torch import Tensor, nn

from seq2seq.errors import RunError
from seq2seq.training.run_directory import write_atomically


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
        result = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, result)
    return result


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """What `save_tensors` wrote.

    Raises:
        RunError: the file is missing, damaged, or not of this kind.
    """
    if not path.is_file():
        raise RunError(
            f"{path} is missing: the training was stopped before it could be saved, or the file "
            "was not copied. Start the training anew with --overwrite, or copy the file."
        )
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("seq2seq", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("crc32", None) not in (None, checksum(tensors)):
            raise ValueError("its numbers are not those that were written")
        return tensors, header.get("state")
    except (SafetensorError, ValueError, OSError) as error:
        raise RunError(
            f"{path} is damaged (truncated or not a safetensors file): {error}. "
            "Copy it again from where it came, or train again."
        ) from error


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Each weight once, by the first of its names; a tied one has several."""
    return dict(model.named_parameters())


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copies tensors into the model; RunError if a name or a shape does not fit."""
    expected = weights_of(model)
    for name in sorted(expected.keys() | tensors.keys()):
        if name not in expected or name not in tensors:
            what = "lacks" if name in expected else "has an unknown"
            raise RunError(
                f"{path} {what} weight {name}: it is not of the experiment that lies beside it"
            )
        if expected[name].shape != tensors[name].shape:
            raise RunError(
                f"{path}: weight {name} is {tuple(tensors[name].shape)}, "
                f"the experiment says {tuple(expected[name].shape)}"
            )
    with torch.no_grad():
        for name, weight in expected.items():
            weight.copy_(tensors[name])
