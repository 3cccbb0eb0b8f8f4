"""How alike two sentences are, for minimum Bayes risk decoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sacrebleu.metrics import BLEU, CHRF


def sentence_utility(name: Literal["chrf", "bleu"]) -> Callable[[str, str], float]:
    """Sentence-level chrF (Popović 2015) or BLEU (Papineni et al. 2002) of sacreBLEU.

    BLEU counts n-grams up to the length of the sentence (effective order), so that short sentences
    don't all score 0.

    Returns:
        A function of a sentence and the one that is its reference, from 0 to 100; for equal
        sentences it is 100, empty ones included.
    """
    metric = CHRF() if name == "chrf" else BLEU(effective_order=True)

    def utility(hypothesis: str, reference: str) -> float:
        if hypothesis == reference:
            return 100.0
        return float(metric.sentence_score(hypothesis, [reference]).score)

    return utility
