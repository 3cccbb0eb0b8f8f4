"""Beam search: the best few continuations at every step.

At each step the `beam_size` best continuations of a sentence's live hypotheses are taken; another
choice among them is another search. Those that end in eos are finished; the others live on. A
sentence is done when nothing is left alive, or when no live hypothesis can still come among its
`beam_size` best finished ones: a log-probability only falls, so dividing it by the largest length
penalty still possible bounds every later score, as the coverage penalty is never above 0.

With a beam of 1 this is greedy search, and with a beam as wide as the tree it is full enumeration.

Diverse beam search (Vijayakumar et al. 2018) is the same with several beams, the groups, for each
sentence. With one group it is beam search. With a diversity of 0 all groups find the same: beam
search with a group's beam.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from itertools import chain

import torch
from torch import Tensor

from seq2seq.data.vocabulary import EOS_ID
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

Continuations = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor, Tensor]]
"""Which continuations of a beam's hypotheses are taken, as `best_continuations` has it."""


def best_continuations(
    log_probs: Tensor, totals: Tensor, beams: Tensor, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best `width` continuations of each beam.

    Args:
        log_probs: of each live hypothesis' next token, ``(rows, vocab_size)``.
        totals: the log-probability of each live hypothesis so far, in float64, ``(rows,)``.
        beams: which beam a row is of, ascending, ``(rows,)``.
        width: how many to take; those at -inf are impossible, and left out.

    Returns:
        The row that each continuation comes from, its token and its log-probability, each
        ``(new_rows,)``, beam by beam and best first.
    """
    each = min(width, log_probs.shape[1])
    # No beam can take more than its width from one row, so few candidates have to be compared.
    values, candidates = log_probs.topk(each, dim=1)
    values = totals.unsqueeze(1) + values.double()
    _, index, sizes = torch.unique_consecutive(beams, return_inverse=True, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    within = torch.arange(len(beams), device=values.device) - starts[index]
    table = values.new_full((len(sizes), int(sizes.max()), each), float("-inf"))
    table[index, within] = values
    # A stable order: between equal scores, the table's width, that is the rest of the batch, would
    # decide in topk.
    best, places = table.flatten(1).sort(dim=1, descending=True, stable=True)
    best, places = best[:, :width], places[:, :width]
    origins = starts.unsqueeze(1) + places // each
    possible = best > float("-inf")
    origins, best, places = origins[possible], best[possible], places[possible]
    return origins, candidates[origins, places % each], best


def diverse_continuations(
    log_probs: Tensor,
    totals: Tensor,
    beams: Tensor,
    width: int,
    *,
    groups: int,
    diversity: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best continuations of each group, with the penalties of diverse beam search.

    Vijayakumar et al. 2018, algorithm 1, with Hamming diversity: for choosing, and for nothing
    else, a token has a penalty of `diversity` for each earlier group of the sentence that took it
    at this step, once or several times.

    Other arguments, and the result, are as in `best_continuations`. Each group is a beam, whose
    number is that of its sentence times `groups`, plus its own.
    """
    sentences = beams // groups
    taken = log_probs.new_zeros((int(sentences[-1]) + 1, log_probs.shape[1]))
    chosen = []
    for group in range(groups):
        rows = (beams % groups == group).nonzero().squeeze(1)
        if not len(rows):
            continue
        costs = diversity * taken[sentences[rows]]
        places, tokens, _ = best_continuations(
            log_probs[rows] - costs, totals[rows], beams[rows], width
        )
        origins = rows[places]
        new = torch.zeros_like(taken)
        new[sentences[origins], tokens] = 1.0
        taken += new
        chosen.append((origins, tokens))
    origins = torch.cat([each for each, _ in chosen])
    tokens = torch.cat([each for _, each in chosen])
    order = beams[origins].argsort(stable=True)
    origins, tokens = origins[order], tokens[order]
    return origins, tokens, totals[origins] + log_probs[origins, tokens].double()


@torch.no_grad()
def beam_search(
    step: StepFunction,
    state: State,
    constraints: Constraints,
    scoring: Scoring = LOG_PROBABILITY,
    *,
    beam_size: int,
    groups: int = 1,
    continuations: Continuations = best_continuations,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each row, best first, at most `beam_size` and at least one.

    Args:
        state: before bos, one row for each sentence.
        beam_size: hypotheses that live on at each step.
        groups: beams of each sentence that share `beam_size`, which they must divide.
        continuations: what a beam takes at each step; another function is another search. It has
            no part in scores: those are of the log-probabilities that it returns.
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
        origins, tokens, totals = continuations(allowed, live.totals, live.beams, width)
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
