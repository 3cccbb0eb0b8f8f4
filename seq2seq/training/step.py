"""One update of the weights: gradient accumulation, gradient clipping, a step of the optimizer.

Two things may go wrong that need not end a training of days. An update whose loss or gradient is
not finite is skipped: the weights stay as they are. A batch for which memory does not suffice, the
machine's or what the settings allow, is split in halves, whose gradients add up to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Generic

import torch
from torch import Tensor, nn

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import TrainingError
from seq2seq.training.optimizer import build_optimizer, clip_on_device, pull_towards
from seq2seq.training.replicas import Gradients, Replicas, Sum, every_thread
from seq2seq.training.reporting import log_line
from seq2seq.training.saved_tensors import OverBudgetError, SavedTensorMeter, out_of_memory
from seq2seq.training.state import StepResult
from seq2seq.training.task import BatchT, Learner


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
        shared: computes the gradients in several processes; None: this one does.
    """

    def __init__(
        self,
        model: nn.Module,
        task: Learner[BatchT],
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
        self.weights: list[Tensor] = self.optimizer.param_groups[0]["params"]
        self.shared: Gradients[BatchT] | None = None
        self.reported: set[str] = set()
        self.initial: Mapping[str, Tensor] = {}
        self.pending: list[PendingResult] = []

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
    ) -> list[StepResult]:
        """Updates the weights once, with the accumulated gradients of some batches.

        Args:
            group: at least one batch.
            rate: the rate of scheduled sampling.
            learning_rate: the learning rate of this update.
            generator: the generator for scheduled sampling.

        Returns:
            What it gave. On a GPU, what the update before gave, and the first gives nothing yet:
            who waits for the last has nothing for the GPU to do meanwhile.

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
            norm = clip_on_device(self.weights, self.settings)
            if self.device.type == "cuda":
                self.pending.append(PendingResult([smoothed, likelihood, norm], tokens))
                # Fused optimizers leave all as it is where this is 1, as torch's GradScaler uses.
                self.optimizer.found_inf = self.pending[-1].not_finite  # type: ignore[attr-defined]
                self.optimizer.grad_scale = None  # type: ignore[attr-defined]
                self.optimizer.step()
                return self.finish(1)
            result = StepResult.of(float(smoothed), float(likelihood), tokens, float(norm))
            if result.applied:
                self.optimizer.step()
        return [result]

    def finish(self, left: int = 0) -> list[StepResult]:
        """Waits for what updates on a GPU gave, but for the last few of them; returns it."""
        done, self.pending = self.pending[: len(self.pending) - left], self.pending[-left:][:left]
        return [each.result() for each in done]

    def gradients(
        self, batches: Sequence[BatchT], rate: float, generator: torch.Generator
    ) -> tuple[Sum, Sum, int]:
        """Accumulates gradients of the mean loss; returns its sum, the likelihood's, and tokens."""
        tokens = sum(batch.target_tokens for batch in batches)
        compute = self.shared or self.accumulate
        return (*compute(batches, tokens, rate, generator), tokens)

    def accumulate(
        self, batches: Sequence[BatchT], tokens: int, rate: float, generator: torch.Generator
    ) -> tuple[Sum, Sum]:
        """Accumulates the gradients of this process' part of an update, see `Gradients`."""
        smoothed: Sum = 0.0
        likelihood: Sum = 0.0
        value = Tensor.float if self.device.type == "cuda" else float
        for batch in batches:
            reduced = self.precision != torch.float32
            with (
                torch.autocast(self.device.type, self.precision, enabled=reduced),
                self.limit_memory(),
            ):
                loss = self.task.loss(batch, rate=rate, device=self.device, generator=generator)
            (loss.smoothed / tokens).backward()  # type: ignore[no-untyped-call]
            smoothed += value(loss.smoothed.detach())
            likelihood += value(loss.likelihood)
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


class PendingResult:
    """What an update on a GPU gave, on its way from there.

    Args:
        values: the label-smoothed loss, the likelihood and the norm, scalars on the GPU.
        tokens: target tokens.

    Attributes:
        not_finite: 1 if the update is to be skipped, else 0, a scalar on the GPU.
    """

    def __init__(self, values: Sequence[Sum], tokens: int) -> None:
        norm = values[-1]
        device = norm.device if isinstance(norm, Tensor) else None
        there = torch.stack([torch.as_tensor(each, device=device).float() for each in values])
        total = there[0] + there[2]  # a task may have no likelihood
        self.not_finite = (total - total != 0).float()  # infinite less infinite is no number
        self.tokens = tokens
        self.values = torch.empty(len(values), pin_memory=True)
        self.values.copy_(there, non_blocking=True)
        self.arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.arrived.record()

    def result(self) -> StepResult:
        """Waits for it."""
        self.arrived.synchronize()
        smoothed, likelihood, norm = self.values.tolist()
        return StepResult.of(smoothed, likelihood, self.tokens, norm)


def group_batches(batches: Sequence[BatchT], size: int, start: int) -> Iterator[Sequence[BatchT]]:
    """Yields the batches from number `start` on, `size` at a time."""
    for first in range(start, len(batches), size):
        yield [batches[index] for index in range(first, min(first + size, len(batches)))]


@contextmanager
def share_updates(step: OptimizerStep[BatchT]) -> Iterator[None]:
    """A context in which the settings' number of processes computes each update.

    Where there are ranks of torchrun already, these do.
    """
    settings, threads = step.settings, torch.get_num_threads()
    if settings.processes == 1 or step.shared:
        yield
        return
    torch.set_num_threads(settings.threads or 1)
    try:
        with Replicas(step.model, step.accumulate, settings.processes) as replicas:
            step.shared = replicas.gradients
            yield
    finally:
        step.shared = None
        torch.set_num_threads(threads)
