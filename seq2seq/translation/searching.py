"""Texts -> their translations, with whatever computes."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq.config.arguments import check_count
from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.translation.engine import Engine, source_ids, tokenize_sources
from seq2seq.translation.results import EMPTY_TRANSLATION, Translation, make_translations
from seq2seq.translation.streaming import align_prefixes
from seq2seq.translation.terms import ModelTerms, search_phrases


def search_texts(
    engine: Engine,
    sides: tuple[TextPipeline, TextPipeline],
    texts: list[str],
    settings: DecodingSettings,
    *,
    first: int = 1,
    n: int = 1,
    prefixes: str | Sequence[str] | None = None,
    attention: bool = False,
    terms: ModelTerms | None = None,
) -> list[list[Translation]]:
    """Returns all that the search kept for each text, best first; at least one translation.

    Args:
        engine: what computes.
        sides: of the source, as the first model reads it, and of the target.
        texts: sentences.
        settings: checked already.
        first: the number of the first of the texts, for warnings.
        n: how many translations are wanted.
        prefixes: what they begin with, see `Translator.translate`.
        attention: whether each is to have its attention.
        terms: how certain words are to be translated.
    """
    check_count(n, "n", 1, "candidate", most=1000)  # the beam is as wide
    begun = None if prefixes is None else align_prefixes(prefixes, texts)
    sources = tokenize_sources(engine.sources, texts, first, settings.max_source_length)
    full = [index for index, tokens in enumerate(sources[0]) if tokens]
    target = sides[1]
    starts = target.tokenizer.tokenize_all(begun) if begun else [[]] * len(texts)
    found = search_phrases(
        engine,
        source_ids(engine.sources, sources, full),
        settings,
        [terms.phrases(texts[index]) if terms else None for index in full],
        n=n,
        prefixes=[target.vocab.ids(starts[index]) for index in full],
        attention=attention,
    )
    results = [[EMPTY_TRANSLATION._replace(tokens=[], source_tokens=[])] for _ in texts]
    for index, hypotheses in zip(full, found, strict=True):
        source, prefix = sources[0][index], starts[index]
        results[index] = make_translations(
            hypotheses, sides, source, prefix, settings, attention=attention
        )
    return results
