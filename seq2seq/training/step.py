"""One update of the weights: gradients of some batches, clipped, and a step of the optimizer.

Two things may go wrong that need not end a training of days. A gradient that is not finite is left
out: the weights stay as they are. A batch for which memory does not suffice, be it the machine's or
that which the settings allow, is cut in halves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, NamedTuple

import torch
from torch import nn

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import TrainingError
from seq2seq.training.optimizer import build_optimizer, clip_gradients
from seq2seq.training.reporting import log_line
from seq2seq.training.saved_tensors import OverBudgetError, SavedTensorMeter
from seq2seq.training.task import BatchT, Task


class StepResult(NamedTuple):
    """What an update came to.

    Attributes:
        smoothed: the loss, summed over tokens.
        likelihood: the negative log-likelihood in nats, summed over tokens.
        tokens: how many there were.
        norm: of the gradient, before it was clipped.
        applied: whether the weights were changed: all numbers are finite.
    """

    smoothed: float
    likelihood: float
    tokens: int
    norm: float
    applied: bool


class OptimizerStep(Generic[BatchT]):
    """Makes updates.

    Args:
        model: on the device, in training mode when `update` is called.
        task: gives the loss of a batch.
        settings: optimizer and clipping.
        device: where the model is.
        precision: of matrix products.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Task[BatchT],
        settings: TrainingSettings,
        device: torch.device,
        precision: torch.dtype,
    ) -> None:
        self.model = model
        self.task = task
        self.settings = settings
        self.device = device
        self.precision = precision
        self.optimizer = build_optimizer(model, settings)
        self.reported: set[str] = set()

    @property
    def learning_rate(self) -> float:
        """Of the last update."""
        rate: float = self.optimizer.param_groups[0]["lr"]
        return rate

    def update(
        self,
        group: Sequence[BatchT],
        *,
        rate: float,
        learning_rate: float,
        generator: torch.Generator,
    ) -> StepResult:
        """One update from the batches of `group`, whose gradients are added up.

        Args:
            group: at least one batch.
            rate: of scheduled sampling.
            learning_rate: of this update.
            generator: for the coins of scheduled sampling.

        Raises:
            TrainingError: memory does not suffice for a batch that can't be cut.
        """
        for part in self.optimizer.param_groups:
            part["lr"] = learning_rate
        batches = list(group)
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                smoothed, likelihood, tokens = self.gradients(batches, rate, generator)
                break
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                batches = self.split_batches(batches, isinstance(error, OverBudgetError))
        norm = clip_gradients(self.model.parameters(), self.settings)
        made = math.isfinite(smoothed) and math.isfinite(norm)
        if made:
            self.optimizer.step()
        return StepResult(smoothed, likelihood, tokens, norm, made)

    def gradients(
        self, batches: Sequence[BatchT], rate: float, generator: torch.Generator
    ) -> tuple[float, float, int]:
        """Adds up gradients; returns loss and likelihood, summed over tokens, and how many."""
        tokens = sum(batch.target_tokens for batch in batches)
        smoothed = likelihood = 0.0
        for batch in batches:
            reduced = self.precision != torch.float32
            with (
                torch.autocast(self.device.type, self.precision, enabled=reduced),
                self.limit_memory(),
            ):
                loss = self.task.loss(batch, rate=rate, device=self.device, generator=generator)
            (loss.smoothed / tokens).backward()  # type: ignore[no-untyped-call]
            smoothed += float(loss.smoothed.detach())
            likelihood += float(loss.likelihood)
        return smoothed, likelihood, tokens

    def limit_memory(self) -> AbstractContextManager[object]:
        """Ends a forward pass that keeps more than the settings allow."""
        limit = self.settings.memory
        return SavedTensorMeter(self.model.parameters(), limit * 2**20) if limit else nullcontext()

    def split_batches(self, batches: Sequence[BatchT], over_budget: bool) -> list[BatchT]:
        """The batches in halves, where they have them; the same gradient, in less memory."""
        halves = [half for batch in batches for half in split_batch(batch)]
        budget = f" within --training.memory {self.settings.memory} MiB" if over_budget else ""
        if len(halves) == len(batches):
            raise TrainingError(
                f"there is not enough memory{budget} for a single sentence or window of the "
                "training text: try a smaller model, --data.max-length (of sentences) or "
                "--data.batch-size (of windows)"
            )
        words = f"not enough memory{budget} for a batch: it is cut into {len(halves)} parts"
        if words not in self.reported:  # a budget may be too small for many batches
            self.reported.add(words)
            log_line(words)
        return halves


def split_batch(batch: BatchT) -> Iterator[BatchT]:
    """Two batches of half the rows, or the batch itself where it can't be cut."""
    halves = batch.halves()
    yield from (batch,) if halves is None else halves


def out_of_memory(error: BaseException) -> bool:
    """Whether memory is what is missing, on a CPU or a GPU."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def group_batches(batches: Sequence[BatchT], size: int, start: int) -> Iterator[Sequence[BatchT]]:
    """The batches from `start` on, `size` at a time."""
    for first in range(start, len(batches), size):
        yield [batches[index] for index in range(first, min(first + size, len(batches)))]
