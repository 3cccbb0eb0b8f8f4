"""What one update does when numbers or memory fail: the training goes on, and says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.experiment import Experiment
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora
from seq2seq.data.tokenizers.pipeline import build_pipelines
from seq2seq.errors import TrainingError
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.checkpoint import named_weights
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.loss import Loss
from seq2seq.training.saved_tensors import SavedTensorMeter
from seq2seq.training.trainer import Trainer
from seq2seq.translation.task import TranslationTask

Describe = Callable[..., Experiment]


class Troubled(TranslationTask):
    """A task whose losses are infinite at some calls, or that needs a petabyte for many rows."""

    calls = 0
    infinite: tuple[int, ...] = ()
    most_rows = 10**9

    def loss(self, batch: Batch, **options: Any) -> Loss:
        self.calls += 1
        if len(batch.source) > self.most_rows:
            torch.empty(2**50)
        loss = super().loss(batch, **options)
        if self.calls in self.infinite:
            return loss._replace(smoothed=loss.smoothed * float("inf"))
        return loss


def trainer(run: Experiment, letters: Corpora, **trouble: Any) -> Trainer[Batch]:
    """A trainer with a troubled task, in a run directory of its own."""
    torch.manual_seed(run.seed)
    source, target = build_pipelines(letters.train.sources, letters.train.targets, run.data)
    model = build_translation_model(
        len(source.pipeline.vocab), len(target.pipeline.vocab), run.model
    )
    task = Troubled(model, letters, source, target, run)
    for name, value in trouble.items():
        setattr(task, name, value)
    number = len(list(Path(run.run).parent.iterdir()))
    directory = RunDirectory(f"{run.run}-{number}")
    directory.create(overwrite=False)
    return Trainer(model, task, run.training, directory, seed=run.seed, device="cpu")


def test_an_infinite_loss_leaves_the_weights_as_they_are(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    """One update is left out, counted and reported; all others are made."""
    run = experiment(max_steps=3, log_every=1, schedule="constant")
    other = trainer(run, letters, infinite=(3,))
    assert other.train() == "the budget is used up"
    assert other.state.skipped == 1
    assert other.state.skipped_in_row == 1
    weights = {name: weight.clone() for name, weight in named_weights(other.model).items()}
    assert "step 3" in capsys.readouterr().err.split("skipped 1")[0]
    two = trainer(replace(run, training=replace(run.training, max_steps=2)), letters)
    two.train()
    expected = named_weights(two.model)
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_run_of_infinite_losses_ends_it(experiment: Describe, letters: Corpora) -> None:
    run = experiment(max_steps=20, max_skipped=3)
    with pytest.raises(TrainingError, match=r"last 3 updates \(--training.max-skipped\)"):
        trainer(run, letters, infinite=(4, 5, 6)).train()
    interrupted = trainer(run, letters, infinite=(4, 5, 7, 8, 10, 11))
    interrupted.train()
    assert interrupted.state.skipped == 6


@pytest.mark.parametrize("rows", [8, 3])
def test_a_batch_too_large_for_memory_is_cut(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str], rows: int
) -> None:
    """And the gradient is that of the whole batch."""
    run = experiment(max_steps=4)
    run = replace(run, model=replace(run.model, dropout=0.0))
    whole, cut = trainer(run, letters), None
    whole.train()
    expected = {name: weight.clone() for name, weight in named_weights(whole.model).items()}
    capsys.readouterr()
    cut = trainer(run, letters, most_rows=rows)
    cut.train()
    assert "not enough memory for a batch: it is cut into 2 parts" in capsys.readouterr().err
    for name, weight in named_weights(cut.model).items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-5)


def test_a_batch_that_needs_more_than_it_may_is_cut(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the forward pass consists of; and the gradient is that of the whole batch."""
    run = experiment(max_steps=4)
    run = replace(run, model=replace(run.model, dropout=0.0))
    whole = trainer(run, letters)
    whole.train()
    expected = {name: weight.clone() for name, weight in named_weights(whole.model).items()}
    batch = max(whole.task.batches(0), key=lambda each: each.source.numel())
    sizes = []
    for each in (batch, *batch.split(2)):
        with SavedTensorMeter(whole.model.parameters()) as kept:
            whole.optimizer_step.gradients([each], 0.0, torch.Generator())
        sizes.append(kept.peak)
    assert max(sizes[1:]) < 0.7 * sizes[0]  # not the half: some things each batch has once
    capsys.readouterr()
    budget = (max(sizes[1:]) + sizes[0]) / 2 / 2**20
    cut = trainer(replace(run, training=replace(run.training, memory=budget)), letters)
    cut.train()
    said = capsys.readouterr().err
    assert f"within --training.memory {budget} MiB for a batch: it is cut into 2 parts" in said
    assert said.count("cut into 2 parts") == 1
    for name, weight in named_weights(cut.model).items():
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-5)
    none = trainer(replace(run, training=replace(run.training, memory=1e-4)), letters)
    with pytest.raises(TrainingError, match=r"not enough memory within --training.memory 0.0001"):
        none.train()


def test_counting_changes_nothing(experiment: Describe, letters: Corpora) -> None:
    run = experiment(max_steps=4)
    plain = trainer(run, letters)
    plain.train()
    counted = trainer(replace(run, training=replace(run.training, memory=1e6)), letters)
    counted.train()
    expected = named_weights(plain.model)
    assert all(
        torch.equal(each, expected[name]) for name, each in named_weights(counted.model).items()
    )


def test_a_sentence_too_large_for_memory_is_an_error(
    experiment: Describe, letters: Corpora
) -> None:
    with pytest.raises(TrainingError, match="not enough memory for a single sentence"):
        trainer(experiment(max_steps=4), letters, most_rows=0).train()


def test_other_errors_are_not_taken_for_want_of_memory(
    experiment: Describe, letters: Corpora
) -> None:
    class Wrong(Troubled):
        def loss(self, batch: Batch, **options: Any) -> Loss:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    broken = trainer(experiment(max_steps=1), letters)
    broken.task.__class__ = Wrong
    with pytest.raises(RuntimeError, match="shapes"):
        broken.train()


def test_a_model_that_diverged_is_never_the_best(experiment: Describe, letters: Corpora) -> None:
    run = experiment(max_steps=2, learning_rate=1e300, schedule="constant", warmup_steps=0)
    diverged = trainer(run, letters)
    assert diverged.train() == "the budget is used up"
    assert not all(torch.isfinite(each).all() for each in named_weights(diverged.model).values())
    assert diverged.state.best is None
    assert not diverged.run.best.exists()
