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

from bisect import insort
from collections.abc import Iterable
from itertools import chain

import torch

from seq2seq.data.vocabulary import EOS_ID
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
from seq2seq.decoding.live import LiveHypotheses


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
        state: before bos, one row for each sentence.
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
    live = LiveHypotheses.start(torch.arange(count, device=device) // groups)
    if groups > 1:
        state = select_rows(state, live.sentences)
    while len(live.beams):
        log_probs, state = step(live.tokens, state)
        live = live._replace(attention=scoring.track_attention(live.attention, state))
        allowed = constraints.apply(log_probs, live.histories, live.sentences)
        if groups == 1:
            chosen = best_continuations(allowed, live.totals, live.beams, width)
        else:
            chosen = diverse_continuations(
                allowed, live.totals, live.beams, width, groups=groups, diversity=diversity
            )
        origins, tokens, totals = chosen
        live = select_rows(live, origins).extend(tokens, totals)
        ended = tokens == EOS_ID
        for row in ended.nonzero().squeeze(1).tolist():
            beam = int(live.beams[row])
            insort(finished[beam], live.finish(row, scoring), key=best_first)
            if len(finished[beam]) >= width:
                worst[beam] = finished[beam][width - 1].score
        longest = constraints.max_lengths[live.sentences]
        bounds = totals / ((6 + longest) / 6) ** scoring.alpha
        kept = (~ended & (bounds > worst[live.beams])).nonzero().squeeze(1)
        live, state = select_rows(live, kept), select_rows(state, origins[kept])
    return [
        best_distinct(chain.from_iterable(finished[first : first + groups]), beam_size)
        for first in range(0, count, groups)
    ]


def best_first(hypothesis: Hypothesis) -> float:
    """Returns the key that sorts hypotheses by falling score."""
    return -hypothesis.score


def best_distinct(hypotheses: Iterable[Hypothesis], count: int) -> list[Hypothesis]:
    """Returns the best `count`, each sequence of tokens once: groups may find the same."""
    found: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in hypotheses:
        found.setdefault(tuple(hypothesis.tokens), hypothesis)
    return sorted(found.values(), key=best_first)[:count]
