"""Beam search: the best few continuations at every step.

At each step the `beam_size` best continuations of a sentence's live hypotheses are taken. Those
that end in eos are finished; the others live on. A sentence is done when nothing is left alive, or
when no live hypothesis can still come among its `beam_size` best finished ones: a log-probability
only falls, so dividing it by the largest length penalty still possible bounds every later score.

With a beam of 1 this is greedy search, and with a beam as wide as the tree it is full enumeration.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.decoding.steps import Hypothesis, StateT, StepModel, forbid, length_penalty
from seq2seq.text.vocab import BOS_ID, EOS_ID, PAD_ID, UNK_ID


@torch.no_grad()
def beam_search(
    model: StepModel[StateT],
    state: StateT,
    max_lengths: Tensor,
    *,
    beam_size: int,
    alpha: float = 0.0,
    never: Sequence[int] = (PAD_ID, UNK_ID, BOS_ID),
) -> list[list[Hypothesis]]:
    """The best hypotheses of each row, best first, at most `beam_size` and at least one.

    Args:
        model: gives the next token's distribution.
        state: its state before bos, one row for each sentence.
        max_lengths: the most tokens of each hypothesis, eos not counted, ``(batch_size,)``.
        beam_size: hypotheses that live on at each step.
        alpha: length penalty, see `length_penalty`.
        never: ids that never come out.
    """
    device = max_lengths.device
    count = len(max_lengths)
    finished: list[list[Hypothesis]] = [[] for _ in range(count)]
    # The live hypotheses of all sentences are the rows of one batch, sentence by sentence.
    sentences = torch.arange(count, device=device)
    totals = torch.zeros(count, dtype=torch.float64, device=device)
    histories = torch.empty((count, 0), dtype=torch.long, device=device)
    tokens = torch.full((count,), BOS_ID, device=device)
    length = 0
    while len(sentences):
        log_probs, state = model.step(tokens, state)
        left = max_lengths[sentences] - length
        log_probs = forbid(log_probs, left, EOS_ID, tuple(never))
        origins, tokens, totals = best_continuations(log_probs, totals, sentences, beam_size)
        sentences = sentences[origins]
        histories = histories[origins]
        length += 1
        for row in (tokens == EOS_ID).nonzero().squeeze(1).tolist():
            total = float(totals[row])
            score = total / length_penalty(length, alpha)
            ended = Hypothesis(histories[row].tolist(), total, score)
            finished[int(sentences[row])].append(ended)
        bounds = totals / ((6 + max_lengths[sentences]) / 6) ** alpha
        open_ = torch.tensor(
            [
                bound > worst_kept(finished[sentence], beam_size)
                for sentence, bound in zip(sentences.tolist(), bounds.tolist(), strict=True)
            ],
            device=device,
            dtype=torch.bool,
        )
        kept = ((tokens != EOS_ID) & open_).nonzero().squeeze(1)
        sentences, tokens, totals = sentences[kept], tokens[kept], totals[kept]
        histories = torch.cat([histories[kept], tokens.unsqueeze(1)], dim=1)
        state = state.select(origins[kept])
    return [sorted(ended, key=lambda h: -h.score)[:beam_size] for ended in finished]


def worst_kept(finished: list[Hypothesis], beam_size: int) -> float:
    """The score that a new hypothesis must beat; -inf while there are fewer than `beam_size`."""
    if len(finished) < beam_size:
        return float("-inf")
    return sorted((hypothesis.score for hypothesis in finished), reverse=True)[beam_size - 1]


def best_continuations(
    log_probs: Tensor, totals: Tensor, sentences: Tensor, beam_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best `beam_size` continuations of each sentence.

    Args:
        log_probs: of each live hypothesis' next token, ``(rows, vocab_size)``.
        totals: the log-probability of each live hypothesis so far, in float64, ``(rows,)``.
        sentences: which sentence a row is of, ascending, ``(rows,)``.
        beam_size: how many to take; those at -inf are impossible, and left out.

    Returns:
        The row that each continuation comes from, its token and its log-probability, each
        ``(new_rows,)``, sentence by sentence and best first.
    """
    width = min(beam_size, log_probs.shape[1])
    # No sentence can take more than its beam from one row, so few candidates have to be compared.
    values, candidates = log_probs.topk(width, dim=1)
    values = totals.unsqueeze(1) + values.double()
    _, index, sizes = torch.unique_consecutive(sentences, return_inverse=True, return_counts=True)
    starts = sizes.cumsum(0) - sizes
    within = torch.arange(len(sentences), device=values.device) - starts[index]
    table = values.new_full((len(sizes), int(sizes.max()), width), float("-inf"))
    table[index, within] = values
    # A stable order: between equal scores, the table's width, that is the rest of the batch, would
    # decide in topk.
    best, places = table.flatten(1).sort(dim=1, descending=True, stable=True)
    best, places = best[:, :beam_size], places[:, :beam_size]
    origins = starts.unsqueeze(1) + places // width
    possible = best > float("-inf")
    origins, best, places = origins[possible], best[possible], places[possible]
    return origins, candidates[origins, places % width], best
