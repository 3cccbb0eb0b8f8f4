"""Attention: how a decoder looks back at the source.

A query, which is a state of the decoder, is compared with a key for each source token. The softmax
of these scores weighs the encoder's outputs, and their weighted sum is what is attended to. The
kinds of attention differ in how a query q is compared with the key of an encoder output m.

Scores of dot and general attention can be scaled, as Vaswani et al. (2017, section 3.2.1) do: they
are divided by the square root of the width of a key. Without it the softmax can saturate before it
has learned where to look, and then stay, mostly on the end of the sentence.

Keys are computed once for a sentence. Pads get a weight of exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.config.model import ModelSettings
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
        pads = torch.arange(memory.shape[1]) >= encoded.lengths.unsqueeze(1)
        return Memory(self.values(memory), self.keys(memory), pads.to(memory.device))

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


class LocalAttention(GeneralAttention):
    """General attention near a place that the query predicts (Luong et al. 2015, "local-p").

    .. math::
        p &= S σ(v · \\tanh(W_p q)) \\\\
        a_s &∝ \\exp(q · W m_s) \\exp\\left(-\\frac{(s - p)^2}{2 (D / 2)^2}\\right)

    for the S source positions s; D is the window, in tokens, outside of which the Gaussian leaves
    less than a seventh. Luong et al. cut it off there, and don't renormalize; here the weights sum
    to 1.

    """

    def __init__(
        self, query_size: int, memory_size: int, window: int, *, coverage: bool = False
    ) -> None:
        super().__init__(query_size, memory_size, coverage=coverage)
        self.window = window
        self.place = nn.Sequential(
            nn.Linear(query_size, query_size, bias=False),
            nn.Tanh(),
            nn.Linear(query_size, 1, bias=False),
        )

    def weights_from_scores(self, scores: Tensor, queries: Tensor, pads: Tensor) -> Tensor:
        """Turns scores and the Gaussian together into weights."""
        lengths = (~pads).sum(dim=1).view(-1, 1, 1)
        # (batch_size, target_length, 1)
        places = lengths * torch.sigmoid(at_least_float32(self.place(queries)))
        positions = torch.arange(pads.shape[1], device=pads.device)
        # (batch_size, target_length, source_length)
        distances = (positions - places) / (self.window / 2)
        return super().weights_from_scores(scores - distances.square() / 2, queries, pads)


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


def softmax(scores: Tensor, pads: Tensor) -> Tensor:
    """Turns scores ``(…, source_length)`` into weights: their sum is 1, exactly 0 on pads."""
    return at_least_float32(scores).masked_fill(pads, float("-inf")).softmax(dim=-1)


def at_least_float32(values: Tensor) -> Tensor:
    """Converts bfloat16 to float32, for what is more sensitive to rounding than products."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


ATTENTIONS: dict[str, Callable[[ModelSettings, int, int], Attention]] = {
    "additive": lambda settings, query_size, memory_size: AdditiveAttention(
        query_size, memory_size, settings.attention_size, coverage=settings.coverage
    ),
    "dot": lambda settings, query_size, memory_size: DotAttention(
        query_size, memory_size, coverage=settings.coverage
    ),
    "scaled-dot": lambda settings, query_size, memory_size: DotAttention(
        query_size, memory_size, coverage=settings.coverage, scaled=True
    ),
    "general": lambda settings, query_size, memory_size: GeneralAttention(
        query_size, memory_size, coverage=settings.coverage
    ),
    "scaled-general": lambda settings, query_size, memory_size: GeneralAttention(
        query_size, memory_size, coverage=settings.coverage, scaled=True
    ),
    "multi-head": lambda settings, query_size, memory_size: MultiHeadAttention(
        query_size,
        memory_size,
        settings.attention_size,
        settings.attention_heads,
        coverage=settings.coverage,
    ),
    "local": lambda settings, query_size, memory_size: LocalAttention(
        query_size, memory_size, settings.attention_window, coverage=settings.coverage
    ),
}
"""Builds each kind of attention from the settings, the width of a query and that of an encoder
output. The keys are the names in `ModelSettings.attention`, without "none"."""


def build_attention(settings: ModelSettings, query_size: int, memory_size: int) -> Attention | None:
    """Builds the attention that the settings name; None for "none"."""
    if settings.attention == "none":
        return None
    return ATTENTIONS[settings.attention](settings, query_size, memory_size)
