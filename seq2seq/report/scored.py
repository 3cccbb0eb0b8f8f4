"""A test text, translated and scored: as a whole, by length, and sentence by sentence."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.evaluation.breakdown import Breakdown, breakdown
from seq2seq.evaluation.metrics import (
    EmptyReferenceWarning,
    Score,
    chrf_metric,
    corpus_score,
    evaluate,
    reference_lists,
)
from seq2seq.translation.results import Translation
from seq2seq.translation.translator import Translator

MAX_DRAWN = 30
"""Attention of sentences with more tokens, on either side, is not shown: nobody would read it."""


class ScoredSentence(NamedTuple):
    """A sentence, its translation, and how good that is.

    Attributes:
        number: of the line, from 1.
        source: the sentence.
        references: what people wrote, at least one.
        hypothesis: the model's translation.
        chrf: sentence chrF, 0 to 100.
    """

    number: int
    source: str
    references: Sequence[str]
    hypothesis: str
    chrf: float


class ScoredText(NamedTuple):
    """A test text with its scores.

    Attributes:
        scores: what `seq2seq.evaluation.metrics.evaluate` returns.
        breakdown: BLEU by length of the source, and by position.
        sentences: from the worst to the best; of equals, longer ones nearer to the ends.
        attention: translations with their attention: the worst, the middle and the best of those
            that are short enough to be drawn. Empty for a model without attention.
    """

    scores: dict[str, Score]
    breakdown: Breakdown
    sentences: list[ScoredSentence]
    attention: list[Translation]


def score_text(
    translator: Translator,
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    tokenize: str,
    lowercase: bool,
) -> ScoredText:
    """Translates a text and scores it; arguments and errors as for `evaluate` and `breakdown`."""
    hypotheses = translator.translate([*sources])
    scores = evaluate(hypotheses, references, tokenize=tokenize, lowercase=lowercase)
    with warnings.catch_warnings():  # an empty reference has been named once
        warnings.simplefilter("ignore", EmptyReferenceWarning)
        parts = breakdown(sources, hypotheses, references, tokenize=tokenize, lowercase=lowercase)
        lists = reference_lists(references)
    metric = chrf_metric(tokenize, lowercase)
    rows = zip(sources, lists, hypotheses, strict=True)
    sentences = [
        ScoredSentence(number, source, given, found, corpus_score(metric, [found], [given]).score)
        for number, (source, given, found) in enumerate(rows, start=1)
    ]
    middle = sorted(each.chrf for each in sentences)[len(sentences) // 2]
    sentences.sort(
        key=lambda each: (each.chrf, len(each.source) * (1 if each.chrf > middle else -1))
    )
    return ScoredText(scores, parts, sentences, attention_of_some(translator, sentences))


def attention_of_some(
    translator: Translator, sentences: Sequence[ScoredSentence]
) -> list[Translation]:
    """Translates the worst, the middle and the best sentence that can be drawn, with attention."""
    if translator.model.decoder.attention is None:
        return []
    texts = [each.source for each in sentences if each.source.strip()]
    lengths = [len(ids) for ids in translator.source.encode(texts)]
    short = [text for text, length in zip(texts, lengths, strict=True) if length <= MAX_DRAWN]
    if not short:
        return []
    chosen = list(dict.fromkeys((short[0], short[len(short) // 2], short[-1])))
    found = [each[0] for each in translator.candidates(chosen, n=1, attention=True)]
    return [each for each in found if each.attention and len(each.tokens) <= MAX_DRAWN]
