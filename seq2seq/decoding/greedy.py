"""Greedy search: the most probable token at every step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import LOG_PROBABILITY, Scoring, State, StepFunction, select_rows
from seq2seq.decoding.live import FULL, LiveHypotheses

TokenChooser = Callable[[Tensor, Tensor, int], Tensor]
"""Chooses tokens ``(rows,)``, from log-probabilities of what may come ``(rows, vocab_size)``, the
numbers of the rows ``(rows,)`` and the number of tokens before."""


def greedy_search(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring = LOG_PROBABILITY,
) -> list[Hypothesis]:
    """Returns one hypothesis for each row of `state`, the one before bos."""
    sentences = torch.arange(len(constraints.max_lengths), device=constraints.max_lengths.device)
    return decode_rows(
        step, state, constraints, scoring, sentences, lambda values, *_: values.argmax(dim=-1)
    )


@torch.no_grad()
def decode_rows(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring,
    sentences: Tensor,
    choose: TokenChooser,
) -> list[Hypothesis]:
    """Returns one hypothesis for each row, whose every token `choose` chooses, as sampling does.

    Args:
        state: before bos, one row for each hypothesis.
        sentences: which sentence of the constraints a row is of, ``(rows,)``.
    """
    found: dict[int, Hypothesis] = {}
    live = LiveHypotheses.start(sentences)
    while len(live.beams):
        log_probs, state = step(live.tokens, state)
        live = live._replace(attention=scoring.track_attention(live.attention, state))
        allowed = constraints.apply(log_probs, live.histories, live.sentences)
        tokens = choose(allowed, live.beams, live.histories.shape[1])
        totals = live.totals + allowed.gather(1, tokens.unsqueeze(1)).squeeze(1).double()
        live = live.extend(tokens, totals)
        found.update(live.ending(scoring))
        live = live.without(tokens == EOS_ID)
        alive = live.alive.nonzero().squeeze(1)
        if len(alive) < FULL * len(tokens):
            live, state = select_rows((live, state), alive)
    return [found[row] for row in range(len(found))]
