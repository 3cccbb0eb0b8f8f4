"""What can be set for training: scheduled sampling, optimizer, schedule, budget, validation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from seq2seq.config.base import check_fraction, check_min, check_unused, flag_name

MAX_THREADS = 1024
"""More end the process."""


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
        yield from check_fraction("--training.sampling.rate", self.rate)
        yield from check_fraction("--training.sampling.floor", self.floor)
        yield from check_min("--training.sampling.passes", self.passes, 1)
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
        yield from check_unused(self, "--training.sampling.", used, because)
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
                yield f"--training.{flag_name(name)} {value} must be above 0 and finite"
        for name in ("batch_tokens", "accumulate", "save_every", "log_every", "max_skipped"):
            yield from check_min(f"--training.{flag_name(name)}", getattr(self, name), 1)
        yield from check_min("--training.average-count", self.average_count, 2)
        if not 0 <= self.ema_decay < 1:
            yield f"--training.ema-decay {self.ema_decay} is not in [0, 1)"
        for name in (
            "weight_decay", "momentum", "warmup_steps", "plateau_patience", "clip_norm",
            "clip_value", "validate_every", "patience", "threads",
        ):  # fmt: skip
            yield from check_min(f"--training.{flag_name(name)}", getattr(self, name), 0)
        if self.threads > MAX_THREADS:
            yield f"--training.threads {self.threads} must be at most {MAX_THREADS}"
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
        yield from check_unused(self, "--training.", used, f"--training.optimizer {self.optimizer}")
        used = dict.fromkeys(("plateau_factor", "plateau_patience"), self.schedule == "plateau")
        yield from check_unused(self, "--training.", used, f"--training.schedule {self.schedule}")
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
