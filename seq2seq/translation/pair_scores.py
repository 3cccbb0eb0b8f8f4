"""How well the sides of a pair belong together, by trained models: a filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.data.filters.base import PairFilter
from seq2seq.data.pairs import Pair

if TYPE_CHECKING:
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.translation.translator import Translator


class LowScore(PairFilter):
    """Drops pairs with a low score of dual conditional cross-entropy (Junczys-Dowmunt 2018).

    H(y|x) is the cross-entropy of the target given the source in nats per token, eos among them,
    and H(x|y) that of the reverse model. The score is

        exp(-(|H(y|x) - H(x|y)| + (H(y|x) + H(x|y)) / 2))
        × min(1, exp(H_general(y) - H_domain(y)))

    With a model of one direction only, the first line is exp(-H) of that one.

    Args:
        least: what a score must be at least, 0 to 1.
        forward: translates the source side.
        backward: translates the target side.
        domain: a language model of target text as it is wanted.
        general: one of target text of any kind.
    """

    def __init__(
        self,
        least: float,
        forward: Translator | None = None,
        backward: Translator | None = None,
        domain: LanguageModel | None = None,
        general: LanguageModel | None = None,
    ) -> None:
        self.least = least
        self.forward, self.backward = forward, backward
        self.domain, self.general = domain, general
        self.reason = f"for a score below {least:g}"

    def drops(self, pair: Pair) -> bool:
        """Whether a pair has a lower score."""
        return self.drops_each([pair])[0]

    def drops_each(self, pairs: Sequence[Pair]) -> list[bool]:
        """Whether pairs have lower scores."""
        return [score < self.least for score in self.scores(pairs)]

    def scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Returns the score of each pair, from 0 to 1."""
        sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
        scores = [1.0] * len(pairs)
        given = [
            translation_entropies(model, one, other)
            for model, one, other in (
                (self.forward, sources, targets),
                (self.backward, targets, sources),
            )
            if model is not None
        ]
        if given:
            scores = [
                math.exp(-(max(values) - min(values) + sum(values) / len(values)))
                for values in zip(*given, strict=True)
            ]
        if self.domain is not None and self.general is not None:
            for index, excess in enumerate(domain_excess(self.domain, self.general, targets)):
                scores[index] *= math.exp(min(0.0, excess))
        return scores


def translation_entropies(
    model: Translator, sources: Sequence[str], targets: Sequence[str]
) -> list[float]:
    """Returns the cross-entropy of each target given its source, in nats per token."""
    return [-score.per_token for score in model.score(list(sources), list(targets))]


def domain_excess(
    domain: LanguageModel, general: LanguageModel, texts: Sequence[str]
) -> list[float]:
    """Returns H_general - H_domain of each text: how much better the domain's model knows it.

    In nats per token of the domain's model, for both, since the other may have other tokens.
    """
    texts = list(texts)
    return [
        (wanted.log_probability - any_kind.log_probability) / max(1, len(wanted.tokens))
        for wanted, any_kind in zip(domain.score(texts), general.score(texts), strict=True)
    ]
