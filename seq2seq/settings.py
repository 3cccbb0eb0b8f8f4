"""What can be set for a translation model, and for every run: typed, documented, checked when made.

A field's docstring is its text in ``--help``. An `Experiment` describes one run to the last option
and is saved beside the weights. Making one with impossible settings raises a `SettingsError` that
lists all the mistakes at once, each with the field's name as the command line spells it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, cast

from seq2seq.checks import at_least, share, spelled, type_problems, unused
from seq2seq.data_settings import DataSettings
from seq2seq.decoding_settings import DecodingSettings
from seq2seq.errors import SettingsError

MOST_THREADS = 1024
"""More end the process."""

Tokenization = Literal[
    "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "none"
]


@dataclass(frozen=True)
class NetworkSettings:
    """What every network has: a translation model and a language model."""

    cell: Literal[
        "elman", "elman-relu", "jordan", "leaky", "echo-state", "gru", "lstm", "lstm-norm"
    ] = "gru"
    """The recurrent cell, the same throughout: Elman (1990), with rectified units, or of leaky ones
    (Jaeger et al. 2007); Jordan (1986); a fixed reservoir (Jaeger 2001); Cho et al. (2014);
    Hochreiter & Schmidhuber (1997), or with layer normalization (Ba et al. 2016)."""
    embedding: Literal["learned", "one-hot"] = "learned"
    """A learned vector for each token, or its indicator vector: slow, and the same function."""
    embedding_size: int = 256
    """Width of the embeddings and of the layer before the output layer."""
    residual: bool = False
    """Add a layer's input to its output where sizes allow."""
    dropout: float = 0.3
    """Share of embeddings, of inputs between layers and of readout inputs dropped in training."""
    locked_dropout: bool = False
    """Drop the same units at every step of a sentence (Gal & Ghahramani 2016)."""
    word_dropout: float = 0.0
    """Share of words whose embedding is dropped throughout a sentence (Gal & Ghahramani 2016)."""
    state_dropout: float = 0.0
    """Share of the recurrent state's units that a sentence's steps don't see (the same)."""
    weight_dropout: float = 0.0
    """Share of the recurrent weights dropped for a batch (Merity et al. 2018)."""
    zoneout: float = 0.0
    """Probability that a unit of the state keeps its value for a step (Krueger et al. 2017)."""
    tied_output: bool = True
    """Use the target embedding as the output layer's weights (Press & Wolf 2017)."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from at_least("--model.embedding-size", self.embedding_size, 1)
        for name in ("dropout", "word_dropout", "state_dropout", "weight_dropout", "zoneout"):
            if not 0 <= getattr(self, name) < 1:
                yield f"--model.{spelled(name)} {getattr(self, name)} is not in [0, 1)"
        if self.locked_dropout and not self.dropout:
            yield "--model.locked-dropout locks nothing: --model.dropout is 0"
        if self.embedding == "one-hot" and self.tied_output:
            yield "--model.embedding one-hot has no weights to tie: add --model.no-tied-output"


@dataclass(frozen=True)
class ModelSettings(NetworkSettings):
    """The network."""

    context: Literal["initial", "every-step", "both"] = "both"
    """How the encoder's final states reach the decoder: as its initial state, as an input at every
    step, or both."""
    context_to_output: bool = False
    """Show the context to the output layer, too (Cho et al. 2014)."""
    attention: Literal[
        "none", "additive", "dot", "scaled-dot", "general", "scaled-general", "multi-head", "local"
    ] = "none"
    """What the decoder looks back at the source with: additive (Bahdanau et al. 2015); dot,
    general, local (Luong et al. 2015); multi-head (Vaswani et al. 2017); or none. Scaled scores
    (the same) don't harden before they have learned where to look. For dot the decoder must be as
    wide as the encoder's outputs, which in both directions are twice as wide as each."""
    attention_order: Literal["luong", "bahdanau"] = "luong"
    """Attend with the decoder's new state, or with the previous one."""
    attention_size: int = 256
    """Width of additive attention's hidden layer, and of multi-head's heads together."""
    attention_heads: int = 4
    """How many heads multi-head attention has."""
    attention_window: int = 10
    """Local attention sees so many source tokens to either side of the place it predicts."""
    input_feeding: bool = False
    """Show each step what the last one handed to the output layer (Luong et al. 2015)."""
    lexical: bool = False
    """Let the source words that attention is on propose the next token (Nguyen & Chiang 2018). Safe
    with scaled scores; without attention there is none."""
    coverage: bool = False
    """Tell attention how much each source token has been attended to (Tu et al. 2016)."""
    encoder_sizes: tuple[int, ...] = (512,)
    """Width of each encoder layer, lowest first; in both directions, of each direction."""
    decoder_sizes: tuple[int, ...] = (512,)
    """Width of each decoder layer, lowest first."""
    bidirectional: bool = True
    """Read the source in both directions."""
    shared_embedding: bool = False
    """One embedding for source and target; needs --data.joint."""
    initialize_encoder: str = ""
    """A language model's run: the encoder begins with its weights (Ramachandran et al. 2017), and
    the source side has its tokenizer and vocabulary."""
    initialize_decoder: str = ""
    """The same for the decoder and the target side."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from super().problems()
        for name, sizes in (("encoder", self.encoder_sizes), ("decoder", self.decoder_sizes)):
            if not sizes:
                yield f"--model.{name}-sizes is empty: give a width for each layer"
            for size in sizes:
                yield from at_least(f"--model.{name}-sizes", size, 1)
        yield from self.attention_problems()
        if self.residual and not self.residual_layers():
            yield (
                "--model.residual has no effect: no layer of encoder or decoder has an output as "
                "wide as its input; add layers of equal width, as --model.encoder-sizes 256 256"
            )
        for name in ("shared_embedding", "lexical"):
            if self.embedding == "one-hot" and getattr(self, name):
                yield f"--model.embedding one-hot has no vectors: add --model.no-{spelled(name)}"

    def attention_problems(self) -> Iterator[str]:
        """One line for each impossible setting of attention."""
        for name in ("attention_size", "attention_heads", "attention_window"):
            yield from at_least(f"--model.{spelled(name)}", getattr(self, name), 1)
        if self.attention == "none":
            for name in ("input_feeding", "lexical", "coverage"):
                if getattr(self, name):
                    yield (
                        f"--model.{spelled(name)} needs attention: add --model.attention "
                        "scaled-general"
                    )
            if self.attention_order != "luong":
                yield "--model.attention-order needs attention: add --model.attention additive"
            return
        memory = (2 if self.bidirectional else 1) * (self.encoder_sizes or (0,))[-1]
        query = (self.decoder_sizes or (0,))[-1]
        if self.attention in ("dot", "scaled-dot") and memory != query:
            yield (
                f"--model.attention {self.attention} compares decoder states of {query} with "
                f"encoder outputs of {memory} numbers: make them equal, with --model.decoder-sizes "
                f"{' '.join(map(str, [*self.decoder_sizes[:-1], memory]))} or with other "
                "--model.encoder-sizes, or take --model.attention scaled-general"
            )
        if self.attention == "multi-head" and self.attention_size % max(self.attention_heads, 1):
            yield (
                f"--model.attention-size {self.attention_size} can't be divided among "
                f"--model.attention-heads {self.attention_heads}"
            )

    def notes(self) -> Iterator[str]:
        """One line for what is no mistake, but may surprise."""
        if self.lexical and self.attention in ("dot", "general"):
            yield (
                "lexical translation can make unscaled attention sink to the end of the sentence, "
                f"and stay there: --model.attention scaled-{self.attention} is safer"
            )

    def residual_layers(self) -> int:
        """How many layers have an output as wide as their input."""
        directions = 2 if self.bidirectional else 1
        encoder = [self.embedding_size, *(directions * size for size in self.encoder_sizes)]
        beside = 0 if self.context == "initial" else encoder[-1]
        beside += self.embedding_size if self.input_feeding else 0
        beside += encoder[-1] if self.attention_order == "bahdanau" else 0
        decoder = [self.embedding_size + beside, *self.decoder_sizes]
        first = 1 if self.embedding == "one-hot" else 0  # then the input's width is not known yet
        return sum(
            before == after
            for widths in (encoder, decoder)
            for before, after in pairwise(widths[first:])
        )


@dataclass(frozen=True)
class SamplingSettings:
    """Scheduled sampling (Bengio et al. 2015): the decoder sometimes sees its own prediction.

    ε is the probability that a token of the history is the reference's; the sampling rate is 1 - ε.
    i counts training steps, or percent of the training (--training.sampling.unit).
    """

    schedule: Literal["none", "constant", "linear", "exponential", "inverse-sigmoid"] = "none"
    """none: teacher forcing. constant: ε = 1 - rate. linear: ε = 1 - slope·i. exponential: ε = kⁱ.
    inverse-sigmoid: ε = k / (k + exp(i / k))."""
    rate: float = 0.25
    """The constant rate."""
    slope: float = 0.0025
    """Of the linear schedule: what ε loses with each step or percent."""
    k: float = 0.99
    """Of the exponential schedule (below 1; in percent, 0.99 ends at a rate of 0.63) and the
    inverse-sigmoid one (at least 1; in percent, 25 ends at a rate of 0.69)."""
    floor: float = 0.0
    """The least ε; 1 - floor is the highest rate."""
    unit: Literal["steps", "percent"] = "percent"
    """What i counts."""
    choice: Literal["argmax", "sample"] = "argmax"
    """Which prediction is seen: the most probable token, or one drawn from the distribution."""
    method: Literal["passes", "steps"] = "passes"
    """passes: whole-sequence passes of the fused kernel, each with the last one's predictions as
    inputs (Duckworth et al. 2019). steps: one step at a time, exact and slower."""
    passes: int = 1
    """How many prediction passes go before the one that learns."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        yield from share("--training.sampling.rate", self.rate)
        yield from share("--training.sampling.floor", self.floor)
        yield from at_least("--training.sampling.passes", self.passes, 1)
        if not 0 <= self.slope < math.inf:
            wrong = "is negative: ε would rise above 1" if self.slope < 0 else "must be finite"
            yield f"--training.sampling.slope {self.slope} {wrong}"
        if not math.isfinite(self.k):
            yield f"--training.sampling.k {self.k} must be finite"
        if self.schedule == "exponential" and not 0 < self.k < 1:
            yield f"--training.sampling.k {self.k} must be between 0 and 1 for exponential decay"
        if self.schedule == "inverse-sigmoid" and not self.k >= 1:
            yield f"--training.sampling.k {self.k} must be at least 1 for inverse-sigmoid decay"

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        kind = self.schedule
        used = {
            "rate": kind == "constant",
            "slope": kind == "linear",
            "k": kind in ("exponential", "inverse-sigmoid"),
            **dict.fromkeys(("floor", "choice", "method"), kind != "none"),
            "unit": kind not in ("none", "constant"),
            "passes": kind != "none" and self.method == "passes",
        }
        because = f"--training.sampling.schedule {kind}"
        if kind != "none" and self.method != "passes":
            because += f" and --training.sampling.method {self.method}"
        yield from unused(self, "--training.sampling.", used, because)
        never = {"rate": ("constant", self.rate), "slope": ("linear", self.slope)}
        for name, (schedule, value) in never.items():
            if kind == schedule and value == 0:
                yield (
                    f"--training.sampling.{name} {value} never samples: raise it, or leave out "
                    f"--training.sampling.schedule {kind}"
                )
        if kind != "none" and self.floor == 1:
            yield "--training.sampling.floor 1 never samples: lower it, or leave out the schedule"


