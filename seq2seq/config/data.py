"""Which text a translation model learns from, and how it becomes tokens."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from seq2seq.config.fields import (
    CHANGEABLE,
    NonNegativeInt,
    PositiveInt,
    Probability,
    Range,
    only_if,
    useful_if,
)
from seq2seq.config.filters import FilterSettings

TokenizerKind = Literal["word", "character", "space", "unigram", "bpe"]
SUBWORDS = ("unigram", "bpe")
"""The kinds of SentencePiece."""
VocabSize = Annotated[int, Range(5)]
MIN_COVERAGE = 0.98
Coverage = Annotated[float, Range(MIN_COVERAGE, 1)]
"""What SentencePiece takes."""
SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<eos>")
"""The first tokens of every vocabulary."""
MARKS_IN_TOKENS = "￭▁␛"
"""The characters with a meaning in tokens."""

TOKEN_SETTINGS = (
    *("tokenizer", "vocab_size", "target_tokenizer", "target_vocab_size"),
    *("min_frequency", "joint", "lowercase", "character_coverage", "special_symbols"),
)
"""The fields of `DataSettings` that decide about the tokens of a run."""


def as_symbols(value: Any) -> Any:
    """Returns several symbols as a tuple, in the form NFC, as text has them.

    What can't be symbols stays as it is, for the check of its type.
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return value
    return tuple(unicodedata.normalize("NFC", name) for name in value)


def symbol_problems(symbols: Sequence[str], vocab_size: int | None = None) -> Iterator[str]:
    """One line for each of `as_symbols` that can't stay whole; or if there is no room for them."""
    flag = "--data.special-symbols"
    names = list(symbols)
    for name in dict.fromkeys(names):
        if not name:
            yield f"{flag} '' is empty: a symbol has a character or more"
        elif any(character.isspace() for character in name):
            yield f"{flag} {name!r} has white space in it: a symbol is one token"
        elif name in SPECIAL_TOKENS:
            yield f"{flag} {name} is a special token of every vocabulary already"
        elif marks := [mark for mark in MARKS_IN_TOKENS if mark in name]:
            yield f"{flag} {name}: {' '.join(marks)} has a meaning in tokens: take other characters"
        elif any("\ud800" <= character <= "\udfff" for character in name):
            yield f"{flag} {name!r} is no text: it is not valid Unicode"
        if names.count(name) > 1:
            yield f"{flag} {name} is given twice"
    least = len(SPECIAL_TOKENS) + len(names) + 1  # with the joiner
    if names and vocab_size is not None and vocab_size < least:
        yield (
            f"a vocabulary of {vocab_size} tokens has no room for {len(names)} {flag}: raise "
            f"--data.vocab-size to {least} or more"
        )


