"""What an update takes: bytes counted by hand, and nothing left out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from seq2seq.config.experiment import Experiment
from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import Batch, make_batch
from seq2seq.data.parallel import Corpora
from seq2seq.data.tokenizers.pipeline import build_pipelines
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.loss import Loss
from seq2seq.training.memory import batch_numel, largest_batch, measure_footprint, storage_bytes
from seq2seq.training.task import Validation
from seq2seq.training.trainer import Trainer
from seq2seq.translation.task import TranslationTask

Describe = Callable[..., Experiment]
FLOAT = 4


class Vectors(NamedTuple):
    """A batch of vectors."""

    inputs: Tensor

    @property
    def target_tokens(self) -> int:
        return len(self.inputs)

    def split(self, count: int) -> "list[Vectors]":
        """Never cut."""
        return [self]


class Squares:
    """Sums the squares of W x: what is kept is known from the formulas of its gradient."""

    def __init__(self, model: nn.Linear) -> None:
        self.model = model

    def batches(self, epoch: int) -> Sequence[Vectors]:
        return [Vectors(torch.ones(2, 3)), Vectors(torch.ones(5, 3)), Vectors(torch.zeros(5, 3))]

    def loss(
        self, batch: Vectors, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        total = (self.model(batch.inputs) ** 2).sum()
        return Loss(total, total.detach(), len(batch.inputs))

    def validate(self, device: torch.device) -> Validation:
        return Validation(0.0, {}, [])

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Nothing is carried."""


def test_bytes_are_those_of_the_formulas(tmp_path: Path) -> None:
    model = nn.Linear(3, 4, bias=False)
    task = Squares(model)
    settings = TrainingSettings(
        optimizer="sgd", momentum=0.5, ema_decay=0.9, precision="float32", max_steps=1
    )
    run = RunDirectory(tmp_path / "run")
    trainer = Trainer(model, task, settings, run, seed=1, device="cpu")
    batch = largest_batch(task.batches(0))
    assert torch.equal(batch.inputs, torch.ones(5, 3)), "of equal ones the first"
    used = measure_footprint(trainer, batch)
    weights = 4 * 3 * FLOAT
    assert used[:4] == (weights, weights, weights, weights), "momentum and average are as large"
    # dW needs x, and d(y²) needs y; W itself is no activation.
    assert used.activations == (5 * 3 + 5 * 4) * FLOAT
    assert used.total == 4 * weights + used.activations
    assert used.seconds > 0
    assert not run.path.exists(), "nothing is written"


def of_batch(run: Experiment, letters: Corpora, rows: int, length: int) -> int:
    """The activations of a batch of so many equal sentences."""
    torch.manual_seed(1)
    source, target = build_pipelines(letters.train.sources, letters.train.targets, run.data)
    model = build_translation_model(
        len(source.pipeline.vocab), len(target.pipeline.vocab), run.model
    )
    task = TranslationTask(model, letters, source, target, run)
    trainer: Trainer[Batch] = Trainer(
        model, task, run.training, RunDirectory(run.run), seed=1, device="cpu"
    )
    ids = [[4] * length] * rows
    return measure_footprint(trainer, make_batch(ids, ids)).activations


def test_activations_grow_with_the_batch_and_weights_do_not_count(
    experiment: Describe, letters: Corpora
) -> None:
    run = experiment(max_steps=10)
    run = replace(run, model=replace(run.model, dropout=0.0))
    few, more, most = (of_batch(run, letters, rows, 6) for rows in (4, 8, 12))
    assert few < more < most
    assert most - more == pytest.approx(more - few, rel=0.05), "so much for each row"
    assert of_batch(run, letters, 4, 12) > few


def test_scheduled_sampling_is_measured_at_its_highest_rate(
    experiment: Describe, letters: Corpora
) -> None:
    """By steps it keeps more than a pass of the kernel does, though it begins at a rate of 0."""
    plain = experiment(max_steps=10)
    sampling = replace(plain.training.sampling, schedule="linear", slope=0.01, method="steps")
    steps = experiment(max_steps=10, sampling=sampling)
    assert of_batch(steps, letters, 4, 6) != of_batch(plain, letters, 4, 6)


def test_tied_storages_count_once() -> None:
    values = torch.zeros(10)
    assert storage_bytes([values, values[2:4], values.view(2, 5)]) == 10 * FLOAT
    assert storage_bytes([values, torch.zeros(3)]) == 13 * FLOAT
    assert batch_numel(Vectors(torch.zeros(4, 2))) == 8
