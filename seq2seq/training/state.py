"""The numbers of a training: of one update, of a log line, and what a checkpoint saves of them.

The names of the fields are keys in checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import TrainingError


class StepResult(NamedTuple):
    """What one update gave.

    Attributes:
        smoothed: the label-smoothed loss, summed over tokens.
        likelihood: the negative log-likelihood in nats, summed over tokens.
        tokens: target tokens.
        norm: the norm of the gradient before clipping.
        applied: whether the weights were updated: loss and gradient are finite.
    """

    smoothed: float
    likelihood: float
    tokens: int
    norm: float
    applied: bool

    @classmethod
    def of(cls, smoothed: float, likelihood: float, tokens: int, norm: float) -> StepResult:
        """Returns it with what follows from loss and norm."""
        applied = math.isfinite(smoothed) and math.isfinite(norm)
        return cls(smoothed, likelihood, tokens, norm, applied)


@dataclass
class LogWindow:
    """Sums over the updates since the last log line.

    Attributes:
        smoothed: the label-smoothed loss.
        likelihood: the negative log-likelihood in nats.
        tokens: target tokens.
        seconds: time of the updates alone.
    """

    smoothed: float = 0.0
    likelihood: float = 0.0
    tokens: int = 0
    seconds: float = 0.0

    def add(self, result: StepResult) -> None:
        """Adds what an update gave, unless it was skipped; not its time."""
        if result.applied:
            self.smoothed += result.smoothed
            self.likelihood += result.likelihood
            self.tokens += result.tokens

    @property
    def tokens_per_second(self) -> float:
        """Target tokens per second."""
        return self.tokens / self.seconds


@dataclass
class TrainerState:
    """How far a training is: all that resuming it needs besides the weights and the optimizer.

    Attributes:
        step: updates so far; with gradient accumulation, one update takes several batches.
        epoch: completed epochs.
        batch: batches of the current epoch that are done.
        seconds: wall-clock time of the training, interruptions not counted.
        best: the best validation score; None before the first validation.
        unimproved: validations since the best one, for early stopping and the plateau schedule.
        cuts: how often the plateau schedule has cut the learning rate.
        validated: the step of the last validation; -1 before the first.
        averaged: the step at which the mean of checkpoints was validated; -1 before that.
        kept: score and step of each checkpoint that is kept for checkpoint averaging.
        skipped: updates that were skipped because loss or gradient was not finite.
        skipped_in_row: how many of them came one after the other, up to now.
        window: what the next log line reports.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    best: float | None = None
    unimproved: int = 0
    cuts: int = 0
    validated: int = -1
    averaged: int = -1
    kept: list[tuple[float, int]] = field(default_factory=list)
    skipped: int = 0
    skipped_in_row: int = 0
    window: LogWindow = field(default_factory=LogWindow)

    def count(self, result: StepResult, settings: TrainingSettings, learning_rate: float) -> None:
        """Counts what an update gave; raises TrainingError if too many in a row are skipped."""
        self.window.add(result)
        if result.applied:
            self.skipped_in_row = 0
            return
        self.skipped += 1
        self.skipped_in_row += 1
        if self.skipped_in_row >= settings.max_skipped:
            clipping = "--training.clip-norm" + ("" if settings.clip_norm else " 1 (it is off)")
            raise TrainingError(
                f"the loss or its gradient is not finite at step {self.step + 1} (loss "
                f"{result.smoothed / result.tokens}, learning rate {learning_rate:.3g}), and was "
                f"not in the last {settings.max_skipped} updates (--training.max-skipped): try a "
                f"lower --training.learning-rate or {clipping}, or longer warm-up. The last "
                "checkpoint is untouched."
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainerState:
        """Returns the state that `dataclasses.asdict` made these values of.

        Raises:
            TypeError, KeyError: a value is missing, unknown, or of another type.
        """
        kept = [(score, step) for score, step in values["kept"]]
        for name, value in {**values, **values["window"], "kept": 0, "window": 0}.items():
            if not isinstance(value, int | float | None):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(step, int) for _, step in kept):  # they name files
            raise TypeError("kept steps are not numbers")
        return cls(**{**values, "window": LogWindow(**values["window"]), "kept": kept})
