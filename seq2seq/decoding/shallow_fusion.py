r"""Shallow fusion: a language model's log-probabilities are added at every step.

.. math:: \log p(y_t | x, y_{<t}) + λ \log p_{LM}(y_t | y_{<t})

(Gülçehre et al. 2015.) The sum is not the logarithm of a probability, but never above 0, which is
all that a search needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.decoding.ensemble import Ensemble, EnsembleState
from seq2seq.decoding.interface import State, StepLanguageModel

LOG_PROB_FLOOR = -230.0
"""The lowest log-probability of a language model that is added, about that of 1e-100. An n-gram
model may hold a token impossible, as unknown ones; a given prefix that has it must still have a
score."""


class FusionState(NamedTuple):
    """The state of the translation models, and that of the language model."""

    translation: EnsembleState
    language: State

    @property
    def attention_weights(self) -> Tensor | None:
        """The translation models' attention ``(batch_size, source_length)``, if they have any."""
        return self.translation.attention_weights


class ShallowFusion(NamedTuple):
    """Translation models and a language model with the same target vocabulary.

    Attributes:
        translation: in evaluation mode, as the language model, and on the same device.
        language: trained on sentences, so that it knows how one begins.
        weight: λ, the factor of its log-probabilities.
    """

    translation: Ensemble
    language: StepLanguageModel
    weight: float

    def start(self, sources: Sequence[tuple[Tensor, Tensor]]) -> FusionState:
        """Returns the state before bos; sources as for `Ensemble.start`."""
        batch_size = len(sources[0][0])
        return FusionState(self.translation.start(sources), self.language.start(batch_size))

    def step(self, tokens: Tensor, state: FusionState) -> tuple[Tensor, FusionState]:
        """Takes one step, see `StepFunction`: weighted sums instead of log-probabilities."""
        log_probs, translation = self.translation.step(tokens, state.translation)
        added, language = self.language.step(tokens, state.language)
        added = added.to(log_probs.dtype).clamp(min=LOG_PROB_FLOOR)
        fused = torch.add(log_probs, added, alpha=self.weight)
        return fused, FusionState(translation, language)
