"""The probability of a given sentence: no search, each token is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seq2seq.data.batching import pad
from seq2seq.data.vocabulary import BOS_ID, EOS_ID
from seq2seq.decoding.hypothesis import Ids
from seq2seq.decoding.interface import State, StepFunction


@torch.no_grad()
def token_log_probabilities(
    step: StepFunction, state: State, targets: Sequence[Ids], device: torch.device
) -> list[list[float]]:
    """Returns the log-probability of each token of each target, and of eos after them.

    Their sum is the log-probability of a hypothesis with the same tokens. The state is that before
    bos, one row for each target.
    """
    rows = [[*ids, EOS_ID] for ids in targets]
    ids = pad(rows)[0].to(device)
    previous = torch.full((len(rows),), BOS_ID, device=device)
    steps = []
    for position in range(ids.shape[1]):
        log_probs, state = step(previous, state)
        previous = ids[:, position]
        # A row that has ended goes on with pads, which are cut off below.
        steps.append(log_probs.gather(1, previous.unsqueeze(1)).squeeze(1).double())
    values = torch.stack(steps, dim=1).tolist()
    return [found[: len(row)] for found, row in zip(values, rows, strict=True)]
