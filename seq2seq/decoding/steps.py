"""The one interface that search needs of a model, and what search gives back.

Search knows nothing of models and models know nothing of search: they meet here. Anything with
`step` can be searched: a translation model, a language model, a table of probabilities in a test.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

StateT = TypeVar("StateT", bound="State")


class State(Protocol):
    """What a model carries from step to step: an immutable value, batch first."""

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
        log_probability: natural logarithm of the probability of the tokens and of eos after them.
        score: what search ranks by: the log-probability, divided by the length penalty.
    """

    tokens: list[int]
    log_probability: float
    score: float


def length_penalty(length: int, alpha: float) -> float:
    """What a hypothesis' log-probability is divided by (Wu et al. 2016, equation 14).

    Args:
        length: its tokens, eos counted.
        alpha: 0 ranks by log-probability alone; 1 nearly by log-probability per token.
    """
    return float(((5 + length) / 6) ** alpha)


def forbid(log_probs: Tensor, lengths_left: Tensor, eos: int, never: tuple[int, ...]) -> Tensor:
    """Log-probabilities with -inf where a token must not come.

    Args:
        log_probs: ``(batch_size, vocab_size)``.
        lengths_left: how many tokens each row may still have before eos, ``(batch_size,)``; at 0
            only eos is left. Where the model gives no token that may come a probability above 0,
            eos comes, so that every search ends.
        eos: its id.
        never: ids that never come out: pad, unk, bos.
    """
    log_probs = log_probs.clone()
    log_probs[:, list(never)] = float("-inf")
    ending = log_probs[:, eos].clone()
    log_probs.masked_fill_((lengths_left <= 0).unsqueeze(1), float("-inf"))
    log_probs[:, eos] = ending
    stuck = log_probs.amax(dim=-1) == float("-inf")
    log_probs[:, eos].masked_fill_(stuck, torch.finfo(log_probs.dtype).min)
    return log_probs
