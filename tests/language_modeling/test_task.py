"""A language model in training: the carried state, continued runs, every cell with every window."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import SamplingSettings
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.evaluation.perplexity import held_out_score, row_log_probabilities
from seq2seq.language_modeling.loading import load_network, network_token_stream
from seq2seq.language_modeling.task import LanguageTask, TextSplits
from seq2seq.language_modeling.train import (
    make_pipeline,
    read_splits,
    train_language_model,
)
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.runs.directory import TEXT_SIDE, RunDirectory
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.trainer import Trainer
from tests.support.language import CPU, LINES, TEXTS, describe, make_lines, network
from tests.support.stopping import CrashError, Stopping

WINDOWS = ("sequential", "random", "sentences")
TIMES = {"seconds", "tokens_per_second"}


def metrics(run: str, kind: str | None = None) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without times."""
    lines = RunDirectory(run).metrics.read_bytes().decode().split("\n")
    rows = [json.loads(line) for line in lines if line]
    rows = [row for row in rows if kind in (None, row["kind"])]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def assert_same_run(one: str, other: str) -> None:
    """The same weights and the same carried state to the bit, the same log but for times."""
    first, second = RunDirectory(one), RunDirectory(other)
    assert metrics(one) == metrics(other)
    assert first.best.read_bytes() == second.best.read_bytes()
    (tensors, state), (others, other_state) = load_tensors(first.last), load_tensors(second.last)
    for part in (state, state["window"], other_state, other_state["window"]):
        del part["seconds"]
    assert state == other_state
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def make_task(
    experiment: LanguageExperiment, model: LanguageNetwork | None = None, texts: TextSplits = TEXTS
) -> LanguageTask:
    pipeline, ids = make_pipeline(texts.train, experiment.data)
    text = network_token_stream(pipeline, experiment.data)
    if model is None:
        model = network(len(text.pipeline.vocab), cell="lstm", sizes=(7, 6))
    return LanguageTask(model, texts, text, ids, experiment)


def batch_loss(task: LanguageTask, batch: Any) -> float:
    loss = task.loss(batch, rate=0.0, device=CPU, generator=torch.Generator())
    assert loss.tokens == batch.target_tokens
    return float(loss.likelihood)


# ---------------------------------------------------------------------------------------------
# What a loss is of


def test_sequential_windows_are_one_long_pass_over_each_row(tmp_path: Path) -> None:
    task = make_task(describe(tmp_path))
    for epoch in range(2):  # the second one begins with zeros, whatever was carried
        batches = task.batches(epoch)
        assert len(batches) > 10
        assert [batch.first for batch in batches] == [True] + [False] * (len(batches) - 1)
        found = [batch_loss(task, batch) for batch in batches]
        inputs = torch.cat([batch.inputs for batch in batches], dim=1)
        targets = torch.cat([batch.targets for batch in batches], dim=1)
        start = task.network.start(len(inputs))
        values, state = task.network.log_probabilities(inputs, targets, start)
        expected = [-float(part.sum()) for part in values.detach().split(5, dim=1)]
        assert found == pytest.approx(expected, rel=1e-4)
        carried = task.state_dict()
        assert set(carried) == {"0.0", "0.1", "1.0", "1.1"}
        for name, part in carried.items():
            layer, index = map(int, name.split("."))
            wanted = state.recurrent.layers[layer][index]
            assert torch.allclose(part, wanted, atol=1e-5)
            assert not part.requires_grad, "back-propagation ends at the window's begin"


def test_a_state_that_is_no_number_spoils_one_window_only(tmp_path: Path) -> None:
    """Else every later window of the epoch would be left out, too."""
    task = make_task(describe(tmp_path))
    first, second, *_ = task.batches(0)
    batch_loss(task, first)
    state = task.carried_state(CPU)
    spoiled = tuple(
        tuple(part * float("nan") for part in layer) for layer in state.recurrent.layers
    )
    task.store_state(state._replace(recurrent=state.recurrent._replace(layers=spoiled)))
    assert math.isfinite(batch_loss(task, second))