@dataclass(frozen=True)
class TrainingSettings:
    """How the weights are found, and for how long."""

    minutes: float | None = None
    """Stop after so many minutes of training."""
    epochs: float | None = None
    """Stop after so many passes over the training text."""
    max_steps: int | None = None
    """Stop after so many updates of the weights. Of the three budgets, the first reached counts."""
    batch_tokens: int = 2048
    """The most tokens, pads counted, that a batch has on either side."""
    accumulate: int = 1
    """Batches whose gradients are added up for one update."""
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    """Kingma & Ba (2015); Loshchilov & Hutter (2019); plain stochastic gradient descent."""
    learning_rate: float = 2e-3
    """The highest learning rate."""
    weight_decay: float = 0.01
    """For adamw and sgd."""
    momentum: float = 0.0
    """For sgd."""
    schedule: Literal["constant", "inverse-sqrt", "cosine", "plateau"] = "cosine"
    """After warm-up: constant; falling with 1/√step (Vaswani et al. 2017); falling along half a
    cosine to zero at the end of the budget; or cut whenever validation stops improving."""
    warmup_steps: int = 200
    """Steps over which the learning rate rises from 0."""
    plateau_factor: float = 0.5
    """For plateau: what the learning rate is multiplied with at a cut."""
    plateau_patience: int = 1
    """For plateau: validations without improvement before a cut."""
    label_smoothing: float = 0.1
    """Probability spread evenly over all tokens in the loss (Szegedy et al. 2016)."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm (Pascanu et al. 2013). 0: off."""
    clip_value: float = 0.0
    """Each part of a gradient is cut to ± this. 0: off."""
    max_skipped: int = 10
    """An update whose gradient is not finite is left out; after so many in a row training stops."""
    memory: float | None = None
    """The most memory, in MiB, that a batch of sentences may keep for its backward pass: one that
    needs more is cut in halves, with the same gradient. None: all that there is."""
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    validate_every: int = 0
    """Steps between validations. 0: once an epoch."""
    save_every: int = 500
    """Steps between checkpoints to continue from (validations save, too)."""
    log_every: int = 100
    """Steps between log lines."""
    patience: int = 0
    """Stop after so many validations without improvement. 0: never."""
    best_by: Literal["bleu", "perplexity"] = "bleu"
    """Which validation score chooses the weights that are kept as the best."""
    ema_decay: float = 0.0
    """Validate and keep an exponential moving average of the weights (Polyak & Juditsky 1992), in
    which every update counts this much less than the next: 0.999, for example. 0: off."""
    average: Literal["none", "last", "best"] = "none"
    """At the end, try the mean of the weights at the last, or at the best, validations, and keep it
    if it scores better than the best ones."""
    average_count: int = 5
    """How many validations' weights make that mean."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products in training; auto: bfloat16 where the hardware computes it, else float32.
    Weights and everything else are float32 always."""
    threads: int = 0
    """Processor threads. 0: torch's choice, one for each core."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        for name in ("minutes", "epochs", "max_steps", "learning_rate", "memory"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                yield f"--training.{spelled(name)} {value} must be above 0 and finite"
        for name in ("batch_tokens", "accumulate", "save_every", "log_every", "max_skipped"):
            yield from at_least(f"--training.{spelled(name)}", getattr(self, name), 1)
        yield from at_least("--training.average-count", self.average_count, 2)
        if not 0 <= self.ema_decay < 1:
            yield f"--training.ema-decay {self.ema_decay} is not in [0, 1)"
        for name in (
            "weight_decay", "momentum", "warmup_steps", "plateau_patience", "clip_norm",
            "clip_value", "validate_every", "patience", "threads",
        ):  # fmt: skip
            yield from at_least(f"--training.{spelled(name)}", getattr(self, name), 0)
        if self.threads > MOST_THREADS:
            yield f"--training.threads {self.threads} must be at most {MOST_THREADS}"
        if self.momentum > 0 and self.optimizer != "sgd":
            yield f"--training.momentum {self.momentum} needs --training.optimizer sgd"
        if self.momentum >= 1:
            yield f"--training.momentum {self.momentum} must be below 1"
        if not 0 < self.plateau_factor < 1:
            yield f"--training.plateau-factor {self.plateau_factor} must be between 0 and 1"
        if not 0 <= self.label_smoothing < 1:
            yield f"--training.label-smoothing {self.label_smoothing} is not in [0, 1)"
        yield from self.sampling.problems()

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        yield from self.sampling.training_problems()
        used = {"weight_decay": self.optimizer != "adam" or not self.weight_decay}
        yield from unused(self, "--training.", used, f"--training.optimizer {self.optimizer}")
        used = dict.fromkeys(("plateau_factor", "plateau_patience"), self.schedule == "plateau")
        yield from unused(self, "--training.", used, f"--training.schedule {self.schedule}")
        cut = self.plateau_patience + 1
        if self.schedule == "plateau" and 0 < self.patience <= cut:
            yield (
                f"--training.patience {self.patience} ends the training before --training.schedule "
                f"plateau has cut the learning rate, after {cut} validations without improvement: "
                f"raise it above {cut}, or lower --training.plateau-patience"
            )
        # A trial of a few steps may end within the usual warm-up, not within a longer one.
        usual = type(self)().warmup_steps
        if self.max_steps is not None and self.warmup_steps > max(self.max_steps, usual):
            yield (
                f"--training.warmup-steps {self.warmup_steps} is longer than the whole training, "
                f"--training.max-steps {self.max_steps}: lower it"
            )
        yield from self.average_problems()

    def notes(self) -> Iterator[str]:
        """One line for what is no mistake, but may surprise."""
        if self.max_steps is not None and self.warmup_steps > self.max_steps / 2:
            yield (
                f"the learning rate rises for {self.warmup_steps:,} updates "
                f"(--training.warmup-steps), and the training has {self.max_steps:,}: it will "
                "learn little"
            )

    def average_problems(self) -> Iterator[str]:
        """A line if there are no two validations whose weights could be averaged."""
        if self.average == "none":
            return
        budget = {"max-steps": self.max_steps} if self.validate_every else {"epochs": self.epochs}
        for name, most in budget.items():
            if most is not None and most <= (self.validate_every or 1):
                yield (
                    f"--training.average {self.average} needs two validations at least, and "
                    f"--training.{name} {most} has one, at its end: validate more often, with "
                    "--training.validate-every"
                )


class RefusedExperimentError(SettingsError):
    """What making an experiment with impossible settings raises.

    Attributes:
        experiment: what was to be made, so that more can be found out about it.
    """

    def __init__(self, problems: str, experiment: AnyExperiment) -> None:
        super().__init__(problems)
        self.experiment = experiment


@dataclass(frozen=True)
class AnyExperiment:
    """What every run has: of a translation model, or of a language model."""

    KIND = "model"

    run: str = ""
    """The run directory: everything that is needed to use the model is written there."""
    seed: int = 1
    """Where every random number comes from."""
    resume: bool = False
    """Continue the run in the run directory."""
    overwrite: bool = False
    """Begin anew where there is a run already: it is deleted."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""

    def __post_init__(self) -> None:
        """Checks everything; raises `SettingsError` with all the mistakes."""
        wrong = type_problems(self)
        problems = list(wrong)
        # What has a wrong type can't be compared; parts whose types are right are checked further.
        for item in dataclasses.fields(self):
            part = getattr(self, item.name)
            if dataclasses.is_dataclass(part) and not type_problems(part):
                problems += cast(Any, part).problems()
        if not wrong:
            problems += self.problems()
        if problems:
            raise RefusedExperimentError("\n".join(problems), self)

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training.

        A trained model may have been made with such settings: it can be loaded, and continued.
        """
        yield from self.said_by_parts("training_problems")

    def notes(self) -> Iterator[str]:
        """One line for each setting that is no mistake, but may surprise."""
        yield from self.said_by_parts("notes")

    def said_by_parts(self, name: str) -> Iterator[str]:
        """The lines of this method of each part that has it."""
        for item in dataclasses.fields(self):
            part = getattr(self, item.name)
            if hasattr(part, name):
                yield from getattr(part, name)()

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts, and for what is in no part."""
        if not 0 <= self.seed < 2**32:
            yield f"--seed {self.seed} is not from 0 to {2**32 - 1}"
        if self.resume and self.overwrite:
            yield "--resume and --overwrite exclude each other: continue the run, or delete it"


