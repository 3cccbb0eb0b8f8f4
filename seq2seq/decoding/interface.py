"""The one interface that search needs of a model, and what search gives back.

Search knows nothing of models and models know nothing of search: they meet here. Anything with
`step` can be searched: a translation model, a language model, a table of probabilities in a test.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from seq2seq.errors import SettingsError

StateT = TypeVar("StateT", bound="State")

MIN_COVERAGE = 0.01
"""What a source token that less attention went to counts as covered. Words like "the" may rightly
get none; without a floor, the logarithm would let a single one outweigh all else."""


class State(Protocol):
    """What a model carries from step to step: an immutable value, batch first.

    The state of a model with attention has one thing more, `attention_weights`: the attention of its last
    step over the source, ``(batch_size, source_length)``, zero on pads.
    """

    def select(self: StateT, rows: Tensor) -> StateT:
        """The state of the given rows ``(new_batch_size,)``, in that order, repeats allowed."""


class StepModel(Protocol[StateT]):
    """A model that gives a distribution over the next token."""

    def step(self, tokens: Tensor, state: StateT) -> tuple[Tensor, StateT]:
        """Previous tokens ``(batch_size,)`` -> log-probabilities ``(batch_size, vocab_size)``."""


class Hypothesis(NamedTuple):
    """A sentence that search found.

    Attributes:
        tokens: ids without bos and eos.
        log_probability: natural logarithm of the probability of the tokens and of eos after them,
            as the model has it: whatever a search forbids, prefers or draws from.
        score: what search ranks by, see `Scoring`; after MBR the expected utility.
        attention: ``(len(tokens) + 1, source tokens)``, eos counted on both sides: on which source
            token each target token was based. None where it was not asked for.
    """

    tokens: list[int]
    log_probability: float
    score: float
    attention: Tensor | None = None


class Scoring(NamedTuple):
    """How a finished hypothesis is scored (Wu et al. 2016, equation 14).

    Its log-probability, divided by `length_penalty`, plus `beta` times `coverage`.

    Attributes:
        alpha: of the length penalty.
        beta: of the coverage penalty; above 0, the model must have attention.
        attention: keep the attention in each hypothesis; the model must have some.
        source_lengths: the source tokens of each sentence, eos counted; None if none has pads.
    """

    alpha: float = 0.0
    beta: float = 0.0
    attention: bool = False
    source_lengths: tuple[int, ...] | None = None

    def track_attention(self, history: Tensor | None, state: Any) -> Tensor | None:
        """The attention so far with that of the last step, if anything here needs it.

        Args:
            history: ``(rows, steps, source_length)``, or None before the first step.
            state: after the step; its `attention_weights` are ``(rows, source_length)``.

        Raises:
            SettingsError: attention is needed, and the state has none.
        """
        if not (self.beta or self.attention):
            return None
        weights: Tensor | None = getattr(state, "attention_weights", None)
        if weights is None:
            raise SettingsError("the model has no attention to follow or to cover the source with")
        last = weights.unsqueeze(1)
        return last if history is None else torch.cat([history, last], dim=1)

    def finish(
        self, sentence: int, tokens: list[int], total: float, attention: Tensor | None
    ) -> Hypothesis:
        """A hypothesis that has ended, scored.

        Args:
            sentence: its place in the batch.
            tokens: without eos.
            total: its log-probability, that of eos counted.
            attention: ``(len(tokens) + 1, source_length)``, or None where it is not followed.
        """
        score = total / length_penalty(len(tokens) + 1, self.alpha)
        if attention is None:
            return Hypothesis(tokens, total, score)
        if self.source_lengths is not None:
            attention = attention[:, : self.source_lengths[sentence]]
        if self.beta:
            score += self.beta * coverage(attention)
        # A copy: a slice would keep the attention of the whole batch in memory.
        kept = attention.detach().to("cpu", copy=True) if self.attention else None
        return Hypothesis(tokens, total, score, kept)


LOG_PROBABILITY = Scoring()
"""The log-probability alone."""


def length_penalty(length: int, alpha: float) -> float:
    """What a hypothesis' log-probability is divided by (Wu et al. 2016, equation 14).

    Args:
        length: its tokens, eos counted.
        alpha: 0 ranks by log-probability alone; 1 nearly by log-probability per token.
    """
    return float(((5 + length) / 6) ** alpha)


def coverage(attention: Tensor) -> float:
    """How much of the source attention went over: 0 for all, the lower, the less (equation 14).

    The sum over source tokens of log(min(attention that the token got from all steps, 1)); a token
    that got less than `MIN_COVERAGE` counts as that. eos is nothing to translate and left out.

    Args:
        attention: ``(steps, source tokens)``, without pads; the last column is eos's.
    """
    covered = attention[:, :-1].double().sum(dim=0).clamp(MIN_COVERAGE, 1.0)
    return float(covered.log().sum())
