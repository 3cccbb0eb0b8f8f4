"""One update of the weights: gradient accumulation, gradient clipping, a step of the optimizer.

Two things may go wrong that need not end a training of days. An update whose loss or gradient is
not finite is skipped: the weights stay as they are. A batch for which memory does not suffice, the
machine's or what the settings allow, is split in halves, whose gradients add up to the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Generic

import torch
from torch import Tensor, nn

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import TrainingError
from seq2seq.training.optimizer import build_optimizer, clip_gradients, pull_towards
from seq2seq.training.replicas import Replicas, every_thread
from seq2seq.training.reporting import log_line
from seq2seq.training.saved_tensors import OverBudgetError, SavedTensorMeter
from seq2seq.training.state import StepResult
from seq2seq.training.task import BatchT, Task


class OptimizerStep(Generic[BatchT]):
    """Updates the weights of a model.

    Args:
        model: the model, on `device`, in training mode when `update` is called.
        task: computes the loss of a batch.
        settings: optimizer, gradient clipping and memory limit.
        device: where the model is.
        precision: the precision of matrix products.

    Attributes:
        initial: weights by name, towards which `l2_to_initial` of the settings pulls.
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
        self.replicas: Replicas[BatchT] | None = None
        self.reported: set[str] = set()
        self.initial: Mapping[str, Tensor] = {}

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last update."""
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
        """Updates the weights once, with the accumulated gradients of some batches.

        Args:
            group: at least one batch.
            rate: the rate of scheduled sampling.
            learning_rate: the learning rate of this update.
            generator: the generator for scheduled sampling.

        Raises:
            TrainingError: memory does not suffice for a batch that can't be split.
        """
        for parameters in self.optimizer.param_groups:
            parameters["lr"] = learning_rate
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
        with every_thread(self.settings):
            if self.initial:
                strength = self.settings.l2_to_initial
                pull_towards(dict(self.model.named_parameters()), self.initial, strength)
            norm = clip_gradients(self.model.parameters(), self.settings)
            applied = math.isfinite(smoothed) and math.isfinite(norm)
            if applied:
                self.optimizer.step()
        return StepResult(smoothed, likelihood, tokens, norm, applied)

    def gradients(
        self, batches: Sequence[BatchT], rate: float, generator: torch.Generator
    ) -> tuple[float, float, int]:
        """Accumulates gradients of the mean loss; returns its sum, the likelihood's, and tokens."""
        tokens = sum(batch.target_tokens for batch in batches)
        compute = self.replicas.gradients if self.replicas else self.accumulate
        return (*compute(batches, tokens, rate, generator), tokens)

    def accumulate(
        self, batches: Sequence[BatchT], tokens: int, rate: float, generator: torch.Generator
    ) -> tuple[float, float]:
        """Accumulates the gradients of this process' part of an update, see `Gradients`."""
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
        return smoothed, likelihood

    def limit_memory(self) -> AbstractContextManager[object]:
        """Limits what a forward pass saves for backward to what the settings allow."""
        limit = self.settings.memory
        return SavedTensorMeter(self.model.parameters(), limit * 2**20) if limit else nullcontext()

    def split_batches(self, batches: Sequence[BatchT], over_budget: bool) -> list[BatchT]:
        """Returns the batches, each in halves where that is possible: less memory at a time.

        Raises:
            TrainingError: none can be split.
        """
        halves = [half for batch in batches for half in batch.split(2)]
        budget = f" within --training.memory {self.settings.memory} MiB" if over_budget else ""
        if len(halves) == len(batches):
            raise TrainingError(
                f"there is not enough memory{budget} for a single sentence or window of the "
                "training text: try a smaller model, --data.max-length (of sentences) or "
                "--data.batch-size (of windows)"
            )
        message = f"not enough memory{budget} for a batch: it is cut into {len(halves)} parts"
        if message not in self.reported:  # a budget may be too small for many batches
            self.reported.add(message)
            log_line(message)
        return halves


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a CPU's or GPU's memory does not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def group_batches(batches: Sequence[BatchT], size: int, start: int) -> Iterator[Sequence[BatchT]]:
    """Yields the batches from number `start` on, `size` at a time."""
    for first in range(start, len(batches), size):
        yield [batches[index] for index in range(first, min(first + size, len(batches)))]


@contextmanager
def share_updates(step: OptimizerStep[BatchT]) -> Iterator[None]:
    """A context in which the settings' number of processes computes each update."""
    settings, threads = step.settings, torch.get_num_threads()
    if settings.processes == 1:
        yield
        return
    torch.set_num_threads(settings.threads or 1)
    try:
        with Replicas(step.model, step.accumulate, settings.processes) as step.replicas:
            yield
    finally:
        step.replicas = None
        torch.set_num_threads(threads)
