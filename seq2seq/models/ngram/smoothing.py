"""Counts -> probabilities: how n-gram models share out what the text leaves open.

A token that was not seen after a context is predicted by backing off to a shorter one, see
`seq2seq.models.ngram.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seq2seq.models.ngram.counts import Counts, Ints
from seq2seq.models.ngram.tables import NEVER_PREDICTED, Table

Floats: TypeAlias = "NDArray[np.float64]"

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
"""Discounts of n-grams seen once, twice, and more often, where the text is too small for others."""


def kneser_ney(levels: Sequence[Counts], vocab_size: int) -> list[Table]:
    """Smooths by interpolated modified Kneser-Ney (Chen & Goodman 1998).

    With a the adjusted count of an n-gram, and D its discount:

        p(w | context) = (a(context w) - D) / sum of a(context ·) + g(context) p(w | shorter)
        g(context) = sum of the discounts of context · / sum of a(context ·)

    The shortest context, the empty one, goes on with the uniform distribution over all tokens but
    pad and bos. So tokens that the text lacks have a probability, too.
    """
    probs = np.array([1 / (vocab_size - len(NEVER_PREDICTED))])
    tables: list[Table] = []
    for number, level in enumerate(levels):
        counts = adjusted_counts(level, levels[number + 1] if number + 1 < len(levels) else None)
        taken = np.array([0.0, *discounts(counts)])[np.minimum(counts, 3)]
        contexts = level.keys // vocab_size
        size = len(tables[-1].keys) if tables else 1
        totals = np.bincount(contexts, counts, size)
        left = np.bincount(contexts, taken, size)
        weights = np.divide(left, totals, out=np.ones(size), where=totals > 0)
        probs = (counts - taken) / totals[contexts] + weights[contexts] * probs[level.suffixes]
        add_table(tables, level, probs, weights)
    return tables


def adjusted_counts(level: Counts, longer: Counts | None) -> Ints:
    """Returns Kneser-Ney's counts (Kneser & Ney 1995; Heafield et al. 2013, section 3.2).

    The longest n-grams: how often they stand in the text. Shorter ones: how many different tokens
    stand before them, which `longer`, those with one token more, tell. But nothing stands before an
    n-gram that begins with bos: it keeps its count.
    """
    if longer is None:
        return level.counts
    before = np.bincount(longer.suffixes, minlength=len(level.keys))
    return np.where(level.from_start, level.counts, before)


def discounts(counts: Ints) -> tuple[float, float, float]:
    """Returns discounts of n-grams seen once, twice, more often (Chen & Goodman 1998, eq. 26).

    The formula needs n-grams that were seen once, twice and three times, and may leave the range
    that makes sense, above 0 and at most the count. KenLM's lmplz stops there unless it is told
    ``--discount_fallback``; here that is always on, with the same discounts. The counts are the
    adjusted ones of all n-grams of one length.
    """
    seen = np.bincount(np.minimum(counts, 5), minlength=6)
    if seen[1:4].all():
        share = seen[1] / (seen[1] + 2 * seen[2])
        one, two, more = (n - (n + 1) * share * seen[n + 1] / seen[n] for n in (1, 2, 3))
        # lmplz lets 0 pass, but a context may then have nothing left for what it never saw.
        if 0 < one <= 1 and 0 < two <= 2 and 0 < more <= 3:
            return float(one), float(two), float(more)
    return FALLBACK_DISCOUNTS


def add_k(levels: Sequence[Counts], vocab_size: int, k: float) -> list[Table]:
    """Smooths by adding k (Lidstone 1920; Jurafsky & Martin, chapter 3): no shorter contexts.

        p(w | context) = (c(context w) + k) / (c(context) + k V), with V tokens but pad and bos

    Written as a model that backs off: all tokens that were not seen after a context have the same
    probability, so it backs off to the uniform distribution. Shorter n-grams are uniform, too,
    except after contexts that begin with bos: those are as long as can be.
    """
    outcomes = vocab_size - len(NEVER_PREDICTED)
    tables: list[Table] = []
    for number, level in enumerate(levels):
        begin = levels[number - 1].from_start if number else np.array([False])
        counted = begin | (number + 1 == len(levels))  # the contexts that are as long as can be
        contexts = level.keys // vocab_size
        totals = np.bincount(contexts, level.counts, len(counted)) + k * outcomes
        weights = np.where(counted, k * outcomes / totals, 1.0)
        probs = np.where(counted[contexts], (level.counts + k) / totals[contexts], 1 / outcomes)
        add_table(tables, level, probs, weights)
    return tables


def add_table(tables: list[Table], level: Counts, probs: Floats, weights: Floats) -> None:
    """Adds the table of one length, and to the one before it the weights of its contexts.

    Probabilities are ``(ngrams,)``, weights ``(ngrams of the length before,)``.
    """
    if tables:
        tables[-1] = tables[-1]._replace(backoffs=logarithms(weights))
    else:
        probs = probs.copy()
        probs[NEVER_PREDICTED] = 0.0
    nothing = torch.zeros(len(probs))
    tables.append(Table(torch.from_numpy(level.keys), logarithms(probs).clamp(max=0.0), nothing))


def logarithms(values: Floats) -> Tensor:
    """Returns natural logarithms, float32; minus infinity of 0."""
    return torch.from_numpy(values).log().float()