@dataclass(frozen=True)
class Experiment(AnyExperiment):
    """One run of a translation model, to the last option."""

    KIND = "translation model"

    dry_run: bool = False
    """Show settings, text, model, memory and a batch; nothing is trained, nothing is written."""
    tokenize: Tokenization = "13a"
    """sacreBLEU's tokenization, which BLEU counts words by: 13a, or zh, ja-mecab, char, … for a
    target language that needs it."""
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(
        # ModelSettings by itself is the plain context model; whoever asks for nothing gets what
        # the recipes came out best with.
        default_factory=lambda: ModelSettings(
            cell="lstm",
            context="initial",
            attention="scaled-general",
            lexical=True,
            encoder_sizes=(384,),
        )
    )
    training: TrainingSettings = field(default_factory=TrainingSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts, and for what is in no part."""
        yield from super().problems()
        if self.model.shared_embedding and not self.data.joint:
            yield "--model.shared-embedding needs --data.joint; or add --model.no-shared-embedding"
        yield from self.without_effect()
        if self.model.attention == "none":
            for name in ("coverage_penalty", "replace_unknown"):
                if getattr(self.decoding, name):
                    yield f"--decoding.{spelled(name)} needs a model with attention"
        if self.decoding.language_model:  # what a run names would be read by whoever loads it
            yield (
                "--decoding.language-model is no part of a run: name it where you translate, as in "
                f"seq2seq translate RUN --decoding.language-model {self.decoding.language_model}"
            )

    def without_effect(self) -> Iterator[str]:
        """One line for each setting that another one leaves without effect."""
        kind = self.model.attention
        used = {
            "attention_size": kind in ("additive", "multi-head"),
            "attention_heads": kind == "multi-head",
            "attention_window": kind == "local",
        }
        yield from unused(self.model, "--model.", used, f"--model.attention {kind}")
        averages = {"average_count": self.training.average != "none"}
        yield from unused(self.training, "--training.", averages, "--training.average none")
        taken = self.model.initialize_decoder
        own = dict.fromkeys(("target_tokenizer", "target_vocab_size", "joint"), not taken)
        yield from unused(self.data, "--data.", own, f"--model.initialize-decoder {taken}")
        taken = self.model.initialize_encoder
        own = dict.fromkeys(("tokenizer", "vocab_size", "min_frequency"), not taken)
        if taken and self.model.initialize_decoder:
            yield from unused(self.data, "--data.", own, f"--model.initialize-encoder {taken}")
        if taken and self.data.joint:
            yield (
                "--data.joint is one vocabulary for both sides, and --model.initialize-encoder "
                "brings the source side's own: leave one of them out"
            )
        if self.data.vocabulary and (taken or self.model.initialize_decoder):
            yield "--data.vocabulary and --model.initialize-… both bring vocabularies: give one"
        samples = {"sampled_side": self.data.subword_sampling > 0}
        yield from unused(self.data, "--data.", samples, "--data.subword-sampling 0")

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        yield from super().training_problems()
        if self.training.batch_tokens < 2:
            yield (
                f"--training.batch-tokens {self.training.batch_tokens} is less than a single "
                "sentence of one token and its end: raise it"
            )
        if not self.model.initialize_decoder:
            own = "vocab_size" if not self.data.target_vocab_size else "target_vocab_size"
            size = getattr(self.data, own)
            because = f"--data.{spelled(own)} {size} tokens"
            yield from self.decoding.too_many(size, because)
