"""Multi-head attention: several queries, keys and values for each token."""

from __future__ import annotations

import math

from torch import Tensor, nn

from seq2seq.models.attention.base import Attention, Memory, softmax


class MultiHeadAttention(Attention):
    """Several scaled dot products side by side, each in a space of its own (Vaswani et al. 2017).

    Args:
        size: width of all heads together.
        heads: how many there are; they divide `size`.
    """

    def __init__(
        self, query_size: int, memory_size: int, size: int, heads: int, *, coverage: bool = False
    ) -> None:
        if size % heads:
            raise ValueError(f"{heads} heads can't share {size} numbers")
        super().__init__(memory_size, size, coverage=coverage)
        self.heads = heads
        self.query = nn.Linear(query_size, size)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.value = nn.Linear(memory_size, size)
        self.output = nn.Linear(size, memory_size)

    def keys(self, memory: Tensor) -> Tensor:
        """Computes the keys of all heads side by side, ``(batch_size, source_length, size)``."""
        keys: Tensor = self.key(memory)
        return keys

    def values(self, memory: Tensor) -> Tensor:
        """Computes the values of all heads side by side, ``(batch_size, source_length, size)``."""
        values: Tensor = self.value(memory)
        return values

    def forward(
        self, queries: Tensor, memory: Memory, coverage: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attends with each query in each head; the weights are the mean over the heads."""
        split_queries = self.split(self.query(queries))
        split_keys = self.split(self.covered_keys(memory, coverage))
        # (batch_size, heads, target_length, source_length)
        scores = split_queries @ split_keys.transpose(2, 3) / math.sqrt(split_keys.shape[-1])
        pads = memory.pads.view(len(memory.pads), 1, 1, -1)
        weights = softmax(scores, pads)
        attended = weights.to(memory.values.dtype) @ self.split(memory.values)
        return self.output(attended.transpose(1, 2).flatten(2)), weights.mean(dim=1)

    def split(self, values: Tensor) -> Tensor:
        """Splits the heads: ``(…, length, size)`` -> ``(…, heads, length, size / heads)``."""
        return values.view(*values.shape[:2], self.heads, -1).transpose(1, 2)