def test_random_windows_each_begin_with_zeros(tmp_path: Path) -> None:
    task = make_task(describe(tmp_path, "random"))
    for batch in task.batches(0):
        start = task.network.start(len(batch.inputs))
        values, _ = task.network.log_probabilities(batch.inputs, batch.targets, start)
        assert batch_loss(task, batch) == pytest.approx(-float(values.detach().sum()), rel=1e-4)
    assert task.state_dict() == {}


def test_sentences_are_scored_without_their_pads(tmp_path: Path) -> None:
    task = make_task(describe(tmp_path, "sentences"))
    rows = task.text.rows(LINES)
    total = sum(batch_loss(task, batch) for batch in task.batches(0))
    expected = row_log_probabilities(task.network, rows, CPU)
    assert total == pytest.approx(-sum(map(sum, expected)), rel=1e-5)
    assert sum(batch.target_tokens for batch in task.batches(0)) == sum(map(len, expected))
    assert task.state_dict() == {}
    for batch in task.batches(0):
        assert batch.inputs.numel() <= 40 or len(batch.inputs) == 1, "--training.batch-tokens"


@pytest.mark.parametrize("windows", WINDOWS)
def test_an_epoch_is_drawn_from_seed_and_number(tmp_path: Path, windows: str) -> None:
    experiment = describe(tmp_path, windows)

    def epoch(number: int, seed: int = 1) -> list[Any]:
        task = make_task(replace(experiment, seed=seed))
        return [batch.inputs.tolist() for batch in task.batches(number)]

    assert epoch(3) == epoch(3)
    several = {str(epoch(number, seed)) for number in range(4) for seed in (1, 2)}
    assert len(several) > 3


@pytest.mark.parametrize("windows", WINDOWS)
def test_validation_is_of_the_held_out_text_with_a_sample(tmp_path: Path, windows: str) -> None:
    experiment = describe(tmp_path, windows)
    generation = replace(experiment.generation, prefix="the cat", temperature=0.0)
    task = make_task(replace(experiment, generation=generation))
    before = {name: part.clone() for name, part in task.state_dict().items()}
    found = task.validate(CPU)
    score = held_out_score(task.network, task.text, TEXTS.validation, CPU)
    assert found.loss == score.nats / score.tokens
    assert found.figures["bits_per_character"] == score.bits_per_character
    assert found.best_by is None
    (sample,) = found.samples
    assert sample["made up"].startswith("the cat")
    assert found == task.validate(CPU)
    assert task.state_dict() == before, "validation leaves what training carries"
    assert set(found.figures) == {
        *("word_perplexity", "character_perplexity", "bits_per_character")
    }


def test_the_sample_begins_with_the_prefix_as_it_was_given(tmp_path: Path) -> None:
    experiment = describe(tmp_path)
    experiment = replace(
        experiment,
        data=replace(experiment.data, tokenizer="character", letters_only=True, lowercase=True),
        generation=replace(experiment.generation, prefix="The dog, the cat!"),
    )
    texts = read_splits(experiment.data, TEXTS)
    (sample,) = make_task(experiment, texts=texts).validate(CPU).samples
    assert sample["made up"].startswith("The dog, the cat!")


def test_long_sentences_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = describe(tmp_path, "sentences")
    experiment = replace(experiment, data=replace(experiment.data, max_length=3))
    task = make_task(experiment)
    long = sum(len(row) > 5 for row in task.text.rows(LINES))
    assert 0 < long < len(LINES)
    assert f"{long} sentences left out for more than 3 tokens" in capsys.readouterr().err
    assert len(task.rows) == len(LINES) - long
    with pytest.raises(DataError, match="no training sentence has at most 3 tokens"):
        make_task(experiment, texts=TextSplits(["the cat sees a dog"], ["a"]))


# ---------------------------------------------------------------------------------------------
# Which text


