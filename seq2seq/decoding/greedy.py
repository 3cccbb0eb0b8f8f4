"""Greedy search: the most probable token at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.decoding.steps import Hypothesis, StateT, StepModel, forbid, length_penalty
from seq2seq.text.vocab import BOS_ID, EOS_ID, PAD_ID, UNK_ID


@torch.no_grad()
def greedy_search(
    model: StepModel[StateT],
    state: StateT,
    max_lengths: Tensor,
    *,
    alpha: float = 0.0,
    never: Sequence[int] = (PAD_ID, UNK_ID, BOS_ID),
) -> list[Hypothesis]:
    """One hypothesis for each row; a row that has ended leaves the batch.

    Args:
        model: gives the next token's distribution.
        state: its state before bos.
        max_lengths: the most tokens of each hypothesis, eos not counted, ``(batch_size,)``.
        alpha: length penalty, for the score only: there is nothing to rank.
        never: ids that never come out.
    """
    device = max_lengths.device
    count = len(max_lengths)
    found: list[list[int]] = [[] for _ in range(count)]
    totals = torch.zeros(count, dtype=torch.float64, device=device)
    rows = torch.arange(count, device=device)
    tokens = torch.full((count,), BOS_ID, device=device)
    length = 0
    while len(rows):
        log_probs, state = model.step(tokens, state)
        log_probs = forbid(log_probs, max_lengths[rows] - length, EOS_ID, tuple(never))
        best, tokens = log_probs.max(dim=-1)
        totals[rows] += best.double()
        live = tokens != EOS_ID
        for row, token in zip(rows[live].tolist(), tokens[live].tolist(), strict=True):
            found[row].append(token)
        length += 1
        if not bool(live.all()):
            kept = live.nonzero().squeeze(1)
            rows, tokens, state = rows[kept], tokens[kept], state.select(kept)
    return [
        Hypothesis(ids, total, total / length_penalty(len(ids) + 1, alpha))
        for ids, total in zip(found, totals.tolist(), strict=True)
    ]
