"""Averages of weights: the formula, what a run keeps of them, and that the best one is kept."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora
from seq2seq.errors import RunError
from seq2seq.runs.checkpoint import named_weights, with_prefix
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors, save_tensors
from seq2seq.training.averaging import MovingAverage, mean_weights, swapped_weights
from seq2seq.translation.ensemble import load_translation_model
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.train import encode_corpus, train

Describe = Callable[..., Experiment]


def test_the_moving_average_is_its_formula() -> None:
    model = nn.Linear(3, 2)
    average = MovingAverage(model, decay=0.6)
    expected = model.weight.detach().clone()
    for step in range(1, 12):
        with torch.no_grad():
            model.weight.add_(torch.randn(2, 3))
        average.update(step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
        torch.testing.assert_close(average.weights["weight"], expected)


def test_a_model_wears_other_weights_for_a_while() -> None:
    model = nn.Linear(3, 2)
    own = {name: weight.detach().clone() for name, weight in named_weights(model).items()}
    other = {name: torch.randn_like(weight) for name, weight in own.items()}
    with swapped_weights(model, other):
        assert torch.equal(model.weight, other["weight"])
    assert torch.equal(model.weight, own["weight"])
    assert torch.equal(model.bias, own["bias"])


def test_the_mean_of_files_is_their_mean(tmp_path: Path) -> None:
    tensors = [torch.randn(4, 5) for _ in range(3)]
    paths = [tmp_path / f"{number}.safetensors" for number in range(3)]
    for path, tensor in zip(paths, tensors, strict=True):
        save_tensors(path, {"weight": tensor}, None)
    mean = mean_weights(paths)["weight"]
    torch.testing.assert_close(mean, torch.stack(tensors).mean(0))
    assert mean.dtype == torch.float32
    with pytest.raises(RunError, match="missing"):
        mean_weights([*paths, tmp_path / "gone.safetensors"])


@pytest.mark.slow
def test_the_average_is_what_is_validated_and_kept(experiment: Describe, letters: Corpora) -> None:
    run = experiment(max_steps=20, ema_decay=0.99, best_by="perplexity")
    train(run, letters)
    directory = RunDirectory(run.run)
    best, state = load_tensors(directory.best)
    last = load_tensors(directory.last)[0]
    average, raw = with_prefix(last, "average."), with_prefix(last, "model.")
    assert state["step"] == 20
    assert all(torch.equal(best[name], average[name]) for name in raw)
    assert not all(torch.equal(best[name], raw[name]) for name in raw)
    model, source, target, *_ = load_translation_model(Run(directory.path))
    model.eval()
    task = TranslationTask(model, letters, *encode_corpus((source, target), letters.train), run)
    assert task.validate(torch.device("cpu")).loss == pytest.approx(state["loss"], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["last", "best"])
def test_checkpoints_are_kept_and_their_mean_is_tried(
    experiment: Describe, letters: Corpora, which: str
) -> None:
    run = experiment(
        max_steps=60, validate_every=10, average=which, average_count=3, best_by="perplexity",
        schedule="constant", learning_rate=5e-2,
    )  # fmt: skip
    train(run, letters)
    directory = RunDirectory(run.run)
    state = load_tensors(directory.last)[1]
    steps = sorted(step for _, step in state["kept"])
    rows = [
        row
        for row in map(json.loads, directory.metrics.read_text().splitlines())
        if row["kind"] != "training"
    ]
    single, mean = rows[:-1], rows[-1]
    assert [row["kind"] for row in rows] == ["validation"] * 6 + ["mean"]
    assert [row["step"] for row in single] == [10, 20, 30, 40, 50, 60]
    by_score = sorted(single, key=lambda row: row["loss"])
    expected = by_score[:3] if which == "best" else single[-3:]
    assert steps == sorted(row["step"] for row in expected)
    assert sorted(path.name for path in directory.path.glob("step-*")) == sorted(
        directory.averaging_checkpoint(step).name for step in steps
    )
    best_loss = min(row["loss"] for row in rows)
    assert load_tensors(directory.best)[1]["loss"] == best_loss
    assert mean["best"] == (mean["loss"] == best_loss)
    assert mean["step"] == 60
    # The training itself goes on from its own weights, not from the mean.
    own = with_prefix(load_tensors(directory.last)[0], "model.")
    kept = load_tensors(directory.averaging_checkpoint(60))[0] if 60 in steps else own
    assert all(torch.equal(own[name], kept[name]) for name in own)
    plain = replace(run.training, max_steps=1, average="none", average_count=5)
    train(replace(run, overwrite=True, training=plain), letters)
    assert not list(directory.path.glob("step-*"))
