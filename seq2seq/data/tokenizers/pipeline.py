"""A tokenizer and its vocabulary together: text -> ids, and ids -> text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.config.data import DataSettings
from seq2seq.data.tokenizers.base import SentencePieceTokenizer, Tokenizer, build_tokenizer
from seq2seq.data.vocabulary import Vocab


class TextPipeline(NamedTuple):
    """One language side of a model."""

    tokenizer: Tokenizer
    vocab: Vocab

    def encode(self, texts: Sequence[str], *, sample: bool = False) -> list[list[int]]:
        """Ids of each text, without bos and eos; `sample` draws a random segmentation."""
        return [
            self.vocab.ids(tokens) for tokens in self.tokenizer.tokenize_all(texts, sample=sample)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids."""
        return self.tokenizer.detokenize(self.vocab.tokens(list(ids)))


def build_pipelines(
    sources: Sequence[str], targets: Sequence[str], settings: DataSettings
) -> tuple[TextPipeline, TextPipeline]:
    """Tokenizers and vocabularies for both sides, from training text alone."""
    source_kind, target_kind = settings.tokenizers
    size = settings.vocab_size
    if settings.joint:
        shared = build_pipeline([*sources, *targets], settings, source_kind, size)
        return shared, shared
    return (
        build_pipeline(sources, settings, source_kind, size),
        build_pipeline(targets, settings, target_kind, settings.target_vocab_size or size),
    )


def build_pipeline(
    texts: Sequence[str], settings: DataSettings, kind: str, vocab_size: int
) -> TextPipeline:
    """A tokenizer of a kind, and a vocabulary of a size, for these texts."""
    tokenizer = build_tokenizer(kind, texts, vocab_size=vocab_size, lowercase=settings.lowercase)
    if isinstance(tokenizer, SentencePieceTokenizer) and settings.subword_sampling:
        tokenizer.alpha = settings.subword_sampling
    vocab = Vocab.build(
        tokenizer.tokenize_all(texts),
        min_frequency=1 if tokenizer.pieces else settings.min_frequency,
        max_size=None if tokenizer.pieces else vocab_size,
        pieces=tokenizer.pieces,
    )
    return TextPipeline(tokenizer, vocab)