@dataclass(frozen=True)
class DataSettings:
    """Which text to learn from, and how it becomes tokens."""

    train: Annotated[str, CHANGEABLE] = ""
    """Training pairs: a .tsv, .csv, .jsonl or .parquet file (compressed too), a folder or name of a
    Hub dataset; or, with --data.train-target, the source side as a text file."""
    train_target: Annotated[str, only_if("train"), CHANGEABLE] = ""
    """The target side, if the training text is two line-aligned files."""
    validation: Annotated[str, CHANGEABLE] = ""
    """Validation pairs, as for --data.train. Empty: pairs are set aside from the training text."""
    validation_target: Annotated[str, only_if("validation"), CHANGEABLE] = ""
    """The target side of the validation text, if that is two files."""
    source: Annotated[str, useful_if("train_target", "")] = ""
    """Name or number (from 0) of the source column; with names, a TSV or CSV file begins with a
    header. Empty: "source" (src, input, …), or else the first (in JSONL and Parquet: of the only
    two of text)."""
    target: Annotated[str, useful_if("train_target", "")] = ""
    """Name or number (from 0) of the target column. Empty: "target" (tgt, output, …), or
    else the second."""
    validation_size: Annotated[PositiveInt, useful_if("validation", "")] = 500
    """How many different source sentences to set aside where no validation text is given."""
    tokenizer: TokenizerKind = "unigram"
    """Words, characters, SentencePiece pieces (Kudo 2018; Sennrich et al. 2016); or what stands
    between spaces, in text that is cut into tokens already."""
    vocab_size: VocabSize = 8000
    """The most tokens a vocabulary holds (for SentencePiece: how many pieces to train)."""
    target_tokenizer: Annotated[
        Literal["same", TokenizerKind], only_if("model.initialize_decoder", "")
    ] = "same"
    """Another kind of tokens for the target side, as characters for Chinese."""
    target_vocab_size: Annotated[NonNegativeInt, only_if("model.initialize_decoder", "")] = 0
    """Another size for the target side. 0: the same."""
    min_frequency: PositiveInt = 1
    """Rarer words or characters become <unk>."""
    joint: Annotated[bool, only_if("model.initialize_decoder", "")] = False
    """One tokenizer and one vocabulary for both sides."""
    vocabulary: str = ""
    """A run whose tokenizers and vocabularies to take, so that both can translate together."""
    extend_vocabulary: Annotated[bool, only_if("model.initialize")] = False
    """Give what the run of --model.initialize has no token for rows of its own, after those that it
    has: words or characters; of SentencePiece, the characters, and the pieces with one of them.
    Other text is cut as before. --data.special-symbols may have more of them, too."""
    new_vocabulary: Annotated[
        Literal["none", "source", "target", "both"], only_if("model.initialize")
    ] = "none"
    """Of which side the tokenizer and vocabulary are made anew, from this text, as for another
    language. Tokens that the run of --model.initialize has, too, keep their rows (Zoph et al. 2016;
    Kocmi & Bojar 2018)."""
    lowercase: bool = False
    """Lower-case all text, that is translate without case."""
    character_coverage: Coverage = 1.0
    """SentencePiece only: the share of all characters that get a piece; the rarest become <unk>.
    0.9995 is usual for Chinese and Japanese."""
    special_symbols: tuple[str, ...] = ()
    """What is always one token, on both sides: language tags as "<2fr>", placeholders."""
    max_length: PositiveInt = 100
    """Training pairs with more tokens than this on a side are dropped, counted and reported."""
    subword_sampling: Probability = 0.0
    """SentencePiece only: a new random segmentation each epoch. For unigram the smoothing α of
    Kudo (2018), 0.1 to 0.5; for BPE the dropout rate of Provilkov et al. (2020). 0: off."""
    sampled_side: Annotated[Literal["both", "source"], only_if("subword_sampling")] = "both"
    """Which side --data.subword-sampling is for."""
    filters: FilterSettings = field(default_factory=FilterSettings)

    def __post_init__(self) -> None:
        """Takes a list of symbols, too."""
        object.__setattr__(self, "special_symbols", as_symbols(self.special_symbols))

    @property
    def tokenizers(self) -> tuple[str, str]:
        """The kinds of tokens of the source and the target side."""
        same = self.target_tokenizer == "same"
        return self.tokenizer, self.tokenizer if same else self.target_tokenizer

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        kinds = self.tokenizers
        if self.min_frequency > 1 and set(kinds) <= {*SUBWORDS}:
            yield (
                f"--data.min-frequency {self.min_frequency} needs --data.tokenizer word, character "
                f"or space; {self.tokenizer} learns its pieces from frequencies"
            )
        if self.character_coverage < 1 and not set(kinds) & {*SUBWORDS}:
            yield (
                f"--data.character-coverage {self.character_coverage} needs --data.tokenizer "
                f"unigram or bpe; --data.min-frequency leaves out rare {self.tokenizer} tokens"
            )
        size = self.vocab_size
        yield from symbol_problems(self.special_symbols, min(size, self.target_vocab_size or size))
        sampled = kinds if self.sampled_side == "both" else kinds[:1]
        if self.subword_sampling and not set(sampled) & {*SUBWORDS}:
            yield (
                f"--data.subword-sampling {self.subword_sampling} needs --data.tokenizer unigram "
                f"or bpe; {self.tokenizer} tokens have one segmentation"
            )
        if self.joint and (kinds[0] != kinds[1] or self.target_vocab_size):
            yield (
                "--data.joint is one tokenizer for both sides: add --data.no-joint, or leave out "
                "--data.target-tokenizer and --data.target-vocab-size"
            )
        if self.source and self.source == self.target:
            yield f"--data.source and --data.target are both {self.source}: name two columns"
        yield from self.new_vocabulary_problems()

    def new_vocabulary_problems(self) -> Iterator[str]:
        """One line for each setting that clashes with a new vocabulary of one side, or of both."""
        new, flag = self.new_vocabulary, f"--data.new-vocabulary {self.new_vocabulary}"
        if new == "both" and self.extend_vocabulary:
            yield f"--data.extend-vocabulary has no effect with {flag}: leave one of them out"
        if new in ("source", "target") and self.joint:
            yield f"--data.joint is one vocabulary for both sides: {flag} can't be; take both"
        if new == "source" and (self.target_tokenizer != "same" or self.target_vocab_size):
            yield (
                "--data.target-tokenizer and --data.target-vocab-size have no effect with "
                f"{flag}, where the target side's tokens are those of --model.initialize"
            )
