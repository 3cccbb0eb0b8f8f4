"""What can be set for a language model, beside what `seq2seq.config.model` has for every model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from seq2seq.config.changes import check_unused
from seq2seq.config.data import (
    SUBWORDS,
    Coverage,
    TokenizerKind,
    VocabSize,
)
from seq2seq.config.decoding import TopP
from seq2seq.config.experiment import BaseExperiment
from seq2seq.config.fields import (
    CHANGEABLE,
    FIXED,
    LayerSizes,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    only_if,
)
from seq2seq.config.model import CellName, NetworkSettings
from seq2seq.config.symbols import as_symbols, room_problems, symbol_problems
from seq2seq.config.training import TrainingSettings

SmoothingName = Literal["kneser-ney", "add-k"]
SET_ASIDE = only_if("validation", "")
OWN_TOKENS = only_if("vocabulary", "")
ESTIMATED = only_if("model.from_arpa", "")
PIECES = only_if("tokenizer", *SUBWORDS)
WINDOWS = only_if("windows", "sequential", "random")


@dataclass(frozen=True)
class MonolingualSettings:
    """Which text to learn from, and how it becomes tokens."""

    train: Annotated[str, ESTIMATED, CHANGEABLE] = ""
    """Training text: a text file, a .tsv, .csv, .jsonl or .parquet file (compressed too), a folder
    or name of a Hub dataset."""
    validation: Annotated[str, CHANGEABLE] = ""
    """Validation text, as for --data.train. Empty: the last part of the training text."""
    validation_share: Annotated[float, Range(0, 1, "()"), SET_ASIDE, ESTIMATED] = 0.1
    """How much of the training text that last part is."""
    column: str = ""
    """Name or number (from 0) of the column, in files that have columns."""
    letters_only: bool = False
    """Keep letters only: all between two words, line ends too, becomes one space."""
    lowercase: Annotated[bool, OWN_TOKENS] = False
    """Lower-case all text."""
    tokenizer: Annotated[TokenizerKind, OWN_TOKENS, ESTIMATED] = "unigram"
    """Words, characters, SentencePiece pieces (Kudo 2018; Sennrich et al. 2016); or what stands
    between spaces, in text that is cut into tokens already. Characters keep white space as it is;
    for the others, a run of it is one space."""
    vocab_size: Annotated[VocabSize, OWN_TOKENS, ESTIMATED] = 8000
    """The most tokens a vocabulary holds (for SentencePiece: how many pieces to train)."""
    min_frequency: Annotated[PositiveInt, OWN_TOKENS, ESTIMATED] = 1
    """Rarer words or characters become <unk>."""
    character_coverage: Annotated[Coverage, PIECES, OWN_TOKENS, ESTIMATED] = 1.0
    """SentencePiece only: the share of all characters that get a piece; the rarest become <unk>.
    0.9995 is usual for Chinese and Japanese."""
    special_symbols: Annotated[tuple[str, ...], OWN_TOKENS, ESTIMATED] = ()
    """What is always one token: language tags as "<2fr>", placeholders."""
    vocabulary: str = ""
    """A run whose tokenizer and vocabulary to take: of a translation model the target side's. A
    language model that helps a translation model needs them."""

    def __post_init__(self) -> None:
        """Takes a list of symbols, too."""
        object.__setattr__(self, "special_symbols", as_symbols(self.special_symbols))

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if self.min_frequency > 1 and self.tokenizer in SUBWORDS:
            yield (
                f"--data.min-frequency {self.min_frequency} needs --data.tokenizer word, character "
                f"or space; {self.tokenizer} learns its pieces from frequencies"
            )
        yield from symbol_problems(self.special_symbols)
        yield from room_problems(self.special_symbols, self.vocab_size)
        if self.special_symbols and self.letters_only:
            yield (
                "--data.special-symbols have no effect with --data.letters-only, which takes away "
                "all that is no letter: leave one of them out"
            )


@dataclass(frozen=True)
class LanguageDataSettings(MonolingualSettings):
    """Which text to learn from, how it becomes tokens, and how those are laid into batches."""

    windows: Literal["sequential", "random", "sentences"] = "sequential"
    """What a batch is made of. sequential: rows of running text, and the next batch goes on where
    they end, from the state that was reached (truncated back-propagation through time). random:
    windows from anywhere. sentences: whole lines, each by itself. In the last two every row starts
    from a state of zeros."""
    steps: Annotated[PositiveInt, WINDOWS] = 35
    """The tokens of a window."""
    batch_size: Annotated[PositiveInt, WINDOWS] = 32
    """The windows of a batch."""
    max_length: Annotated[PositiveInt, only_if("windows", "sentences")] = 200
    """For sentences: those with more tokens are left out of the training, counted and reported."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from super().problems()
        if self.letters_only and self.windows == "sentences":
            yield (
                "--data.letters-only makes one line of the text, so that --data.windows sentences "
                "has no sentences: take sequential or random"
            )


