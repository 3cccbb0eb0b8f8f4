"""Corpora that are learned from in fixed shares: which pairs each epoch has.

An epoch has as many pairs as all corpora have together. After any number of epochs each corpus has
given its share of all pairs, to the nearest pair: a small one is gone through again and again, each
time in another order, and a large one goes on where the last epoch stopped. What an epoch has
follows from its number and the seed alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise

import torch

from seq2seq.data.batching import shuffled


@dataclass(frozen=True)
class Mix:
    """Shares of corpora that stand one after the other in a text.

    Attributes:
        names: of the corpora.
        sizes: in pairs, all above 0.
        shares: of the pairs that are drawn; their sum is 1.
    """

    names: Sequence[str]
    sizes: Sequence[int]
    shares: Sequence[float]

    @property
    def ends(self) -> list[int]:
        """Where each corpus ends in the text."""
        return [*accumulate(self.sizes)]

    def drawn(self, epochs: int) -> list[int]:
        """How many pairs of each corpus the first epochs have."""
        pairs = epochs * sum(self.sizes)
        return [math.floor(pairs * share + 0.5) for share in self.shares]

    def draw(self, epoch: int, seed: int) -> list[int]:
        """The positions in the text of an epoch's pairs, in their order there.

        Args:
            epoch: its number, from 0.
            seed: of the training.
        """
        before, after = self.drawn(epoch), self.drawn(epoch + 1)
        starts = [0, *self.ends]
        parts = [
            [starts[number] + place for place in self.draw_from(number, first, last, seed)]
            for number, (first, last) in enumerate(zip(before, after, strict=True))
        ]
        return sorted(chain.from_iterable(parts))

    def draw_from(self, number: int, first: int, last: int, seed: int) -> list[int]:
        """The pairs from number `first` to `last` of those that a corpus gives without end.

        It is gone through again and again; each time, its order is drawn anew.
        """
        size, places = self.sizes[number], []
        for time in range(first // size, -(-last // size)):
            generator = torch.Generator().manual_seed((seed * 1_000_003 + time) * 1_009 + number)
            order = shuffled(size, generator)
            places += order[max(first - time * size, 0) : last - time * size]
        return places

    def count(self, positions: Sequence[int]) -> list[int]:
        """How many of some positions are in each corpus."""
        ordered = sorted(positions)
        bounds = [bisect_left(ordered, end) for end in (0, *self.ends)]
        return [last - first for first, last in pairwise(bounds)]

    def keep(self, positions: Sequence[int]) -> Mix:
        """The same shares of a text that has only the pairs at these positions."""
        return replace(self, sizes=self.count(positions))


def shares_of(weights: Sequence[float]) -> list[float]:
    """Weights as shares of 1."""
    whole = sum(weights)
    return [weight / whole for weight in weights]
