"""Beam search: the best few continuations at every step.

At each step the `beam_size` best continuations of a sentence's live hypotheses are taken. Those
that end in eos are finished; the others live on. A sentence is done when nothing is left alive, or
when no live hypothesis can still come among its `beam_size` best finished ones: a log-probability
only falls, so dividing it by the largest length penalty still possible bounds every later score,
as the coverage penalty is never above 0.

With a beam of 1 this is greedy search, and with a beam as wide as the tree it is full enumeration.

Diverse beam search (Vijayakumar et al. 2018) is the same with several beams, the groups, for each
sentence, which share its `beam_size` and are penalized for tokens that an earlier group took. With
one group it is beam search. With a diversity of 0 all groups find the same: beam search with a
group's beam.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.beam_step import best_continuations, diverse_continuations
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.interface import (
    LOG_PROBABILITY,
    Hypothesis,
    Scoring,
    State,
    StepFunction,
    select_rows,
)


class LiveHypotheses(NamedTuple):
    """The hypotheses of all beams as the rows of one batch, beam by beam.

    Attributes:
        beams: which beam a row is of, ascending, ``(rows,)``.
        tokens: the last one of each, ``(rows,)``.
        totals: log-probabilities, in float64, ``(rows,)``.
        histories: all tokens but bos, ``(rows, length)``.
        attention: ``(rows, length, source_length)``, or None where it is not followed.
    """

    beams: Tensor
    tokens: Tensor
    totals: Tensor
    histories: Tensor
    attention: Tensor | None

    @classmethod
    def start(cls, count: int, device: torch.device) -> LiveHypotheses:
        """Returns one empty hypothesis for each of `count` beams."""
        return cls(
            torch.arange(count, device=device),
            torch.full((count,), BOS_ID, device=device),
            torch.zeros(count, dtype=torch.float64, device=device),
            torch.empty((count, 0), dtype=torch.long, device=device),
            None,
        )

    def extend(self, origins: Tensor, tokens: Tensor, totals: Tensor) -> LiveHypotheses:
        """Returns the rows `origins`, each with one more token; all ``(new_rows,)``."""
        chosen = select_rows(self, origins)
        histories = torch.cat([chosen.histories, tokens.unsqueeze(1)], dim=1)
        return chosen._replace(tokens=tokens, totals=totals, histories=histories)


@torch.no_grad()
def beam_search(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring = LOG_PROBABILITY,
    *,
    beam_size: int,
    groups: int = 1,
    diversity: float = 0.0,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each row, best first, at most `beam_size` and at least one.

    Args:
        step: a model's step.
        state: its state before bos, one row for each sentence.
        constraints: which tokens may come.
        scoring: how hypotheses are scored.
        beam_size: hypotheses that live on at each step.
        groups: beams that share `beam_size`, which they must divide.
        diversity: the penalty of a token for each earlier group that took it at the same step. It
            decides between hypotheses, and is no part of their scores.
    """
    device = constraints.max_lengths.device
    width = beam_size // groups
    count = len(constraints.max_lengths) * groups
    finished: list[list[Hypothesis]] = [[] for _ in range(count)]
    worst = torch.full((count,), float("-inf"), dtype=torch.float64, device=device)
    live = LiveHypotheses.start(count, device)
    if groups > 1:
        state = select_rows(state, live.beams // groups)
    while len(live.beams):
        log_probs, state = step(live.tokens, state)
        live = live._replace(attention=scoring.track_attention(live.attention, state))
        allowed = constraints.apply(log_probs, live.histories, live.beams // groups)
        if groups == 1:
            chosen = best_continuations(allowed, live.totals, live.beams, width)
        else:
            chosen = diverse_continuations(
                allowed, live.totals, live.beams, width, groups=groups, diversity=diversity
            )
        live = live.extend(*chosen)
        ended = live.tokens == EOS_ID
        for row in ended.nonzero().squeeze(1).tolist():
            beam = int(live.beams[row])
            hypothesis = scoring.finish(
                beam // groups,
                live.histories[row, :-1].tolist(),
                float(live.totals[row]),
                None if live.attention is None else live.attention[row],
            )
            finished[beam].append(hypothesis)
            worst[beam] = score_to_beat(finished[beam], width)
        longest = constraints.max_lengths[live.beams // groups]
        bounds = live.totals / ((6 + longest) / 6) ** scoring.alpha
        kept = (~ended & (bounds > worst[live.beams])).nonzero().squeeze(1)
        live, state = select_rows(live, kept), select_rows(state, chosen[0][kept])
    return [
        best_distinct(chain.from_iterable(finished[first : first + groups]), beam_size)
        for first in range(0, count, groups)
    ]


def score_to_beat(finished: list[Hypothesis], width: int) -> float:
    """Returns the score that a new hypothesis must beat; -inf while fewer than `width` are."""
    if len(finished) < width:
        return float("-inf")
    return sorted((hypothesis.score for hypothesis in finished), reverse=True)[width - 1]


def best_distinct(hypotheses: Iterable[Hypothesis], count: int) -> list[Hypothesis]:
    """Returns the best `count`, each sequence of tokens once: groups may find the same."""
    found: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in hypotheses:
        found.setdefault(tuple(hypothesis.tokens), hypothesis)
    return sorted(found.values(), key=lambda hypothesis: -hypothesis.score)[:count]
