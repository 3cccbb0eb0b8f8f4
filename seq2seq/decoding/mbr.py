"""Minimum Bayes risk decoding: of many samples, the one most like all others.

Kumar & Byrne 2004; with samples for both the candidates and the expectation, as here: Eikema & Aziz
2020, section 5.2. It compares texts, so it needs a function from ids to text, and a utility.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from seq2seq.decoding.hypothesis import Hypothesis


class Utility(NamedTuple):
    """How alike two hypotheses are.

    Attributes:
        decode: ids without bos and eos -> text.
        score: of a text, where another one is the reference; the higher, the more alike.
    """

    decode: Callable[[list[int]], str]
    score: Callable[[str, str], float]


def minimum_bayes_risk(samples: Sequence[Hypothesis], utility: Utility) -> list[Hypothesis]:
    """Returns the different texts among a sentence's samples, the highest expected utility first.

    Each is its most probable sample, whose `score` is now the expected utility; between equal ones
    the more probable comes first. The expectation is over all samples (at least one), the text
    itself among them; a text that was drawn twice counts twice. Utilities are computed once for
    each pair of different texts.
    """
    best: dict[str, Hypothesis] = {}
    counts: dict[str, int] = {}
    for sample in samples:
        text = utility.decode(sample.tokens)
        counts[text] = counts.get(text, 0) + 1
        if text not in best or sample.log_probability > best[text].log_probability:
            best[text] = sample
    ranked = [
        best[text]._replace(
            score=sum(utility.score(text, other) * count for other, count in counts.items())
            / len(samples)
        )
        for text in best
    ]
    return sorted(ranked, key=lambda found: (-found.score, -found.log_probability))
