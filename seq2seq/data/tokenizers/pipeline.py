"""A tokenizer and its vocabulary together: text -> ids, and ids -> text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.config.data import DataSettings
from seq2seq.data.tokenizers.base import Tokenizer, build_tokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.data.vocabulary import Vocab


class TextPipeline(NamedTuple):
    """One language side of a model."""

    tokenizer: Tokenizer
    vocab: Vocab

    def encode(self, texts: Sequence[str], *, sample: bool = False) -> list[list[int]]:
        """Returns the ids of each text, without bos and eos; `sample` draws the segmentation."""
        return [
            self.vocab.ids(tokens) for tokens in self.tokenizer.tokenize_all(texts, sample=sample)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of some ids."""
        return self.tokenizer.detokenize(self.vocab.tokens(list(ids)))


class EncodedText(NamedTuple):
    """Some texts as ids, and the pipeline that made them: ``ids == pipeline.encode(texts)``.

    A vocabulary is built from the tokens of all training text, so that text need not be tokenized
    again to be trained on.
    """

    pipeline: TextPipeline
    ids: list[list[int]]


def encode_text(pipeline: TextPipeline, texts: Sequence[str]) -> EncodedText:
    """Returns some texts with the ids that a pipeline gives them."""
    return EncodedText(pipeline, pipeline.encode(texts))


def build_pipelines(
    sources: Sequence[str], targets: Sequence[str], settings: DataSettings
) -> tuple[EncodedText, EncodedText]:
    """Learns tokenizers and vocabularies of both sides from training text; returns its ids, too."""
    source_kind, target_kind = settings.tokenizers
    size = settings.vocab_size
    if settings.joint:
        pipeline, ids = build_pipeline([*sources, *targets], settings, source_kind, size)
        count = len(sources)
        return EncodedText(pipeline, ids[:count]), EncodedText(pipeline, ids[count:])
    return (
        build_pipeline(sources, settings, source_kind, size),
        build_pipeline(targets, settings, target_kind, settings.target_vocab_size or size),
    )


def build_pipeline(
    texts: Sequence[str], settings: DataSettings, kind: str, vocab_size: int
) -> EncodedText:
    """Learns a tokenizer of a kind and a vocabulary from texts; returns their ids, too."""
    tokenizer = build_tokenizer(kind, texts, vocab_size=vocab_size, lowercase=settings.lowercase)
    if isinstance(tokenizer, SentencePieceTokenizer) and settings.subword_sampling:
        tokenizer.alpha = settings.subword_sampling
    tokens = tokenizer.tokenize_all(texts)
    vocab = Vocab.build(
        tokens,
        min_frequency=1 if tokenizer.pieces else settings.min_frequency,
        max_size=None if tokenizer.pieces else vocab_size,
        pieces=tokenizer.pieces,
    )
    return EncodedText(TextPipeline(tokenizer, vocab), [vocab.ids(each) for each in tokens])
