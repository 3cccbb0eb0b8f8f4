"""Several models as one: the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor


class Startable(Protocol):
    """A step model that reads a source; its states are its own affair."""

    def start(self, source: Tensor, lengths: Tensor) -> Any:
        """Reads ids ``(batch_size, source_length)`` of these lengths ``(batch_size,)``."""

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Previous tokens ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``."""


class EnsembleState(NamedTuple):
    """The states of all members, in their order."""

    members: tuple[Any, ...]

    def select(self, rows: Tensor) -> EnsembleState:
        """The state of the given rows ``(new_batch_size,)``, in that order, repeats allowed."""
        return EnsembleState(tuple(state.select(rows) for state in self.members))

    @property
    def attention_weights(self) -> Tensor | None:
        """The mean of the members' attention ``(batch_size, source_length)``.

        None if one has none, or if they read sources of different lengths.
        """
        each = [getattr(state, "attention_weights", None) for state in self.members]
        there = [weights for weights in each if weights is not None]
        if len(there) < len(each) or len({weights.shape for weights in there}) > 1:
            return None
        return torch.stack(there).mean(dim=0)


class Ensemble:
    """Models with one target vocabulary, each with its own source vocabulary, as a step model.

    Args:
        members: in evaluation mode, all on one device.
    """

    def __init__(self, members: Sequence[Startable]) -> None:
        self.members = tuple(members)

    def start(self, sources: Sequence[tuple[Tensor, Tensor]]) -> EnsembleState:
        """Reads for each member its own source ids and their lengths, see `Startable`."""
        pairs = zip(self.members, sources, strict=True)
        return EnsembleState(tuple(member.start(*source) for member, source in pairs))

    def step(self, tokens: Tensor, state: EnsembleState) -> tuple[Tensor, EnsembleState]:
        """Previous tokens ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``.

        The logarithm of the mean of the members' probabilities.
        """
        results = [
            member.step(tokens, each)
            for member, each in zip(self.members, state.members, strict=True)
        ]
        together = torch.stack([log_probs for log_probs, _ in results]).logsumexp(dim=0)
        log_probs = together - math.log(len(results))
        return log_probs, EnsembleState(tuple(each for _, each in results))
