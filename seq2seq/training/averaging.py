"""Averages of weights, which often translate better than the weights of any single step.

An exponential moving average is updated during the training (Polyak & Juditsky 1992). Checkpoint
averaging takes the mean of several checkpoints at its end (Sennrich et al. 2016, WMT; Vaswani et
al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from seq2seq.runs.checkpoint import named_weights
from seq2seq.runs.tensors import load_tensors


class MovingAverage:
    """An exponential moving average of a model's weights.

    .. math:: a \\leftarrow d a + (1 - d) w, \\quad d = \\min(decay, (1 + n) / (10 + n))

    after update n: the decay is small at first, so that the untrained weights are soon forgotten.

    Args:
        model: the model whose weights are averaged; they are read at every `update`.
        decay: the decay after many updates.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.weights = {
            name: weight.detach().clone() for name, weight in named_weights(model).items()
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Includes the model's weights after update number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = named_weights(self.model)
        torch._foreach_lerp_(
            list(self.weights.values()), [current[name] for name in self.weights], 1 - decay
        )

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restores saved averages, by the names of the weights."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])


@contextmanager
def swapped_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Replaces the model's weights in this context; its own are restored at the end, always."""
    own = named_weights(model)
    kept = {name: weight.detach().clone() for name, weight in own.items()}
    try:
        copy_weights(own, weights)
        yield
    finally:
        copy_weights(own, kept)


@torch.no_grad()
def copy_weights(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    """Copies the weights of `other` into `own`, by name."""
    for name, weight in own.items():
        weight.copy_(other[name])


def mean_weights(paths: Sequence[Path], run_id: str | None = None) -> dict[str, Tensor]:
    """Returns the mean of the weights in several files of one model, by name.

    Raises:
        RunError: a file is missing, damaged, or does not belong to the run whose id is `run_id`.
    """
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, weight in load_tensors(path, run_id)[0].items():
            total[name] = total[name] + weight.double() if name in total else weight.double()
    return {name: (weight / len(paths)).float() for name, weight in total.items()}
