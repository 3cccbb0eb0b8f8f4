"""Weights for a log-linear choice among candidates, found on validation text (Och 2003).

A candidate's score is the weighted sum of its features: log-probabilities of several models, and
its length. The weights that give the best BLEU are searched one at a time. BLEU changes only where
another candidate becomes the best one, so it is enough to try one value between every two
neighbouring values at which that happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.errors import DataError
from seq2seq.evaluation.metrics import References, bleu_metric, reference_lists

ROUNDS = 20
"""How many passes over all weights, at most."""

VALUES = 400
"""How many values of a weight are tried at a time, at most; evenly chosen among all."""


class Table(NamedTuple):
    """Candidates with all that choosing needs.

    Attributes:
        features: ``(sentences, candidates, features)``, float64; -inf in the first feature of a
            place that has no candidate.
        statistics: of each candidate against its references, ``(sentences, candidates, 10)``: right
            and all n-grams of four lengths, its words and those of the nearest reference.
    """

    features: Tensor
    statistics: Tensor

    def bleu(self, weights: Tensor) -> float:
        """Returns BLEU, 0 to 100, of the candidates that weights ``(features,)`` choose."""
        from sacrebleu.metrics import BLEU

        chosen = choose(self.features, weights)
        total = self.statistics[torch.arange(len(chosen)), chosen].sum(dim=0).long().tolist()
        found = BLEU.compute_bleu(total[:4], total[4:8], *total[8:], smooth_method="exp")
        return float(found.score)


def choose(features: Tensor, weights: Tensor) -> Tensor:
    """Returns the best candidate of each sentence, the first of equal ones: ``(sentences,)``."""
    there, features = without_gaps(features)
    return (features @ weights).masked_fill(~there, float("-inf")).argmax(dim=1)


def without_gaps(features: Tensor) -> tuple[Tensor, Tensor]:
    """Returns which places have a candidate, and features that are 0 where there is none."""
    there = features[..., 0] > float("-inf")
    return there, features.masked_fill(~there.unsqueeze(-1), 0.0)


def make_table(
    candidates: Sequence[Sequence[str]],
    features: Tensor,
    references: References,
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> Table:
    """Returns the features of each sentence's candidates, and the statistics of BLEU for each.

    Raises:
        DataError: the numbers of sentences and references differ, or a sentence has no candidate or
            no reference.
        SettingsError: the tokenization is unknown or not to be had here.
    """
    if not all(candidates):
        raise DataError("a sentence has no candidate: there is nothing to choose from")
    metric = bleu_metric(tokenize, lowercase, effective_order=True)
    rows = reference_lists(references)
    if len(rows) != len(candidates):
        raise DataError(f"{len(candidates):,} sentences, but {len(rows):,} references")
    statistics = torch.zeros(*features.shape[:2], 10, dtype=torch.float64)
    for sentence, (texts, given) in enumerate(zip(candidates, rows, strict=True)):
        for place, text in enumerate(texts):
            score = metric.sentence_score(text, given)
            numbers = [*score.counts, *score.totals, score.sys_len, score.ref_len]
            statistics[sentence, place] = torch.tensor(numbers, dtype=torch.float64)
    return Table(features, statistics)


def tune(table: Table, start: Sequence[float]) -> tuple[list[float], float]:
    """Searches the best weights by coordinate ascent; returns them and their BLEU.

    The first weight stays as it is in `start`: only the weights' ratios choose.
    """
    weights = torch.tensor(start, dtype=torch.float64)
    best = table.bleu(weights)
    for _ in range(ROUNDS):
        before = best
        for index in range(1, len(weights)):
            for value in turning_points(table.features, weights, index):
                tried = weights.clone()
                tried[index] = value
                score = table.bleu(tried)
                if score > best:
                    best, weights = score, tried
        if best == before:
            break
    return weights.tolist(), best


def turning_points(features: Tensor, weights: Tensor, index: int) -> list[float]:
    """Values of one weight, one between every two at which the choice may change for a sentence.

    Each candidate's score is a straight line over the weight; two lines cross once at most.
    """
    there, features = without_gaps(features)
    slopes = features[..., index]
    rest = weights.clone()
    rest[index] = 0.0
    offsets = features @ rest
    rise = slopes.unsqueeze(1) - slopes.unsqueeze(2)
    gap = offsets.unsqueeze(2) - offsets.unsqueeze(1)
    both = there.unsqueeze(1) & there.unsqueeze(2) & (rise != 0)
    crossings = torch.unique(gap[both] / rise[both])
    if not len(crossings):
        return []
    edges = torch.cat([crossings[:1] - 1, crossings, crossings[-1:] + 1])
    middles = (edges[1:] + edges[:-1]) / 2
    if len(middles) > VALUES:
        middles = middles[torch.linspace(0, len(middles) - 1, VALUES).round().long()]
    values: list[float] = middles.tolist()
    return values
