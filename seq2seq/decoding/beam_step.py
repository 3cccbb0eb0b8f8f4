"""Which continuations of a beam's hypotheses live on: the best, or those of groups that differ."""

from __future__ import annotations

import torch
from torch import Tensor


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

    Arguments and result are as in `best_continuations`. Each group is a beam, whose number is that
    of its sentence times `groups`, plus its own. Penalties are no part of the result.
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
