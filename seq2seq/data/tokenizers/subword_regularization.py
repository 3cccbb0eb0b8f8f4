"""Random segmentations of a word into the pieces of a SentencePiece model.

SentencePiece samples by itself, but from a generator that can't be relied on: a list of texts is
always drawn from the beginning of the same random numbers, and from version 0.2.3 these are
different ones in each process, whatever the seed. A run that is continued has to see what it would
have seen. Here, all randomness comes from a `random.Random`, the same everywhere.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from random import Random

CACHE_SIZE = 20_000  # a word takes about 3 kB
MAX_CACHED_LENGTH = 100
MAX_MERGED_LENGTH = 250
"""Characters that BPE merges together: it looks at all of them again for each merge."""


class UnigramSampler:
    """Draws a segmentation with a probability proportional to (product of its pieces')^alpha.

    Forward filtering, backward sampling over all segmentations: Kudo 2018, section 3.2.
    """

    def __init__(self, scores: Mapping[str, float], alpha: float) -> None:
        """Takes the log-probability of each piece; every character must be a piece."""
        self._scores = scores
        self.alpha = alpha
        self._longest = max(map(len, scores))
        self._cached = lru_cache(CACHE_SIZE)(self._filter)

    def draw(self, word: str, generator: Random) -> list[str]:
        """Returns the pieces of one segmentation of `word`, whose characters are all known."""
        filtered = self._cached if len(word) <= MAX_CACHED_LENGTH else self._filter
        lattice = filtered(word)
        pieces: list[str] = []
        end = len(word)
        while end:
            begins, cumulative = lattice[end]
            index = bisect_right(cumulative, generator.random() * cumulative[-1])
            # Rounding may land on the last bound itself.
            begin = begins[min(index, len(begins) - 1)]
            pieces.append(word[begin:end])
            end = begin
        return pieces[::-1]

    def _filter(self, word: str) -> list[tuple[list[int], list[float]]]:
        """Returns for each end where its last piece may begin, with cumulative weights."""
        lattice: list[tuple[list[int], list[float]]] = [([], [])]
        totals = [0.0]  # for each end, the log of the summed weight of all ways to get there
        for end in range(1, len(word) + 1):
            begins, logs = [], []
            for begin in range(max(0, end - self._longest), end):
                score = self._scores.get(word[begin:end])
                if score is not None:
                    begins.append(begin)
                    logs.append(totals[begin] + self.alpha * score)
            highest = max(logs)
            cumulative = list(accumulate(math.exp(log - highest) for log in logs))
            lattice.append((begins, cumulative))
            totals.append(highest + math.log(cumulative[-1]))
        return lattice


class BpeSampler:
    """BPE-dropout: leaves out each possible merge with a probability, at each step.

    Provilkov et al. 2020, arXiv:1910.13267, algorithm 1.
    """

    def __init__(self, scores: Mapping[str, float], alpha: float) -> None:
        """Takes each piece's score (higher if learned earlier) and the dropout rate of merges."""
        self._scores = scores
        self.alpha = alpha

    def draw(self, word: str, generator: Random) -> list[str]:
        """Returns the pieces of one segmentation of `word`.

        No piece goes over a multiple of `MAX_MERGED_LENGTH` characters: a line without spaces would
        take hours.
        """
        return [
            piece
            for begin in range(0, len(word), MAX_MERGED_LENGTH)
            for piece in self._merge(list(word[begin : begin + MAX_MERGED_LENGTH]), generator)
        ]

    def _merge(self, pieces: list[str], generator: Random) -> list[str]:
        get, random, alpha = self._scores.get, generator.random, self.alpha
        while True:
            best, where = -math.inf, -1
            for index in range(len(pieces) - 1):
                score = get(pieces[index] + pieces[index + 1])
                if score is not None and score > best and random() >= alpha:
                    best, where = score, index
            if where < 0:
                return pieces
            pieces[where : where + 2] = [pieces[where] + pieces[where + 1]]
