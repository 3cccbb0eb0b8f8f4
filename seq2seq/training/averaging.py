"""Averages of weights: they often translate better than any single step's.

The moving average goes along with the training (Polyak & Juditsky 1992). The mean of several
checkpoints is taken at its end, as Sennrich et al. (2016, WMT) and Vaswani et al. (2017) do.
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

    after update n: at first the average is short, so that the untrained weights are soon forgotten.

    Args:
        model: whose weights; they are read at every `update`.
        decay: what an update counts less than the next one.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.weights = {
            name: weight.detach().clone() for name, weight in named_weights(model).items()
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the weights after update `step` in; a decay of 0 keeps no average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        current = named_weights(self.model)
        torch._foreach_lerp_(
            list(self.weights.values()), [current[name] for name in self.weights], 1 - decay
        )

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Goes on from saved averages, by the names of the weights."""
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])


@contextmanager
def swapped_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with other weights for a while; its own come back whatever happens."""
    own = named_weights(model)
    kept = {name: weight.detach().clone() for name, weight in own.items()}
    try:
        copy_weights(own, weights)
        yield
    finally:
        copy_weights(own, kept)


@torch.no_grad()
def copy_weights(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    """Copies the numbers of `other` into `own`, by name."""
    for name, weight in own.items():
        weight.copy_(other[name])


def mean_weights(paths: Sequence[Path], run_id: str | None = None) -> dict[str, Tensor]:
    """The mean of the weights in several files of one model, by name.

    Raises:
        RunError: a file is missing, damaged, or does not belong to the run whose id is `run_id`.
    """
    total: dict[str, Tensor] = {}
    for path in paths:
        for name, weight in load_tensors(path, run_id)[0].items():
            total[name] = total[name] + weight.double() if name in total else weight.double()
    return {name: (weight / len(paths)).float() for name, weight in total.items()}