def test_the_end_of_the_text_is_held_out_at_a_lines_end() -> None:
    lines = ["a" * 9, "b" * 29, "c" * 9, "", "d" * 8]  # 10 + 30 + 10 + 1 + 9 = 60
    for share, kept in ((0.5, 2), (0.3, 3), (0.16, 4), (0.01, 4), (0.9, 1), (0.99, 1)):
        found = read_splits(LanguageDataSettings(validation_share=share), TextSplits(lines, []))
        assert found == TextSplits(lines[:kept], lines[kept:]), share


def test_texts_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no training text: give --data\.train FILE"):
        read_splits(LanguageDataSettings())
    with pytest.raises(DataError, match="is one line, of which no part can be set aside"):
        read_splits(LanguageDataSettings(), TextSplits(["a"], []))
    with pytest.raises(DataError, match="training or validation text is empty"):
        read_splits(LanguageDataSettings(), TextSplits(["a"], [" "]))
    with pytest.raises(DataError, match="no letters"):
        read_splits(LanguageDataSettings(letters_only=True), TextSplits(["a"], ["12"]))
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "b.txt").write_text("three\n")
    settings = LanguageDataSettings(
        train=str(tmp_path / "a.txt"), validation=str(tmp_path / "b.txt")
    )
    assert read_splits(settings, TEXTS) == TextSplits(["one", "two"], ["three"])


@pytest.mark.parametrize("windows", ["sequential", "random"])
def test_a_text_that_is_too_short_leaves_no_run_behind(tmp_path: Path, windows: str) -> None:
    experiment = describe(tmp_path / "run", windows, max_steps=2)
    with pytest.raises(DataError, match=r"has 4 tokens, too few for windows of 5 steps"):
        train_language_model(experiment, TextSplits(["a b"], ["a"]))
    assert not (tmp_path / "run").exists()


def test_a_run_lends_its_vocabulary(tmp_path: Path) -> None:
    first = describe(tmp_path / "first", max_steps=1)
    train_language_model(first, TEXTS)
    lent = LanguageDataSettings(vocabulary=first.run, steps=5, batch_size=3)
    second = replace(describe(tmp_path / "second", max_steps=1), data=lent)
    train_language_model(second, TextSplits(["cats see the dog"] * 9, ["a dog"]))
    pipelines = [Run(each.run).pipeline(TEXT_SIDE) for each in (first, second)]
    assert pipelines[0].vocab == pipelines[1].vocab
    with pytest.raises(RunError, match="there is no run at"):
        train_language_model(
            replace(second, overwrite=True, data=replace(lent, vocabulary=str(tmp_path / "no"))),
            TEXTS,
        )


# ---------------------------------------------------------------------------------------------
# Continuing


class Stopped(Stopping, LanguageTask):
    """A language model in a training that stops."""


def make_trainer(
    experiment: LanguageExperiment, *, resume: bool = False, stop_at: int = 0, crash: bool = False
) -> Trainer[Any]:
    """What `train_language_model` makes, with a task that stops where it is told to."""
    pipeline, ids = make_pipeline(TEXTS.train, experiment.data)
    text = network_token_stream(pipeline, experiment.data)
    torch.manual_seed(experiment.seed)
    model = build_language_model(len(text.pipeline.vocab), experiment.model)
    task = Stopped(model, TEXTS, text, ids, experiment)
    task.stop_at, task.crash = stop_at, crash
    run = RunDirectory(experiment.run)
    if not resume:
        run.create(overwrite=False)
    return Trainer(
        model, task, experiment.training, run, seed=experiment.seed, device="cpu", resume=resume
    )


