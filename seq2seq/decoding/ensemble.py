"""Several models as one: the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.decoding.interface import State, StepModel


class EnsembleState(NamedTuple):
    """The states of all members, in their order."""

    members: tuple[State, ...]

    @property
    def attention_weights(self) -> Tensor | None:
        """The mean of the members' attention ``(batch_size, source_length)``.

        None if one has none, or if they read sources of different lengths.
        """
        each = [getattr(state, "attention_weights", None) for state in self.members]
        there = [weights for weights in each if weights is not None]
        if len(there) < len(each) or len({weights.shape for weights in there}) > 1:
            return None
        return there[0] if len(there) == 1 else torch.stack(there).mean(dim=0)


class Ensemble(NamedTuple):
    """Models with one target vocabulary, each with its own source vocabulary; often a single one.

    Attributes:
        members: in evaluation mode, all on one device.
    """

    members: Sequence[StepModel]

    def start(self, sources: Sequence[tuple[Tensor, Tensor]]) -> EnsembleState:
        """Returns the state before bos; sources are each member's own, see `StepModel.start`."""
        pairs = zip(self.members, sources, strict=True)
        return EnsembleState(tuple(member.start(*source) for member, source in pairs))

    def choose_targets(
        self, state: EnsembleState, tokens: Tensor, allowed: Tensor
    ) -> EnsembleState:
        """Returns a state whose steps give some tokens only, see `StepModel.choose_targets`."""
        pairs = zip(self.members, state.members, strict=True)
        return EnsembleState(
            tuple(member.choose_targets(each, tokens, allowed) for member, each in pairs)
        )

    def step(self, tokens: Tensor, state: EnsembleState) -> tuple[Tensor, EnsembleState]:
        """Takes one step, see `StepFunction`: the logarithm of the mean of the probabilities."""
        pairs = zip(self.members, state.members, strict=True)
        log_probs, states = zip(*(member.step(tokens, each) for member, each in pairs), strict=True)
        after = EnsembleState(states)
        if len(log_probs) == 1:
            return log_probs[0], after
        return torch.stack(log_probs).logsumexp(dim=0) - math.log(len(log_probs)), after
