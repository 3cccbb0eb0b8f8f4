"""Attention: how a decoder looks back at the source.

A query, which is a state of the decoder, is compared with a key for each source token. The softmax
of these scores weighs the encoder's outputs, and their weighted sum is what is attended to. The
kinds of attention differ in how a query q is compared with the key of an encoder output m.

Keys are computed once for a sentence. Pads get a weight of exactly 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.data.batching import pad_mask
from seq2seq.models.encoder import EncoderOutput


class Memory(NamedTuple):
    """What can be attended to: all encoder outputs, as keys and values.

    Attributes:
        values: what is summed, ``(batch_size, source_length, value_size)``.
        keys: what queries are compared with, ``(batch_size, source_length, key_size)``.
        pads: True where there is no source token, ``(batch_size, source_length)``.
    """

    values: Tensor
    keys: Tensor
    pads: Tensor


class Attention(nn.Module):
    """What all kinds of attention share: coverage, softmax, and the weighted sum.

    A kind of attention overrides `keys` and `scores`, and `values` or `weights_from_scores` where
    these differ.

    With coverage (Tu et al. 2016; See et al. 2017, equation 11), how much a source token has been
    attended to so far is added to its key, times a learned vector; for additive attention that is
    the formula of See et al.

    Args:
        memory_size: width of an encoder output.
        key_size: width of a key.
        coverage: whether scores depend on the coverage.
        scaled: whether scores are divided by √key_size.
    """

    def __init__(
        self, memory_size: int, key_size: int, *, coverage: bool = False, scaled: bool = False
    ) -> None:
        super().__init__()
        self.output_size = memory_size
        self.scale = key_size**-0.5 if scaled else 1.0
        self.cover = nn.Parameter(torch.zeros(key_size)) if coverage else None

    def prepare(self, encoded: EncoderOutput) -> Memory:
        """Computes keys and values of the encoder outputs, once for a batch."""
        memory = encoded.memory
        pads = pad_mask(encoded.lengths, memory.shape[1], memory.device)
        return Memory(self.values(memory), self.keys(memory), pads)

    def forward(
        self, queries: Tensor, memory: Memory, coverage: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attends with each query.

        Args:
            queries: ``(batch_size, target_length, query_size)``.
            memory: from `prepare`.
            coverage: the sum of all earlier weights, ``(batch_size, source_length)``.

        Returns:
            What is attended to, ``(batch_size, target_length, output_size)``, and the weights,
            ``(batch_size, target_length, source_length)``, which sum to 1.
        """
        scores = self.scores(queries, self.covered_keys(memory, coverage)) * self.scale
        weights = self.weights_from_scores(scores, queries, memory.pads)
        return torch.bmm(weights.to(memory.values.dtype), memory.values), weights

    def covered_keys(self, memory: Memory, coverage: Tensor | None) -> Tensor:
        """Adds coverage ``(batch_size, source_length)``, if it is used, to the keys."""
        if self.cover is None or coverage is None:
            return memory.keys
        return memory.keys + coverage.unsqueeze(-1) * self.cover

    def weights_from_scores(self, scores: Tensor, queries: Tensor, pads: Tensor) -> Tensor:
        """Turns scores ``(batch_size, target_length, source_length)`` into weights; 0 on pads."""
        return softmax(scores, pads.unsqueeze(1))

    def keys(self, memory: Tensor) -> Tensor:
        """Computes keys from encoder outputs, both ``(batch_size, source_length, …)``."""
        return memory

    def values(self, memory: Tensor) -> Tensor:
        """Computes what is summed from encoder outputs, both ``(batch_size, source_length, …)``."""
        return memory

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares each query with each key: ``(batch_size, target_length, source_length)``."""
        return torch.bmm(queries, keys.transpose(1, 2))


def softmax(scores: Tensor, pads: Tensor) -> Tensor:
    """Turns scores ``(…, source_length)`` into weights: their sum is 1, exactly 0 on pads."""
    return at_least_float32(scores).masked_fill(pads, float("-inf")).softmax(dim=-1)


def at_least_float32(values: Tensor) -> Tensor:
    """Converts bfloat16 to float32, for what is more sensitive to rounding than products."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
