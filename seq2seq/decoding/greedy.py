"""Greedy search: the most probable token at every step.

`decode_rows` is the loop of every search that follows one hypothesis for each row, as sampling.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.interface import (
    LOG_PROBABILITY,
    Hypothesis,
    Scoring,
    State,
    StepFunction,
    select_rows,
)

TokenChooser = Callable[[Tensor, Tensor, int], Tensor]
"""Chooses tokens ``(rows,)``, from log-probabilities of what may come ``(rows, vocab_size)``, the
numbers of the rows ``(rows,)`` and the number of tokens before."""


def greedy_search(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring = LOG_PROBABILITY,
) -> list[Hypothesis]:
    """Returns one hypothesis for each row.

    Args:
        step: a model's step.
        state: its state before bos, one row for each sentence.
        constraints: which tokens may come.
        scoring: how a hypothesis is scored; there is nothing to rank.
    """
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
    """Returns one hypothesis for each row, whose every token `choose` chooses.

    Args:
        step: a model's step.
        state: its state before bos.
        constraints: which tokens may come.
        scoring: how a hypothesis is scored.
        sentences: which sentence of the constraints a row is of, ``(rows,)``.
        choose: see `TokenChooser`.
    """
    device = sentences.device
    found: dict[int, Hypothesis] = {}
    rows = torch.arange(len(sentences), device=device)
    totals = torch.zeros(len(rows), dtype=torch.float64, device=device)
    histories = torch.empty((len(rows), 0), dtype=torch.long, device=device)
    tokens = torch.full((len(rows),), BOS_ID, device=device)
    attention: Tensor | None = None
    while len(rows):
        log_probs, state = step(tokens, state)
        attention = scoring.track_attention(attention, state)
        allowed = constraints.apply(log_probs, histories, sentences)
        tokens = choose(allowed, rows, histories.shape[1])
        totals = totals + allowed.gather(1, tokens.unsqueeze(1)).squeeze(1).double()
        ended = tokens == EOS_ID
        if bool(ended.any()):
            for place in ended.nonzero().squeeze(1).tolist():
                found[int(rows[place])] = scoring.finish(
                    int(sentences[place]),
                    histories[place].tolist(),
                    float(totals[place]),
                    None if attention is None else attention[place],
                )
            live = (rows, sentences, totals, histories, tokens, attention, state)
            rows, sentences, totals, histories, tokens, attention, state = select_rows(
                live, (~ended).nonzero().squeeze(1)
            )
        histories = torch.cat([histories, tokens.unsqueeze(1)], dim=1)
    return [found[row] for row in range(len(found))]
