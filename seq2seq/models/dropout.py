"""Dropout in training: drawn anew at every step, or the same throughout a sentence.

Variational or locked dropout (Gal & Ghahramani 2016) has masks that are drawn once and carried in
the state from step to step, so that the same units of a sentence are dropped throughout. All masks
are scaled to keep the mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DropoutMasks(NamedTuple):
    """The dropout masks of one recurrent layer for a batch; None: nothing is dropped.

    Attributes:
        inputs: mask of its inputs, ``(batch_size, input_size)``.
        state: mask of the state in its product with the recurrent weights, ``(batch_size,
            hidden_size)``.
        weights: mask of the recurrent weights themselves, one for the whole batch (DropConnect:
            Wan et al. 2013; Merity et al. 2018).
    """

    inputs: Tensor | None = None
    state: Tensor | None = None
    weights: Tensor | None = None

    @property
    def batch_wide(self) -> tuple[str, ...]:
        """The fields that are not batch first: row selection leaves them as they are."""
        return ("weights",)


MASK_LEVELS = 2**16
"""How many different random numbers a rate is compared with."""

NO_DROPOUT = DropoutMasks()
"""Nothing is dropped."""


def dropout_mask(
    rate: float, shape: tuple[int, ...], like: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draws 0 with probability `rate`, else 1 / (1 - rate), on the device of `like`.

    On a CPU one random number of 64 bits decides on four places, which makes a training step some
    10% faster than torch's dropout, with a number for each. The rate is rounded to 1 / 65,536.
    """
    if like.device.type != "cpu":
        return F.dropout(torch.ones(shape, device=like.device, dtype=dtype), rate)
    dropped = round(rate * MASK_LEVELS)
    count = math.prod(shape)
    numbers = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.int16)[:count].view(shape) >= dropped - MASK_LEVELS // 2
    return kept.to(dtype).mul_(1 / (1 - rate))


def dropout(values: Tensor, rate: float, training: bool) -> Tensor:
    """Drops values, drawn anew for each number (Srivastava et al. 2014)."""
    if not training or not rate:
        return values
    if values.device.type != "cpu":
        return F.dropout(values, rate)
    return values * dropout_mask(rate, tuple(values.shape), values, values.dtype)


def locked_dropout_mask(rate: float, size: int, like: Tensor) -> Tensor | None:
    """Draws a mask ``(batch_size, size)`` for a batch like `like`; None at rate 0."""
    return dropout_mask(rate, (like.shape[0], size), like) if rate else None


def apply_mask(values: Tensor, mask: Tensor | None) -> Tensor:
    """Applies a mask ``(batch_size, size)``, if any, to ``(batch_size, …, size)``."""
    if mask is None:
        return values
    return values * (mask.unsqueeze(1) if values.dim() == 3 else mask)


class Dropout(nn.Module):
    """Dropout of a sentence's vectors, anew at each step or, if locked, with one mask for all."""

    def __init__(self, rate: float, *, locked: bool = False) -> None:
        super().__init__()
        self.rate = rate
        self.locked = locked

    def sample_masks(self, size: int, like: Tensor) -> Tensor | None:
        """Draws the mask of a batch, if dropout is locked and the model trains."""
        return locked_dropout_mask(self.rate, size, like) if self.locked and self.training else None

    def forward(self, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Drops some of ``(batch_size, …, size)``, by the mask where dropout is locked."""
        if self.locked:
            return apply_mask(values, mask)
        return dropout(values, self.rate, self.training)


class WordDropout(nn.Module):
    """Drops words: one that is dropped is dropped wherever it stands in its sentence.

    Gal & Ghahramani (2016), section 4.2: the mask is on the rows of the embedding matrix, a share
    of which is dropped for each sentence.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def sample_masks(self, vocab_size: int, like: Tensor) -> Tensor | None:
        """Draws a mask ``(batch_size, vocab_size)`` for a batch like `like`."""
        return locked_dropout_mask(self.rate, vocab_size, like) if self.training else None

    def forward(self, embedded: Tensor, ids: Tensor, mask: Tensor | None) -> Tensor:
        """Drops words of embedded ``(batch_size, …, embedding_size)`` ids ``(batch_size, …)``."""
        if mask is None:
            return embedded
        kept = mask.gather(1, ids.view(len(ids), -1)).view(ids.shape)
        return embedded * kept.unsqueeze(-1)
