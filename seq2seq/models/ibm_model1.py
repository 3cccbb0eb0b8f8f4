"""IBM model 1: how probable each target token is as the translation of a source token.

Every target token of a sentence comes from one of its source tokens, and all places are equally
probable (Brown et al. 1993, section 4.1). Expectation maximization finds t(target | source), from
co-occurrence alone. eos of the source stands for the empty word, which the tokens come from that no
source token explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.data.batching import pad, pad_sources
from seq2seq.data.vocabulary import PAD_ID

LINKS_AT_ONCE = 1 << 20
"""How many links, a source and a target token of one pair, are held in memory."""
MAX_LINKS = 100_000_000
"""From a larger text, evenly many pairs are left out: counting must not take minutes."""
MAX_ENTRIES = 4_000_000
"""How many different links are told apart; of more, those with the smallest counts are dropped
(lossy counting, Manku & Motwani 2002)."""
TINY = 1e-30


class TranslationTable(NamedTuple):
    """Different links of source and target tokens, ascending by source, then by target.

    Attributes:
        keys: source id times the size of the target vocabulary plus target id, ``(entries,)``.
        probabilities: t(target | source), float64 ``(entries,)``.
        target_size: of the target vocabulary.
    """

    keys: Tensor
    probabilities: Tensor
    target_size: int

    @property
    def sources(self) -> Tensor:
        """The source id of each entry, ``(entries,)``."""
        return self.keys.div(self.target_size, rounding_mode="floor")

    @property
    def targets(self) -> Tensor:
        """The target id of each entry, ``(entries,)``."""
        return self.keys.remainder(self.target_size)

    def normalized(self) -> TranslationTable:
        """The same with probabilities that sum to 1 for each source token."""
        sources = self.sources
        size = int(sources[-1]) + 1 if len(sources) else 0
        totals = sums(sources, self.probabilities, size)
        return self._replace(probabilities=self.probabilities / totals[sources])


def estimate(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    target_size: int,
    iterations: int,
) -> TranslationTable:
    """Estimates model 1 on sentence pairs, given as ids without bos and eos.

    Memory is bounded by `MAX_ENTRIES`, time by `MAX_LINKS`.

    Args:
        sources: the source side.
        targets: the target side, line-aligned.
        target_size: of the target vocabulary.
        iterations: of expectation maximization, from equal probabilities.
    """
    chosen = choose_pairs(sources, targets)
    table = count_links(sources, targets, chosen, target_size)
    for _ in range(iterations - 1):
        counts = torch.zeros_like(table.probabilities)
        for links, real in link_blocks(sources, targets, chosen, target_size):
            # Each once and ascending, they are found much sooner.
            keys, places = torch.unique(links, return_inverse=True)
            entries = torch.searchsorted(table.keys, keys).clamp(max=len(table.keys) - 1)
            known = table.probabilities[entries].where(table.keys[entries] == keys, 0.0)
            found = known[places].where(real, 0.0)
            expected = found / found.sum(dim=1, keepdim=True).clamp(min=TINY)
            counts.index_add_(0, entries, sums(places.flatten(), expected.flatten(), len(keys)))
        table = table._replace(probabilities=counts).normalized()
    return table


def choose_pairs(sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[int]:
    """The pairs that are counted, evenly many of each part of the text, sorted by lengths."""
    sizes = [
        (len(source) + 1) * len(target) for source, target in zip(sources, targets, strict=True)
    ]
    every = -(-sum(sizes) // MAX_LINKS)
    chosen = range(0, len(sizes), max(every, 1))
    return sorted(chosen, key=lambda index: (len(sources[index]), len(targets[index])))


def count_links(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    chosen: Sequence[int],
    target_size: int,
) -> TranslationTable:
    """The table after the first iteration: each link counts 1 / (source tokens of its pair)."""
    parts = [(torch.empty(0).long(), torch.empty(0).double())]
    for links, real in link_blocks(sources, targets, chosen, target_size):
        shares = real / real.sum(dim=1, keepdim=True).clamp(min=1).double()
        parts.append(add_up(links.flatten(), shares.flatten()))
        if sum(len(keys) for keys, _ in parts) > MAX_ENTRIES:
            parts = [most_frequent(*merge(parts), MAX_ENTRIES // 2)]
    return TranslationTable(*merge(parts), target_size).normalized()


def add_up(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Different keys, ascending, and the sum of each one's values; those above 0."""
    different, places = torch.unique(keys, return_inverse=True)
    totals = sums(places, values, len(different))
    return different[totals > 0], totals[totals > 0]


def sums(places: Tensor, values: Tensor, size: int) -> Tensor:
    """The sum of the values of each place below `size`, ``(size,)``."""
    return torch.zeros(size, dtype=values.dtype).index_add_(0, places, values)


def merge(parts: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Adds up several lists of keys and values."""
    keys, values = (torch.cat(each) for each in zip(*parts, strict=True))
    return add_up(keys, values)


def most_frequent(keys: Tensor, counts: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The keys with the largest counts, in their order, and these."""
    kept = counts.topk(min(most, len(counts))).indices.sort().values
    return keys[kept], counts[kept]


def link_blocks(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    chosen: Sequence[int],
    target_size: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields the links of some pairs at a time.

    Keys, see `TranslationTable`, and which of them are of no pads, each ``(pairs, source_length,
    target_length)``.
    """
    first = 0
    while first < len(chosen):
        # Pairs come sorted by source length, so that the last of a block has the longest source.
        last = first + 1
        longest = len(targets[chosen[first]])
        while last < len(chosen):
            longest = max(longest, len(targets[chosen[last]]))
            links = (last + 1 - first) * (len(sources[chosen[last]]) + 1) * longest
            if links > LINKS_AT_ONCE:
                break
            last += 1
        block = chosen[first:last]
        source = pad_sources([sources[index] for index in block])[0].unsqueeze(2)
        target = pad([targets[index] for index in block])[0].unsqueeze(1)
        yield source * target_size + target, (source != PAD_ID) & (target != PAD_ID)
        first = last
