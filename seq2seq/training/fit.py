"""`fit`: the package's trainer for a module of one's own, whatever it reads and predicts."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from seq2seq.config.base import raise_problems, validate
from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import bucket
from seq2seq.errors import SettingsError
from seq2seq.models.device import choose_device
from seq2seq.runs.checkpoint import load_weights
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import load_tensors
from seq2seq.torchrun import own_rank
from seq2seq.training.loss import Loss
from seq2seq.training.signals import StopSignals
from seq2seq.training.task import Validation
from seq2seq.training.trainer import Trainer

ExampleT = TypeVar("ExampleT")
OF_A_TRANSLATION = (
    *("label_smoothing", "sampling", "best_by", "processes"),
    *("freeze", "l2_to_initial", "reduce_precision", "rank_timeout"),
)
"""Settings that `fit` can do nothing with."""


def fit(
    model: nn.Module,
    training: Sequence[ExampleT],
    validation: Sequence[ExampleT],
    loss: Callable[[list[ExampleT]], Tensor],
    settings: TrainingSettings,
    *,
    length: Callable[[ExampleT], int],
    score: Callable[[], float] | None = None,
    seed: int = 1,
    device: str = "cpu",
) -> str:
    """Trains a module with the trainer of all recipes: warm-up, clipping, budget, best weights.

    Nothing is kept on disk. Validation is as often as the settings say, and at the end the module
    has the weights that scored best, in evaluation mode.

    Args:
        model: the module; it is moved to the device.
        training: examples of any kind. A batch has examples of similar length, at most
            `settings.batch_tokens` steps with their padding.
        validation: examples that are not learned from.
        loss: the losses of a list of examples, one or more of each (`reduction="none"`, and no
            mean): gradients are those of their sum, divided by the number of examples.
        settings: the budget and all else. By default the learning rate rises for `warmup_steps`
            updates, 200, and falls to 0 at the end of the budget. Label smoothing, scheduled
            sampling, `best_by` and several processes are a translation's own.
        length: how many steps an example has.
        score: what decides which weights are best, higher is better, computed by the module as it
            is; None: the mean loss of the validation examples does.
        seed: of batches and dropout; the module comes with its weights.
        device: where to compute, "auto" takes a GPU if there is one; `loss` moves its examples.

    Returns:
        Why training ended, in words.

    Raises:
        SettingsError: an impossible setting, one without effect, no budget, or no examples.
        TrainingError: the loss is not finite, again and again.
        KeyboardInterrupt: the user stopped it.
    """
    check(settings, training, validation)
    place = choose_device(device)
    task = ModuleTask(model, training, validation, loss, length, score, settings, seed)
    with tempfile.TemporaryDirectory() as directory:
        run = RunDirectory(Path(directory))
        trainer = Trainer(model, task, settings, run, seed=seed, device=str(place))
        trainer.stop_signals = StopSignals(saved=False)
        reason = trainer.train()
        if trainer.stop_signals.received:
            raise KeyboardInterrupt
        if run.best.exists():
            load_weights(model, load_tensors(run.best)[0], run.best)
    model.eval()
    return reason


def check(settings: TrainingSettings, *examples: Sequence[Any]) -> None:
    """Raises SettingsError unless there is something to learn from, and for how long."""
    validate(settings, "training.")
    usual = TrainingSettings()
    changed = [name for name in OF_A_TRANSLATION if getattr(settings, name) != getattr(usual, name)]
    raise_problems(
        f"--training.{name.replace('_', '-')} has no effect here: `fit` takes the module and the "
        "loss that it is given, in one process"
        for name in changed
    )
    if own_rank():
        raise SettingsError("`fit` trains in one process: leave out torchrun")
    if not settings.has_budget:
        raise SettingsError("give a budget: minutes, epochs or max_steps")
    if not all(examples):
        raise SettingsError("there are no examples to train on, or none to validate with")


class ExampleBatch(NamedTuple):
    """Some examples, as the trainer sees them.

    Attributes:
        examples: of any kind.
    """

    examples: tuple[Any, ...]

    @property
    def target_tokens(self) -> int:
        """How many examples there are."""
        return len(self.examples)

    def split(self, count: int) -> list[ExampleBatch]:
        """Returns at most so many batches with about equally many examples each."""
        size = math.ceil(len(self.examples) / count)
        starts: Iterator[int] = iter(range(0, len(self.examples), size))
        return [ExampleBatch(self.examples[start : start + size]) for start in starts]


@dataclasses.dataclass
class ModuleTask(Generic[ExampleT]):
    """Training a module as the trainer sees it; the fields are the arguments of `fit`."""

    model: nn.Module
    training: Sequence[ExampleT]
    validation: Sequence[ExampleT]
    compute: Callable[[list[ExampleT]], Tensor]
    length: Callable[[ExampleT], int]
    score: Callable[[], float] | None
    settings: TrainingSettings
    seed: int
    current: tuple[int, list[ExampleBatch]] | None = None

    def batches(self, epoch: int) -> Sequence[ExampleBatch]:
        """The batches of an epoch, shuffled by (seed, epoch)."""
        if self.current is None or self.current[0] != epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self.current = (epoch, self.make_batches(self.training, generator))
        return self.current[1]

    def make_batches(
        self, examples: Sequence[ExampleT], generator: torch.Generator | None = None
    ) -> list[ExampleBatch]:
        """Lays examples into batches of similar length, see `bucket`."""
        lengths = [self.length(each) for each in examples]
        buckets = bucket(lengths, lengths, self.settings.batch_tokens, generator)
        return [ExampleBatch(tuple(examples[index] for index in chosen)) for chosen in buckets]

    def seen(self, epoch: int, batch: int) -> dict[str, float]:
        """Nothing: there is one text."""
        return {}

    def loss(
        self,
        batch: ExampleBatch,
        *,
        rate: float,
        device: torch.device,
        generator: torch.Generator,
    ) -> Loss:
        """The sum of the losses of a batch; there is no likelihood to speak of."""
        losses = self.compute(list(batch.examples))
        if not losses.dim() and len(batch.examples) > 1:
            raise SettingsError(
                f"loss gave one number for {len(batch.examples)} examples: give one for each, as "
                'with reduction="none"'
            )
        total = losses.float().sum()
        return Loss(total, total.detach() * math.nan, len(batch.examples))

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing: examples stand by themselves."""
        return {}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Nothing: see `state_dict`."""

    @torch.no_grad()
    def validate(self, device: torch.device) -> Validation:
        """The mean loss of the validation examples, and the score."""
        batches = self.make_batches(self.validation)
        total = sum(float(self.compute(list(each.examples)).sum()) for each in batches)
        score = None if self.score is None else self.score()
        figures = {"perplexity": math.nan} | ({} if score is None else {"score": score})
        return Validation(total / len(self.validation), figures, [], score)
