"""Metrics that sacreBLEU has not: numbers of each sentence, summed, and a score of the sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Signature


class SentenceScore(NamedTuple):
    """A score under the names that sacreBLEU's tests read.

    Attributes:
        name: of the metric.
        score: of the whole text.
    """

    name: str
    score: float


class SentenceMetric:
    """A metric whose score is computed from numbers that are summed over the sentences of a text.

    It has all that `evaluate` and `compare` use of one of sacreBLEU's metrics: sacreBLEU's paired
    tests draw sentences, sum their numbers and score the sums.

    Args:
        name: what it is called in scores.
        statistics: a translation and its references, one or more -> numbers, always as many.
        score: the sums of these numbers over all sentences -> the score.
        lowercase: whether both are lower-cased before `statistics` sees them.
    """

    def __init__(
        self,
        name: str,
        statistics: Callable[[str, Sequence[str]], Sequence[float]],
        score: Callable[[Sequence[float]], float],
        *,
        lowercase: bool = False,
    ) -> None:
        self.name = name
        self.statistics = statistics
        self.score = score
        self.lowercase = lowercase
        self.references = 0

    def corpus_score(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str | None]]
    ) -> SentenceScore:
        """Scores a text; references are as `reference_streams` returns them."""
        return self._aggregate_and_compute(self._extract_corpus_statistics(hypotheses, references))

    def get_signature(self) -> Signature:
        """Returns the signature of the text that was scored last, in sacreBLEU's form."""
        from sacrebleu.metrics.base import Signature

        signature = Signature({"num_refs": self.references})
        signature.update("case", "lc" if self.lowercase else "mixed")
        return signature

    # sacreBLEU's paired tests call these three, by these names.

    def _extract_corpus_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str | None]]
    ) -> list[list[float]]:
        """Returns the numbers of each sentence."""
        entries = [
            [self._in_case(text) for text in entry if text is not None]
            for entry in zip(*references, strict=True)
        ]
        counts = {len(entry) for entry in entries}
        self.references = counts.pop() if len(counts) == 1 else -1  # sacreBLEU's word for "var"
        return [
            list(map(float, self.statistics(self._in_case(hypothesis), entry)))
            for hypothesis, entry in zip(hypotheses, entries, strict=True)
        ]

    def _aggregate_and_compute(self, statistics: Sequence[Sequence[float]]) -> SentenceScore:
        """Scores the sum of the numbers of all sentences."""
        return self._compute_score_from_stats(
            [sum(column) for column in zip(*statistics, strict=True)]
        )

    def _compute_score_from_stats(self, sums: Sequence[float]) -> SentenceScore:
        """Scores numbers that are summed already."""
        return SentenceScore(self.name, float(self.score(sums)))

    def _in_case(self, text: str) -> str:
        """Returns the text as it is compared."""
        return text.lower() if self.lowercase else text
