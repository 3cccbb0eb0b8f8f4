r"""Shallow fusion: a language model has a word in every step (Gülçehre et al. 2015).

.. math:: \log p(y_t | x, y_{<t}) + λ \log p_{LM}(y_t | y_{<t})

What is ranked is no probability any more, but never above 0, which is all that a search needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

LOG_PROB_FLOOR = -230.0
"""The lowest logarithm that a language model can say, about that of 1e-100. An n-gram model may
hold a token impossible, as unknown ones; a given prefix that has it must still have a score."""


class Speaker(Protocol):
    """A language model as a step model; its states are its own affair."""

    def start(self, batch_size: int) -> Any:
        """The state before bos."""

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Previous tokens ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``."""


class FusionState(NamedTuple):
    """The state of the translation model or ensemble, and that of the language model."""

    translation: Any
    language: Any

    def select(self, rows: Tensor) -> FusionState:
        """The state of the given rows ``(new_batch_size,)``, in that order, repeats allowed."""
        return FusionState(self.translation.select(rows), self.language.select(rows))

    @property
    def attention_weights(self) -> Tensor | None:
        """The translation model's attention ``(batch_size, source_length)``, if it has any."""
        weights: Tensor | None = getattr(self.translation, "attention_weights", None)
        return weights


class Fusion:
    """A translation model, or an ensemble of them, and a language model of one target vocabulary.

    Args:
        translation: a step model that reads a source, or an `Ensemble`; in evaluation mode, as the
            language model, and on the same device.
        language: trained on sentences, so that it knows how one begins.
        weight: λ, what its log-probabilities count.
    """

    def __init__(self, translation: Any, language: Speaker, weight: float) -> None:
        self.translation = translation
        self.language = language
        self.weight = weight

    def start(self, *sources: Any) -> FusionState:
        """Reads what the translation model or ensemble reads."""
        state = self.translation.start(*sources)
        batch = sources[0] if isinstance(sources[0], Tensor) else sources[0][0][0]
        return FusionState(state, self.language.start(len(batch)))

    def step(self, tokens: Tensor, state: FusionState) -> tuple[Tensor, FusionState]:
        """Previous tokens ``(batch_size,)`` -> weighted sums ``(batch_size, vocab_size)``."""
        log_probs, translation = self.translation.step(tokens, state.translation)
        said, language = self.language.step(tokens, state.language)
        said = said.to(log_probs.dtype).clamp(min=LOG_PROB_FLOOR)
        fused = torch.add(log_probs, said, alpha=self.weight)
        return fused, FusionState(translation, language)
