"""A tokenizer and its vocabulary together: text -> ids, and ids -> text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from seq2seq.config.arguments import check_several
from seq2seq.config.data import DataSettings
from seq2seq.data.tokenizers.base import Tokenizer, build_tokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, TooFewPiecesError
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import SettingsError

SIZE_FLAG = "--data.vocab-size"


class TextPipeline(NamedTuple):
    """One language side of a model."""

    tokenizer: Tokenizer
    vocab: Vocab

    def encode(self, texts: Sequence[str], *, sample: bool = False) -> list[list[int]]:
        """Returns the ids of each text, without bos and eos; `sample` draws the segmentation.

        Raises:
            DataError: a single text, and not a list of them.
        """
        check_several(texts, "texts", "a list of strings")
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
    target_size = settings.target_vocab_size or size
    return (
        build_pipeline(sources, settings, source_kind, size, side="source"),
        build_pipeline(targets, settings, target_kind, target_size, side="target"),
    )


def build_pipeline(
    texts: Sequence[str],
    settings: DataSettings,
    kind: str,
    vocab_size: int,
    *,
    side: Literal["", "source", "target"] = "",
    keep_white_space: bool = False,
) -> EncodedText:
    """Learns a tokenizer of a kind and a vocabulary from texts; returns their ids, too.

    Args:
        texts: the training text.
        settings: how it becomes tokens; kind and size are given beside them.
        kind: the kind of tokens.
        vocab_size: how many there are to be.
        side: which side of a translation model it is, for messages.
        keep_white_space: for characters: leave white space as it is.

    Raises:
        SettingsError: `vocab_size` is too small for the characters of the text.
        DataError: there is no text to learn pieces from.
    """
    try:
        tokenizer = build_tokenizer(
            kind,
            texts,
            vocab_size=vocab_size,
            lowercase=settings.lowercase,
            character_coverage=settings.character_coverage,
            special_symbols=settings.symbols,
            keep_white_space=keep_white_space,
        )
    except TooFewPiecesError as error:
        raise SettingsError(size_advice(error, settings, vocab_size, side)) from error
    if isinstance(tokenizer, SentencePieceTokenizer) and settings.subword_sampling:
        tokenizer.alpha = settings.subword_sampling
    tokens = tokenizer.tokenize_all(texts)
    vocab = Vocab.build(
        tokens,
        min_frequency=1 if tokenizer.pieces else settings.min_frequency,
        max_size=None if tokenizer.pieces else vocab_size,
        reserved=tokenizer.reserved,
        pieces=tokenizer.pieces,
    )
    return EncodedText(TextPipeline(tokenizer, vocab), [vocab.ids(each) for each in tokens])


def size_advice(
    error: TooFewPiecesError, settings: DataSettings, vocab_size: int, side: str
) -> str:
    """What is wrong with the size of a vocabulary, and which settings mend it."""
    is_target = side == "target"
    size = "--data.target-vocab-size" if is_target and settings.target_vocab_size else SIZE_FLAG
    kind = "--data.target-tokenizer" if is_target else "--data.tokenizer"
    lower = f"leave out the rarest characters with --data.character-coverage {error.coverage}; or "
    return (
        f"{size} {vocab_size} is too small: the {f'{side} ' if side else ''}text has so many "
        f"different characters that {error.needed} tokens are needed for them alone. Raise {size}; "
        f"or {lower if error.coverage else ''}take {kind} character"
    )
