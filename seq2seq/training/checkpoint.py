"""A model's weights on disk: each one once, by its name; none lacks when they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from seq2seq.errors import RunError
from seq2seq.tensors import load_tensors, save_tensors

__all__ = ["load_tensors", "load_weights", "part_of", "save_tensors", "weights_of"]


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
