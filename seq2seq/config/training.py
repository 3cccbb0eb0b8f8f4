"""What can be set for training: scheduled sampling, optimizer, schedule, budget, validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from seq2seq.config.base import did_you_mean
from seq2seq.config.fields import (
    FIXED,
    Fraction,
    Limit,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    Range,
    only_if,
    useful_if,
)

OptimizerName = Literal["adam", "adamw", "sgd"]
ScheduleName = Literal["constant", "inverse-sqrt", "cosine", "plateau"]
MetricName = Literal["bleu", "chrf", "ter"]
PARTS = (
    *("encoder", "decoder", "embedding", "source-embedding", "target-embedding"),
    *("encoder-layers", "decoder-layers", "bridge", "attention", "readout", "lexical", "output"),
)
"""What may be frozen of a translation model."""
Monitor = Literal["none", "tensorboard"]
SamplingScheduleName = Literal["none", "constant", "linear", "exponential", "inverse-sigmoid"]

MAX_THREADS = 1024
"""More end the process."""
WHEN_SAMPLING = useful_if("schedule")
WHEN_CHANGING = useful_if("schedule", "linear", "exponential", "inverse-sigmoid")


@dataclass(frozen=True)
class SamplingSettings:
    """Scheduled sampling (Bengio et al. 2015): the decoder sometimes sees its own prediction.

    ε is the probability that a token of the history is the reference's; the sampling rate is 1 - ε.
    i counts training steps, or percent of the training (--training.sampling.unit).
    """

    schedule: SamplingScheduleName = "none"
    """none: teacher forcing. constant: ε = 1 - rate. linear: ε = 1 - slope·i. exponential: ε = kⁱ.
    inverse-sigmoid: ε = k / (k + exp(i / k))."""
    rate: Annotated[Probability, useful_if("schedule", "constant")] = 0.25
    """The constant rate."""
    slope: Annotated[NonNegativeFloat, useful_if("schedule", "linear")] = 0.0025
    """Of the linear schedule: what ε loses with each step or percent."""
    k: Annotated[float, useful_if("schedule", "exponential", "inverse-sigmoid")] = 0.99
    """Of the exponential schedule (below 1; in percent, 0.99 ends at a rate of 0.63) and the
    inverse-sigmoid one (at least 1; in percent, 25 ends at a rate of 0.69)."""
    floor: Annotated[Probability, WHEN_SAMPLING] = 0.0
    """The least ε; 1 - floor is the highest rate."""
    unit: Annotated[Literal["steps", "percent"], WHEN_CHANGING] = "percent"
    """What i counts."""
    choice: Annotated[Literal["argmax", "sample"], WHEN_SAMPLING] = "argmax"
    """Which prediction is seen: the most probable token, or one drawn from the distribution."""
    method: Annotated[Literal["passes", "steps"], WHEN_SAMPLING] = "passes"
    """passes: whole-sequence passes of the fused kernel, each with the last one's predictions as
    inputs (Duckworth et al. 2019). steps: one step at a time, exact and slower."""
    passes: Annotated[PositiveInt, WHEN_SAMPLING, useful_if("method", "passes")] = 1
    """How many prediction passes go before the one that learns."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if self.schedule == "exponential" and not 0 < self.k < 1:
            yield f"--training.sampling.k {self.k} must be between 0 and 1 for exponential decay"
        if self.schedule == "inverse-sigmoid" and not self.k >= 1:
            yield f"--training.sampling.k {self.k} must be at least 1 for inverse-sigmoid decay"

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        if self.schedule == "constant" and self.rate == 0:
            yield (
                f"--training.sampling.rate {self.rate} never samples: raise it, or leave out "
                "--training.sampling.schedule constant"
            )
        if self.schedule == "linear" and self.slope == 0:
            yield (
                f"--training.sampling.slope {self.slope} never samples: raise it, or leave out "
                "--training.sampling.schedule linear"
            )
        if self.schedule != "none" and self.floor == 1:
            yield "--training.sampling.floor 1 never samples: lower it, or leave out the schedule"


