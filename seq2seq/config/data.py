"""Which text a translation model learns from, and how it becomes tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from seq2seq.config.corpora import (
    CorpusSettings,
    as_column_name,
    as_files,
    mix_problems,
    unequal_sides,
)
from seq2seq.config.fields import (
    CHANGEABLE,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Probability,
    Range,
    only_if,
    useful_if,
)
from seq2seq.config.filters import FilterSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.config.symbols import as_symbols, room_problems, symbol_problems

TokenizerKind = Literal["word", "character", "space", "unigram", "bpe"]
SUBWORDS = ("unigram", "bpe")
"""The kinds of SentencePiece."""
MOST_PIECES = 2**31 - 1
"""SentencePiece counts them in 32 bits."""
VocabSize = Annotated[int, Range(5, MOST_PIECES)]
MIN_COVERAGE = 0.98
Coverage = Annotated[float, Range(MIN_COVERAGE, 1)]
"""What SentencePiece takes."""
TOKEN_SETTINGS = (
    *("tokenizer", "vocab_size", "target_tokenizer", "target_vocab_size"),
    *("min_frequency", "joint", "lowercase", "character_coverage", "special_symbols"),
)
"""The fields of `DataSettings` that decide about the tokens of a run."""


@dataclass(frozen=True)
class DataSettings:
    """Which text to learn from, and how it becomes tokens."""

    train: Annotated[tuple[str, ...], CHANGEABLE] = ()
    """Training pairs: a .tsv, .csv, .jsonl or .parquet file (compressed too), a folder or name of a
    Hub dataset, what seq2seq prepare made; or, with --data.train-target, the source side as a text
    file. Several are joined to one text: --data.train a.tsv b.tsv."""
    train_target: Annotated[tuple[str, ...], only_if("train"), CHANGEABLE] = ()
    """The target side, if the training text is two line-aligned files; one for each source file."""
    validation: Annotated[tuple[str, ...], CHANGEABLE] = ()
    """Validation pairs, as for --data.train; several are sets with scores of their own, of which
    the first decides which weights are best. Empty: pairs are set aside from the training text."""
    validation_target: Annotated[tuple[str, ...], only_if("validation"), CHANGEABLE] = ()
    """The target side of the validation text, if that is two files; one for each source file."""
    mix: tuple[CorpusSettings, ...] = ()
    """Several corpora in fixed shares instead of --data.train: a TOML or JSON file with a table
    [[corpus]] for each; in a file of settings, [[data.mix]]. Without --data.validation, and any of
    theirs, pairs are set aside from the first one."""
    mix_temperature: Annotated[NonNegativeFloat, only_if("mix")] = 0.0
    """Shares by size instead of weights: each corpus's number of pairs to the power of 1 / T (1:
    as the sizes are; the higher, the more equal). 0: weights count."""
    exclude_validation: bool = False
    """Drop training pairs whose source stands in validation text."""
    source: Annotated[str, useful_if("train_target", ())] = ""
    """Name or number (from 0) of the source column; with names, a TSV or CSV file begins with a
    header. Empty: "source" (src, input, …), or else the first (in JSONL and Parquet: of the only
    two of text)."""
    target: Annotated[str, useful_if("train_target", ())] = ""
    """Name or number (from 0) of the target column. Empty: "target" (tgt, output, …), or
    else the second."""
    validation_size: Annotated[PositiveInt, useful_if("validation", ())] = 500
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
    target_vocab_size: Annotated[
        int, Range(0, MOST_PIECES), only_if("model.initialize_decoder", "")
    ] = 0
    """Another size for the target side. 0: the same."""
    min_frequency: PositiveInt = 1
    """Rarer words or characters become <unk>."""
    joint: Annotated[bool, only_if("model.initialize_decoder", "")] = False
    """One tokenizer and one vocabulary for both sides."""
    vocabulary: str = ""
    """A run whose tokenizers and vocabularies to take, so that both can translate together. The
    settings of its tokens must be this run's; on the command line they are its defaults."""
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
    Kudo (2018), 0.1 to 0.5, and the smaller the more random: with 0.1, few pieces become twice as
    many tokens. For BPE the dropout rate of Provilkov et al. (2020), 0.1. 0: off."""
    sampled_side: Annotated[Literal["both", "source"], only_if("subword_sampling")] = "both"
    """Which side --data.subword-sampling is for."""
    filters: FilterSettings = field(default_factory=FilterSettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    prepare_above: NonNegativeInt = 100
    """Training files with more MiB of text than this (compressed ones count fourfold) are tokenized
    into the run's folder, and read from there while the model trains. Less is held in memory."""

    def __post_init__(self) -> None:
        """Takes lists, too, and a single file as a string."""
        object.__setattr__(self, "special_symbols", as_symbols(self.special_symbols))
        for name in ("train", "train_target", "validation", "validation_target"):
            object.__setattr__(self, name, as_files(getattr(self, name)))
        for name in ("source", "target"):
            object.__setattr__(self, name, as_column_name(getattr(self, name)))
        if isinstance(self.mix, list):
            object.__setattr__(self, "mix", tuple(self.mix))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The special symbols, those that are tags of corpora among them."""
        tags = (corpus.tag for corpus in self.mix if corpus.tag)
        return tuple(dict.fromkeys((*self.special_symbols, *tags)))

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
        yield from symbol_problems(self.special_symbols)
        yield from room_problems(self.symbols, min(size, self.target_vocab_size or size))
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
        noises = (self.noise, *(corpus.noise for corpus in self.mix))
        if self.lowercase and any(noise.lowercase for noise in noises):
            yield "noise in lower case has no effect with --data.lowercase: leave one of them out"
        yield from self.new_vocabulary_problems()
        yield from self.corpus_problems()

    def corpus_problems(self) -> Iterator[str]:
        """One line for each file without its other side, and each impossible corpus of a mix."""
        yield from unequal_sides("--data.", self)
        yield from mix_problems(self.mix)
        if self.mix and self.train:
            yield "--data.mix and --data.train both name the training text: give one"
        own = next((corpus for corpus in self.mix if corpus.validation), None)
        if own and self.validation_size != type(self).validation_size:
            yield (
                f"--data.validation-size {self.validation_size} has no effect: corpus {own.name} "
                "of --data.mix has validation text"
            )
        if self.mix_temperature and any(corpus.weight != 1 for corpus in self.mix):
            yield (
                f"--data.mix-temperature {self.mix_temperature} makes shares of sizes: leave out "
                "the weights of --data.mix"
            )

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
