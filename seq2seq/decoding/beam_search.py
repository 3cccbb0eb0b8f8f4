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

With phrases that a sentence's hypotheses must contain, continuations are taken by dynamic beam
allocation, see `seq2seq.decoding.lexical_constraints`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq.data.batching import to_device
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import (
    LOG_PROBABILITY,
    Scoring,
    State,
    StepFunction,
    select_hypotheses,
    select_rows,
)
from seq2seq.decoding.lexical_constraints import Phrases, constrained_continuations
from seq2seq.decoding.live import FULL, LiveHypotheses

Continuations = Callable[[Tensor, Tensor, int, int], tuple[Tensor, Tensor, Tensor]]
"""Which continuations of the hypotheses are taken, as `best_continuations` has it: equally many for
each beam."""


def best_continuations(
    log_probs: Tensor, totals: Tensor, beams: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best `width` continuations of each beam.

    Args:
        log_probs: of each hypothesis' next token, ``(rows, vocab_size)``.
        totals: the log-probability of each hypothesis so far, in float64, ``(rows,)``; -inf for one
            that has ended.
        beams: how many there are, each with as many rows, one beam after the other.
        width: how many to take.

    Returns:
        The row that each continuation comes from, its token and its log-probability, each
        ``(beams * width,)``, beam by beam and best first. Where fewer are possible, the rest has a
        log-probability of -inf.
    """
    each = min(width, log_probs.shape[1])
    # No beam can take more than its width from one row, so few candidates have to be compared.
    values, candidates = log_probs.topk(each, dim=1)
    table = (totals.unsqueeze(1) + values.double()).view(beams, -1)
    table = table.nan_to_num(float("-inf"), neginf=float("-inf"))  # of a model that has diverged
    # A stable order: of equal scores the better hypothesis' comes first, whatever the batch.
    best, places = table.sort(dim=1, descending=True, stable=True)
    missing = max(width - table.shape[1], 0)
    best = F.pad(best[:, :width], (0, missing), value=float("-inf"))
    places = F.pad(places[:, :width], (0, missing))
    first = torch.arange(beams, device=places.device) * (len(totals) // beams)
    origins = (first.unsqueeze(1) + places // each).flatten()
    return origins, candidates[origins, places.flatten() % each], best.flatten()


def diverse_continuations(
    log_probs: Tensor,
    totals: Tensor,
    beams: int,
    width: int,
    *,
    groups: int,
    diversity: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the best continuations of each group, with the penalties of diverse beam search.

    Vijayakumar et al. 2018, algorithm 1, with Hamming diversity: for choosing, and for nothing
    else, a token has a penalty of `diversity` for each earlier group of the sentence that took it
    at this step, once or several times.

    Arguments and result are as in `best_continuations`. Each group is a beam; those of a sentence
    come one after the other.
    """
    sentences, vocab_size = beams // groups, log_probs.shape[1]
    rows = torch.arange(len(totals), device=totals.device).view(sentences, groups, -1)
    taken = log_probs.new_zeros((sentences, vocab_size))
    chosen = []
    for group in range(groups):
        own = rows[:, group]  # (sentences, rows of a beam)
        costs = diversity * taken.unsqueeze(1).expand(-1, own.shape[1], -1).reshape(-1, vocab_size)
        places, tokens, penalized = best_continuations(
            log_probs[own.flatten()] - costs, totals[own.flatten()], sentences, width
        )
        origins = own.flatten()[places]
        found = totals[origins] + log_probs[origins, tokens].double()
        found = found.masked_fill(penalized == float("-inf"), float("-inf"))
        possible = (found > float("-inf")).view(sentences, width)
        taken = taken + torch.zeros_like(taken).scatter_reduce(
            1, tokens.view(sentences, width), possible.to(taken.dtype), "amax"
        )
        chosen.append([part.view(sentences, 1, width) for part in (origins, tokens, found)])
    origins, tokens, found = (
        torch.cat(parts, dim=1).flatten() for parts in zip(*chosen, strict=True)
    )
    return origins, tokens, found


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
    phrases: Sequence[Phrases] | None = None,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each row, best first, at most `beam_size` and at least one.

    Args:
        state: before bos, one row for each sentence.
        beam_size: hypotheses that live on at each step.
        groups: beams that share `beam_size`, which they must divide.
        continuations: which of them are taken, see `Continuations`.
        phrases: for each row those that its hypotheses must contain; they decide in the place of
            `continuations`, with one group. A hypothesis that lacks some comes last.
    """
    device = constraints.max_lengths.device
    width = beam_size // groups
    count = len(constraints.max_lengths) * groups
    finished: list[list[Hypothesis]] = [[] for _ in range(count)]
    scores = [float("-inf")] * count  # of each beam's worst that counts
    worst = torch.tensor(scores, dtype=torch.float64, device=device)
    live = LiveHypotheses.start(torch.arange(count, device=device) // groups)
    if groups > 1:
        state = select_hypotheses(state, live.sentences, None)
    each = 1  # rows of a beam, before the first tokens
    while len(live.beams):
        log_probs, state = step(live.tokens, state)
        live = live._replace(attention=scoring.track_attention(live.attention, state))
        allowed = constraints.apply(log_probs, live.histories, live.sentences)
        beams = len(live.beams) // each
        if phrases is None:
            origins, tokens, totals = continuations(allowed, live.totals, beams, width)
        else:
            chosen = constrained_continuations(allowed, live, phrases, beams, width)
            origins, tokens, totals = chosen
        each = len(tokens) // beams
        live = select_rows(live, origins).extend(tokens, totals)
        ending = live.ending(scoring)
        for beam, hypothesis in ending:
            if phrases is not None:
                hypothesis = hypothesis._replace(unmet=phrases[beam].unmet(hypothesis.tokens))
            insort(finished[beam], hypothesis, key=best_first)
            if len(finished[beam]) >= width and not finished[beam][width - 1].unmet:
                scores[beam] = finished[beam][width - 1].score
        if ending:
            worst = to_device(torch.tensor(scores, dtype=torch.float64), device)
        longest = constraints.max_lengths[live.sentences]
        bounds = totals / ((6 + longest) / 6) ** scoring.alpha
        live = live.without((tokens == EOS_ID) | ~(bounds > worst[live.beams]))
        live, state = keep_sentences(live, state, origins, groups * each)
    return [
        best_distinct(chain.from_iterable(finished[first : first + groups]), beam_size)
        for first in range(0, count, groups)
    ]


def keep_sentences(
    live: LiveHypotheses, state: State, origins: Tensor, each: int
) -> tuple[LiveHypotheses, State]:
    """Returns rows with the state that belongs to them, without sentences that have ended.

    Args:
        live: `each` rows for each sentence.
        state: after the step that led to them.
        origins: which of its rows each is from, ``(rows,)``.
    """
    going_on = live.alive.view(-1, each).any(dim=1)
    kept = going_on.nonzero().squeeze(1)
    if len(kept) >= FULL * len(going_on):
        return live, select_hypotheses(state, origins, None)
    rows = (kept.unsqueeze(1) * each + torch.arange(each, device=kept.device)).flatten()
    return select_rows(live, rows), select_hypotheses(state, origins[rows], kept)


def best_first(hypothesis: Hypothesis) -> tuple[int, float]:
    """Returns the key that sorts hypotheses by falling score, those that lack phrases last."""
    return hypothesis.unmet, -hypothesis.score


def best_distinct(hypotheses: Iterable[Hypothesis], count: int) -> list[Hypothesis]:
    """Returns the best `count`, each sequence of tokens once: groups may find the same."""
    found: dict[tuple[int, ...], Hypothesis] = {}
    for hypothesis in hypotheses:
        found.setdefault(tuple(hypothesis.tokens), hypothesis)
    return sorted(found.values(), key=best_first)[:count]