@dataclass(frozen=True)
class TrainingSettings:
    """How the weights are found, and for how long."""

    minutes: Limit = None
    """Stop after so many minutes of training. 0: no such limit."""
    epochs: Limit = None
    """Stop after so many passes over the training text. 0: no such limit."""
    max_steps: Annotated[int | None, Range(0)] = None
    """Stop after so many updates of the weights. 0: no such limit. Of the three budgets, the first
    that is reached counts."""
    batch_tokens: Annotated[PositiveInt, only_if("data.windows", "sentences"), FIXED] = 2048
    """The most tokens, pads counted, that a batch has on either side."""
    accumulate: Annotated[PositiveInt, FIXED] = 1
    """Batches whose gradients are added up for one update."""
    optimizer: Annotated[OptimizerName, FIXED] = "adamw"
    """Kingma & Ba (2015); Loshchilov & Hutter (2019); plain stochastic gradient descent."""
    learning_rate: PositiveFloat = 2e-3
    """The highest learning rate."""
    weight_decay: Annotated[NonNegativeFloat, useful_if("optimizer", "adamw", "sgd")] = 0.01
    """For adamw and sgd."""
    momentum: Annotated[Fraction, only_if("optimizer", "sgd")] = 0.0
    """For sgd."""
    schedule: ScheduleName = "cosine"
    """After warm-up: constant; falling with 1/√step (Vaswani et al. 2017); falling along half a
    cosine to zero at the end of the budget; or cut whenever validation stops improving."""
    warmup_steps: NonNegativeInt = 200
    """Steps over which the learning rate rises from 0."""
    plateau_factor: Annotated[float, Range(0, 1, "()"), useful_if("schedule", "plateau")] = 0.5
    """For plateau: what the learning rate is multiplied with at a cut."""
    plateau_patience: Annotated[NonNegativeInt, useful_if("schedule", "plateau")] = 1
    """For plateau: validations without improvement before a cut."""
    label_smoothing: Fraction = 0.1
    """Probability spread evenly over all tokens in the loss (Szegedy et al. 2016)."""
    clip_norm: NonNegativeFloat = 1.0
    """Gradients are scaled down to this norm (Pascanu et al. 2013). 0: off."""
    clip_value: NonNegativeFloat = 0.0
    """Each part of a gradient is cut to ± this. 0: off."""
    freeze: Annotated[tuple[str, ...], FIXED] = ()
    """Parts whose weights stay as they are: the encoder and the decoder with all that is in them,
    or embedding (of both sides), source-embedding, target-embedding, encoder-layers,
    decoder-layers, bridge, attention, readout, lexical, output. A tied weight is of both parts."""
    l2_to_initial: Annotated[NonNegativeFloat, FIXED] = 0.0
    """Weight of the squared distance from the weights that another run gave, in the loss (Barone et
    al. 2017: 0.001). 0: off."""
    max_skipped: PositiveInt = 10
    """An update whose gradient is not finite is left out; after so many in a row training stops."""
    memory: Limit = None
    """The most memory, in MiB, that a batch of sentences may keep for its backward pass: one that
    needs more is cut in halves, with the same gradient. 0: all that there is."""
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    validate_every: NonNegativeInt = 0
    """Steps between validations. 0: once an epoch."""
    save_every: PositiveInt = 500
    """Steps between checkpoints to continue from (validations save, too)."""
    log_every: PositiveInt = 100
    """Steps between log lines."""
    patience: NonNegativeInt = 0
    """Stop after so many validations without improvement. 0: never."""
    best_by: Literal["perplexity", MetricName] = "bleu"
    """Which validation score chooses the weights that are kept as the best. BLEU is 0 for sentences
    of one word, as a transliteration's: where it could never be more, chrf does."""
    ema_decay: Annotated[Fraction, FIXED] = 0.0
    """Validate and keep an exponential moving average of the weights (Polyak & Juditsky 1992), in
    which every update counts this much less than the next: 0.999, for example. 0: off."""
    average: Annotated[Literal["none", "last", "best"], FIXED] = "none"
    """At the end, try the mean of the weights at the last, or at the best, validations, and keep it
    if it scores better than the best ones."""
    average_count: Annotated[int, Range(2), only_if("average"), FIXED] = 5
    """How many validations' weights make that mean."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products in training; auto: bfloat16 where the hardware computes it, else float32.
    Weights and everything else are float32 always."""
    threads: Annotated[int, Range(0, MAX_THREADS)] = 0
    """Processor threads, of each process. 0: torch's choice, one for each core; one of several
    processes has one."""
    processes: Annotated[int, Range(0, 64), only_if("data.windows", "sentences"), FIXED] = 1
    """Processes that share every update of the weights, on processors: beside other programs of
    equal priority, two of one thread each are quicker than one of two threads. 0: two where there
    are two cores, Linux, and no number of threads is given; else one."""

    reduce_precision: Literal["float32", "bfloat16"] = "float32"
    """Under torchrun: in which precision gradients travel and are added up. bfloat16 is half the
    bytes, and rounds; weights travel in float32 always."""
    rank_timeout: PositiveFloat = 300.0
    """Under torchrun: after how many seconds a process that others wait for counts as lost, where a
    training begins or within an update. One that has ended is noticed by its closed connection."""

    def __post_init__(self) -> None:
        """Takes a list of parts, or one alone, too."""
        if isinstance(self.freeze, list | str):
            parts = (self.freeze,) if isinstance(self.freeze, str) else tuple(self.freeze)
            object.__setattr__(self, "freeze", parts)

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        for part in self.freeze:
            if part not in PARTS:
                yield f"--training.freeze {part}: there is no such part{did_you_mean(part, PARTS)}"

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        cut = self.plateau_patience + 1
        if self.schedule == "plateau" and 0 < self.patience <= cut:
            yield (
                f"--training.patience {self.patience} ends the training before --training.schedule "
                f"plateau has cut the learning rate, after {cut} validations without improvement: "
                f"raise it above {cut}, or lower --training.plateau-patience"
            )
        # A trial of a few steps may end within the usual warm-up, not within a longer one.
        usual = type(self)().warmup_steps
        if self.max_steps and self.warmup_steps > max(self.max_steps, usual):
            yield (
                f"--training.warmup-steps {self.warmup_steps} is longer than the whole training, "
                f"--training.max-steps {self.max_steps}: lower it"
            )
        yield from self.average_problems()

    @property
    def has_budget(self) -> bool:
        """Whether a training with these settings ends by itself."""
        return bool(self.minutes or self.epochs or self.max_steps)

    def notes(self) -> Iterator[str]:
        """One line for what is no mistake, but may surprise."""
        if self.max_steps and self.warmup_steps > self.max_steps / 2:
            yield (
                f"the learning rate rises for {self.warmup_steps:,} updates "
                f"(--training.warmup-steps), and the training has {self.max_steps:,}: it will "
                "learn little"
            )

    def batch_problems(self) -> Iterator[str]:
        """A line if no sentence goes into a batch."""
        if self.batch_tokens < 2:
            yield (
                f"--training.batch-tokens {self.batch_tokens} is less than a single sentence of "
                "one token and its end: raise it"
            )

    def average_problems(self) -> Iterator[str]:
        """A line if there are no two validations whose weights could be averaged."""
        if self.average == "none":
            return
        budget = {"max-steps": self.max_steps} if self.validate_every else {"epochs": self.epochs}
        for name, most in budget.items():
            if most and most <= (self.validate_every or 1):
                yield (
                    f"--training.average {self.average} needs two validations at least, and "
                    f"--training.{name} {most} has one, at its end: validate more often, with "
                    "--training.validate-every"
                )