@dataclass(frozen=True)
class LanguageModelSettings(NetworkSettings):
    """The network."""

    cell: CellName = "gru"
    sizes: LayerSizes = (512,)
    """Width of each recurrent layer, lowest first."""
    bidirectional: bool = False
    """Can't be: it would see the tokens that it is to predict."""
    spectral_radius: Annotated[PositiveFloat, only_if("cell", "echo-state")] = 0.9
    """For echo-state: the largest absolute eigenvalue of the recurrent weights. Below 1, what was
    read fades (Jaeger 2001)."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from super().problems()
        if self.bidirectional:
            yield (
                "--model.bidirectional: a language model that reads backwards, too, sees the "
                "tokens that it is to predict. Leave it out; the encoder of a translation model "
                "reads in both directions"
            )
        widths = (self.embedding_size, *self.sizes)
        first = 1 if self.embedding == "one-hot" else 0
        pairs = zip(widths[first:], widths[first + 1 :], strict=False)
        if self.residual and not any(before == after for before, after in pairs):
            yield (
                "--model.residual has no effect: no layer has an output as wide as its input; add "
                "layers of equal width, as --model.sizes 256 256"
            )


@dataclass(frozen=True)
class NGramSettings:
    """What is counted, and what becomes of the counts; or where they are taken from."""

    PREFIX = ""
    """What stands before its names on the command line; elsewhere the part's name."""

    order: Annotated[PositiveInt, only_if("from_arpa", "")] = 5
    """Tokens in the longest n-grams: 2 for bigrams, which see one token back."""
    smoothing: Annotated[SmoothingName, only_if("from_arpa", "")] = "kneser-ney"
    """How what was never seen gets a probability: interpolated modified Kneser-Ney (Chen & Goodman
    1999), or by adding k to each count."""
    k: Annotated[
        float | None,
        Range(0, brackets="(]"),
        only_if("from_arpa", ""),
        only_if("smoothing", "add-k"),
    ] = None
    """For add-k: what is added; 1 is Laplace's rule, 0.01 is often better."""
    from_arpa: str = ""
    """An ARPA file of another program (compressed too): the model is read, not estimated. Its
    tokens are what stands between spaces, or those of --data.vocabulary; of these, one that the
    file lacks has the probability of <unk>."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if self.smoothing == "add-k" and self.k is None:
            yield "--smoothing add-k needs --k, what to add to each count: 0.01, for example"


@dataclass(frozen=True)
class GenerationSettings:
    """How text is made up."""

    prefix: str = ""
    """What it begins with, exactly as it is given."""
    max_tokens: PositiveInt = 200
    """It has at most so many tokens more."""
    temperature: NonNegativeFloat = 1.0
    """Below 1 nearer to the most probable, above 1 farther from it; 0: always the most probable."""
    top_k: NonNegativeInt = 0
    """From the so many most probable tokens only (Fan et al. 2018). 0: all."""
    top_p: TopP = 1.0
    """From the most probable tokens that have this much probability together (Holtzman et al.
    2020)."""
    seed: NonNegativeInt = 1
    """The same seed gives the same text."""

    def too_many(self, size: int, tokens: str) -> Iterator[str]:
        """A line if `top_k` is more than there are tokens: `size` of them, `tokens` in words."""
        if self.top_k > size:
            yield (
                f"--generation.top-k {self.top_k} is more than the vocabulary has, {tokens}: "
                "lower it"
            )


@dataclass(frozen=True)
class LanguageExperiment(BaseExperiment):
    """One run of a language model, to the last option."""

    KIND = "language model"

    dry_run: bool = False
    """Show settings, text, model, memory and a batch; nothing is trained, nothing is written."""
    data: Annotated[LanguageDataSettings, FIXED] = field(default_factory=LanguageDataSettings)
    model: Annotated[LanguageModelSettings, FIXED] = field(default_factory=LanguageModelSettings)
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(best_by="perplexity", label_smoothing=0.0)
    )
    generation: GenerationSettings = field(default_factory=GenerationSettings)

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts."""
        yield from super().problems()
        if self.training.best_by != "perplexity":
            yield (
                f"--training.best-by {self.training.best_by}: a language model has no "
                "translations; take perplexity"
            )
        for name in ("freeze", "l2_to_initial"):
            if getattr(self.training, name):
                flag = f"--training.{name.replace('_', '-')}"
                yield f"{flag} is for translation models, which may begin with other weights"

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        yield from super().training_problems()
        if self.data.windows == "sentences":
            yield from self.training.batch_problems()
        if not self.data.vocabulary:
            size = self.data.vocab_size
            yield from self.generation.too_many(size, f"--data.vocab-size {size} tokens")


@dataclass(frozen=True)
class NGramExperiment(BaseExperiment):
    """One run of an n-gram model, to the last option."""

    KIND = "n-gram model"

    data: MonolingualSettings = field(default_factory=MonolingualSettings)
    model: NGramSettings = field(default_factory=NGramSettings)
    generation: GenerationSettings = field(default_factory=GenerationSettings)

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts."""
        yield from super().problems()
        unused = dict.fromkeys(("seed", "resume", "device", "monitor"), False)
        yield from check_unused(self, "--", unused, "n-grams, which are counted at once")