@pytest.mark.slow
@pytest.mark.parametrize("crash", [False, True], ids=["Ctrl-C", "crash"])
@pytest.mark.parametrize("windows", WINDOWS)
def test_a_continued_training_is_one_that_never_stopped(
    tmp_path: Path, windows: str, crash: bool
) -> None:
    settings = {
        "max_steps": 24,
        "log_every": 4,
        "validate_every": 9,
        "save_every": 5,
        "accumulate": 2,
        "sampling": SamplingSettings(schedule="linear", slope=0.01),
    }

    def hard(name: str) -> LanguageExperiment:
        model = LanguageModelSettings(
            cell="lstm", embedding_size=8, sizes=(9, 7), dropout=0.1, state_dropout=0.1
        )
        return replace(describe(tmp_path / name, windows, **settings), model=model)

    whole, parts = hard("whole"), hard("parts")
    assert make_trainer(whole).train() == "the budget is used up"
    steps = len(make_task(whole).batches(0)) / 2
    assert steps > 4
    assert steps % 5, "a checkpoint in the middle of an epoch"
    # In the first update, in the middle of an epoch, right after a validation.
    for number, stop_at in enumerate((1, 14, 12)):
        trainer = make_trainer(parts, resume=number > 0, stop_at=stop_at, crash=crash)
        if crash:
            with pytest.raises(CrashError):
                trainer.train()
        else:
            assert trainer.train() == "interrupted"
    moved = replace(parts, run=f"{parts.run} moved")
    os.rename(parts.run, moved.run)
    assert make_trainer(moved, resume=True).train() == "the budget is used up"
    assert_same_run(whole.run, moved.run)


def test_the_checkpoint_has_the_carried_state(tmp_path: Path) -> None:
    for windows, expected in (("sequential", {"carried.0.0"}), ("random", set())):
        experiment = describe(tmp_path / windows, windows, max_steps=3)
        train_language_model(experiment, TEXTS)
        tensors, _ = load_tensors(RunDirectory(experiment.run).last)
        assert {name for name in tensors if name.startswith("carried.")} == expected


def test_only_the_text_of_the_beginning_continues_a_run(tmp_path: Path) -> None:
    experiment = describe(tmp_path / "run", max_steps=3)
    train_language_model(experiment, TEXTS)
    longer = replace(describe(tmp_path / "run", max_steps=5), resume=True)
    with pytest.raises(DataError, match=r"not what .* was begun with"):
        train_language_model(longer, TEXTS._replace(validation=make_lines(9, seed=3)))
    assert train_language_model(longer, TEXTS) == "the budget is used up"
    assert metrics(longer.run, "validation")[-1]["step"] == 5


# ---------------------------------------------------------------------------------------------
# Every cell, both embeddings, all windows


@pytest.mark.slow
@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("embedding", ["learned", "one-hot"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_trains_with_every_embedding_and_window(
    tmp_path: Path, cell: str, embedding: str, windows: str
) -> None:
    experiment = describe(tmp_path, windows, max_steps=2, log_every=1)
    model = LanguageModelSettings(
        cell=cell,
        embedding=embedding,
        embedding_size=8,
        sizes=(9, 7),
        dropout=0.1,
        tied_output=embedding == "learned",
    )
    experiment = replace(experiment, model=model, overwrite=True)
    assert train_language_model(experiment, TEXTS) == "the budget is used up"
    losses = [row["loss"] for row in metrics(experiment.run)]
    assert len(losses) == 3
    assert all(0 < loss < 10 for loss in losses)
    trained, text, _ = load_network(Run(experiment.run))
    size = len(text.pipeline.vocab)
    trained.eval()
    tokens = torch.randint(0, size, (3, 6))
    with torch.no_grad():
        features, last = trained.decoder.sequence(tokens, trained.start(3))
        whole = trained.decoder.logits(features).log_softmax(-1)
        state = trained.start(3)
        for position in range(tokens.shape[1]):
            log_probs, state = trained.step(tokens[:, position], state)
            assert torch.allclose(log_probs, whole[:, position], atol=1e-5)
    for layer, other in zip(state.recurrent.layers, last.recurrent.layers, strict=True):
        for part, same in zip(layer, other, strict=True):
            assert torch.allclose(part, same, atol=1e-5)
