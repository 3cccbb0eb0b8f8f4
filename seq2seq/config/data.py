"""Which text a translation model learns from, and how it becomes tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from seq2seq.config.base import check_fraction, check_min, check_unused

TokenizerKind = Literal["word", "character", "space", "unigram", "bpe"]


@dataclass(frozen=True)
class DataSettings:
    """Which text to learn from, and how it becomes tokens."""

    train: str = ""
    """Training pairs: a .tsv, .csv, .jsonl or .parquet file (each also .gz), a folder or name of a
    Hub dataset; or, with --data.train-target, the source side as a text file."""
    train_target: str = ""
    """The target side, if the training text is two line-aligned files."""
    validation: str = ""
    """Validation pairs, as for --data.train. Empty: pairs are set aside from the training text."""
    validation_target: str = ""
    """The target side of the validation text, if that is two files."""
    source: str = ""
    """Name or number (from 0) of the source column; with names, a TSV or CSV file begins with a
    header. Empty: "source", or else the first (in JSONL and Parquet: of the only two of text)."""
    target: str = ""
    """Name or number (from 0) of the target column. Empty: "target", or else the second."""
    validation_size: int = 500
    """How many different source sentences to set aside where no validation text is given."""
    tokenizer: TokenizerKind = "unigram"
    """Words, characters, SentencePiece pieces (Kudo 2018; Sennrich et al. 2016); or what stands
    between spaces, in text that is cut into tokens already."""
    vocab_size: int = 8000
    """The most tokens a vocabulary holds (for SentencePiece: how many pieces to train)."""
    target_tokenizer: Literal["same", TokenizerKind] = "same"
    """Another kind of tokens for the target side, as characters for Chinese."""
    target_vocab_size: int = 0
    """Another size for the target side. 0: the same."""
    min_frequency: int = 1
    """Rarer words or characters become <unk>."""
    joint: bool = False
    """One tokenizer and one vocabulary for both sides."""
    vocabulary: str = ""
    """A run whose tokenizers and vocabularies to take, so that both can translate together."""
    lowercase: bool = False
    """Lower-case all text, that is translate without case."""
    max_length: int = 100
    """Training pairs with more tokens than this on a side are dropped, counted and reported."""
    subword_sampling: float = 0.0
    """SentencePiece only: a new random segmentation each epoch. For unigram the smoothing α of
    Kudo (2018), 0.1 to 0.5; for BPE the dropout rate of Provilkov et al. (2020). 0: off."""
    sampled_side: Literal["both", "source"] = "both"
    """Which side --data.subword-sampling is for."""

    @property
    def tokenizers(self) -> tuple[str, str]:
        """The kinds of tokens of the source and the target side."""
        same = self.target_tokenizer == "same"
        return self.tokenizer, self.tokenizer if same else self.target_tokenizer

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if self.train_target and not self.train:
            yield "--data.train-target is given without --data.train, the source side"
        if self.validation_target and not self.validation:
            yield "--data.validation-target is given without --data.validation, the source side"
        yield from check_min("--data.validation-size", self.validation_size, 1)
        yield from check_min("--data.vocab-size", self.vocab_size, 5)
        yield from check_min("--data.min-frequency", self.min_frequency, 1)
        yield from check_min("--data.max-length", self.max_length, 1)
        yield from check_fraction("--data.subword-sampling", self.subword_sampling)
        yield from check_min("--data.target-vocab-size", self.target_vocab_size, 0)
        kinds = self.tokenizers
        if self.min_frequency > 1 and set(kinds) <= {"unigram", "bpe"}:
            yield (
                f"--data.min-frequency {self.min_frequency} needs --data.tokenizer word, character "
                f"or space; {self.tokenizer} learns its pieces from frequencies"
            )
        sampled = kinds if self.sampled_side == "both" else kinds[:1]
        if self.subword_sampling and not set(sampled) & {"unigram", "bpe"}:
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

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        for name in ("source", "target"):
            if getattr(self, name) and self.train_target:
                yield (
                    f"--data.{name} {getattr(self, name)} names a column of one file, and "
                    f"--data.train-target {self.train_target} is a second file: leave one of them "
                    "out"
                )
        size = {"validation_size": not self.validation}
        yield from check_unused(self, "--data.", size, f"--data.validation {self.validation}")
