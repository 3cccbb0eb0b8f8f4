"""One query, one key, one score: additive attention, and dot products.

Scores of dot and general attention can be scaled, as Vaswani et al. (2017, section 3.2.1) do: they
are divided by the square root of the width of a key. Without it the softmax can saturate before it
has learned where to look, and then stay, mostly on the end of the sentence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq.models.attention.base import Attention


class AdditiveAttention(Attention):
    """v · tanh(W q + U m), `size` wide (Bahdanau et al. 2015, appendix A.1.2)."""

    def __init__(
        self, query_size: int, memory_size: int, size: int, *, coverage: bool = False
    ) -> None:
        super().__init__(memory_size, size, coverage=coverage)
        self.query = nn.Linear(query_size, size)
        self.key = nn.Linear(memory_size, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """Computes U m, ``(batch_size, source_length, size)``."""
        keys: Tensor = self.key(memory)
        return keys

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Compares each query with each key: ``(batch_size, target_length, source_length)``."""
        # (batch_size, target_length, source_length, size)
        hidden = torch.tanh(self.query(queries).unsqueeze(2) + keys.unsqueeze(1))
        scores: Tensor = self.score(hidden).squeeze(-1)
        return scores


class DotAttention(Attention):
    """q · m (Luong et al. 2015, equation 8, "dot"): nothing is learned; the sizes must be equal.

    Scaled, it is equation 1 of Vaswani et al. (2017).
    """

    def __init__(
        self, query_size: int, memory_size: int, *, coverage: bool = False, scaled: bool = False
    ) -> None:
        if query_size != memory_size:
            raise ValueError(f"a query of {query_size} and a memory of {memory_size} numbers")
        super().__init__(memory_size, memory_size, coverage=coverage, scaled=scaled)


class GeneralAttention(Attention):
    """q · W m (Luong et al. 2015, equation 8, "general")."""

    def __init__(
        self, query_size: int, memory_size: int, *, coverage: bool = False, scaled: bool = False
    ) -> None:
        super().__init__(memory_size, query_size, coverage=coverage, scaled=scaled)
        self.key = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """Computes W m, ``(batch_size, source_length, query_size)``."""
        keys: Tensor = self.key(memory)
        return keys
