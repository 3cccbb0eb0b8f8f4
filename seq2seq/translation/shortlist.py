"""Training pairs -> a shortlist: which target tokens may follow from which source tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.config.decoding import MAX_SHORTLIST
from seq2seq.data.vocabulary import PAD_ID, SPECIAL_TOKENS
from seq2seq.decoding.hypothesis import Ids
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.models.ibm_model1 import TranslationTable, estimate

FREQUENT = 100
"""So many of the most frequent target tokens are on every list."""


def count_shortlist(
    sources: Sequence[Ids],
    targets: Sequence[Ids],
    sizes: tuple[int, int],
    always: Sequence[int] = (),
) -> Shortlist:
    """Makes a shortlist from sentence pairs, by IBM model 1.

    Two iterations of expectation maximization found as many of the reference's tokens as more.

    Args:
        sources: ids of each sentence, without bos and eos.
        targets: the same of the target side, line-aligned.
        sizes: of the source and the target vocabulary.
        always: target tokens that every sentence may have, beside the most frequent ones.
    """
    counts = torch.zeros(sizes[1], dtype=torch.long)
    for first in range(0, len(targets), 10_000):
        rows = targets[first : first + 10_000]
        ids = torch.tensor([token for row in rows for token in row], dtype=torch.long)
        counts += ids.bincount(minlength=sizes[1])
    frequent = counts.argsort(descending=True, stable=True)[:FREQUENT]
    fixed = torch.tensor([*range(len(SPECIAL_TOKENS)), *always])
    common = torch.unique(torch.cat([fixed, frequent]))
    table = estimate(sources, targets, sizes[1], iterations=2)
    return Shortlist(best_translations(table, sizes[0], common), common.int())


def best_translations(table: TranslationTable, source_size: int, left_out: Tensor) -> Tensor:
    """The most probable target tokens of each source token, as in `Shortlist.best`.

    Args:
        table: what may follow from what.
        source_size: of the source vocabulary.
        left_out: target tokens that are not listed.
    """
    kept = ~torch.isin(table.targets, left_out)
    sources, targets = table.sources[kept], table.targets[kept]
    order = table.probabilities[kept].argsort(descending=True, stable=True)
    order = order[sources[order].argsort(stable=True)]
    sources, targets = sources[order], targets[order]
    counts = sources.bincount(minlength=source_size)
    ranks = torch.arange(len(sources)) - (counts.cumsum(0) - counts)[sources]
    listed = ranks < MAX_SHORTLIST
    width = min(int(counts.max()), MAX_SHORTLIST)
    best = torch.full((source_size, width), PAD_ID, dtype=torch.int32)
    best[sources[listed], ranks[listed]] = targets[listed].int()
    return best
