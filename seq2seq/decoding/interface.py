"""What search needs of a model, and what it gives back.

Search knows nothing of models and models know nothing of search: they meet here. Anything that has
the methods of `StepModel` can be searched: a translation model, a table of probabilities in a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor

from seq2seq.decoding.hypothesis import MIN_COVERAGE, Hypothesis, length_penalty
from seq2seq.errors import SettingsError

T = TypeVar("T")

State: TypeAlias = Any
"""What a model carries from step to step; opaque to search but for `select_rows`.

A NamedTuple of tensors with the batch as their first dimension, of None, and of tuples of these.
The state of a model with attention has a field or property `attention_weights`: the attention of
the last step, ``(batch_size, source_length)``, zero on pads.
"""

StepFunction: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State]]
"""Previous tokens ``(batch_size,)`` and a state -> log-probabilities of the next token
``(batch_size, vocab_size)`` and the state after it."""


class StepModel(Protocol):
    """A model of a target given a source, one token at a time."""

    def start(self, source: Tensor, lengths: Tensor) -> State:
        """Returns the state before bos.

        Args:
            source: ids ``(batch_size, source_length)``.
            lengths: their true lengths ``(batch_size,)``, on the CPU.
        """

    def choose_targets(self, state: State, tokens: Tensor, allowed: Tensor) -> State:
        """Returns a state whose steps give log-probabilities of some tokens only.

        They are those of these tokens among each other: ``(rows, chosen)``, -inf where one is not
        allowed. A step is still given tokens of the vocabulary.

        Args:
            state: before bos, one row for each sentence.
            tokens: ids of the target vocabulary, ``(chosen,)``.
            allowed: which of them each sentence may have, ``(batch_size, chosen)``.
        """

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Takes one step, see `StepFunction`; search overwrites the log-probabilities."""


class StepLanguageModel(Protocol):
    """A model of text without a source, one token at a time."""

    def start(self, batch_size: int) -> State:
        """Returns the state before anything was read."""

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Takes one step, see `StepFunction`."""

    def log_probabilities(
        self, inputs: Tensor, targets: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Returns the log-probability of each target, and the state after the last input.

        Args:
            inputs: the token before each target, ``(batch_size, length)``, as are the targets.
            targets: the tokens to predict.
            state: the state before the first input.
        """


def select_rows(state: T, rows: Tensor) -> T:
    """Returns some rows of a state, in the given order, repeats allowed; see `select_hypotheses`.

    Each sentence has one row.
    """
    return select_hypotheses(state, rows, rows)


def select_hypotheses(state: T, rows: Tensor, sources: Tensor | None) -> T:
    """Returns some rows of a state in which every sentence has equally many, one after the other.

    What belongs to the source stands there once for each sentence, so that it is not copied when a
    beam goes on.

    Args:
        state: a tensor, batch first; None; or a tuple or NamedTuple of these. A NamedTuple may have
            a property `batch_wide`, the names of fields that hold for the batch as a whole: they
            stay as they are; and a property `source_fields`, those that have a row for each
            sentence.
        rows: ``(new_rows,)``.
        sources: which sentences they are of, ``(sentences,)``; None: of all, as before.

    Raises:
        TypeError: there is something else in the state.
    """
    value: Any = state
    if isinstance(value, Tensor):
        value = value.index_select(0, rows)
    elif hasattr(value, "_fields"):
        changed = {}
        for name in value._fields:
            if name in getattr(value, "batch_wide", ()):
                continue
            if name not in getattr(value, "source_fields", ()):
                changed[name] = select_hypotheses(getattr(value, name), rows, sources)
            elif sources is not None:
                changed[name] = select_rows(getattr(value, name), sources)
        value = value._replace(**changed)
    elif isinstance(value, tuple):
        value = tuple(select_hypotheses(part, rows, sources) for part in value)
    elif value is not None:
        raise TypeError(f"a state consists of tensors, tuples and None, not of {type(value)}")
    selected: T = value
    return selected


class Scoring(NamedTuple):
    """How a finished hypothesis is scored (Wu et al. 2016, equation 14).

    The score is the log-probability, divided by `length_penalty`, plus `beta` times `coverage`.

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
        """Returns the attention so far with that of the last step, if anything here needs it.

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
        """Returns a hypothesis that has ended, with its score.

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


def coverage(attention: Tensor) -> float:
    """Returns how much of the source was attended to (equation 14): 0 for all, else less.

    The sum over source tokens of log(min(attention that the token got from all steps, 1)); a token
    that got less than `MIN_COVERAGE` counts as that. eos is nothing to translate and left out.

    Args:
        attention: ``(steps, source tokens)``, without pads; the last column is eos's.
    """
    covered = attention[:, :-1].double().sum(dim=0).clamp(MIN_COVERAGE, 1.0)
    return float(covered.log().sum())
