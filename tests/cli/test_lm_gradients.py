"""lm gradients as a user meets it: a table, JSON, a picture and mistakes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seq2seq.cli.lm_gradients import EXPLANATION, short_names
from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
    MonolingualSettings,
    NGramExperiment,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.evaluation.gradient_flow import (
    as_table,
    fresh_network,
    text_gradient_flow,
    windows,
)
from seq2seq.language_modeling.loading import load_network
from seq2seq.language_modeling.train import train_language_model
from seq2seq.language_modeling.train_ngram import train_ngram_model
from seq2seq.runs.run import Run

Command = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A text, and tiny runs of several kinds."""
    folder = tmp_path_factory.mktemp("gradients")
    lines = read_lines(sample / "test.en")[:40]
    text = folder / "text"
    text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for name, cell, kind in (
        ("gru", "gru", "sequential"),
        ("lstm", "lstm", "random"),
        ("sentences", "elman", "sentences"),
    ):
        steps = {} if kind == "sentences" else {"steps": 9, "batch_size": 4}
        experiment = LanguageExperiment(
            run=str(folder / name),
            device="cpu",
            data=LanguageDataSettings(
                train=str(text), tokenizer="character", windows=kind, **steps
            ),
            model=LanguageModelSettings(cell=cell, embedding_size=8, sizes=(8,), dropout=0.2),
            training=TrainingSettings(max_steps=2, best_by="perplexity", label_smoothing=0.0),
        )
        train_language_model(experiment)
    data = MonolingualSettings(train=str(text), tokenizer="character")
    train_ngram_model(NGramExperiment(run=str(folder / "ngrams"), data=data))
    return folder


@pytest.fixture
def gradients(folder: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> Run:
    """Runs the command in the folder; returns what it prints."""
    monkeypatch.chdir(folder)
    return lambda *arguments: run("lm", "gradients", *arguments)[0]


def expected(run: str, steps: int, places: int) -> object:
    """The gradient flow of a run of running text."""
    network, text, _ = load_network(Run(run))
    rows = text.rows(read_lines("text"))
    return text_gradient_flow(network, windows(rows, steps, places))


def test_runs_side_by_side(gradients: Run) -> None:
    flows = {f"{name} ({name})": expected(name, 30, 5) for name in ("gru", "lstm")}
    options = ("gru", "lstm", "--text", "text", "--steps", 30, "--places", 5)
    assert gradients(*options) == f"{as_table(flows)}\n\n{EXPLANATION}\n"
    assert json.loads(gradients(*options, "--json")) == {
        name: flows[f"{name} ({name})"].as_dict() for name in ("gru", "lstm")
    }
    table = gradients("gru", "lstm", "--text", "text")
    assert table.splitlines()[0].split("  ")[-3:] == [
        "gru (gru)",
        "lstm (lstm), h",
        "lstm (lstm), c",
    ]
    numbers, _, said = table.partition("\n\n")
    assert numbers.splitlines()[-1].split()[0] == "99"  # as many as the usual --steps
    for word in ("norm of the gradient", "vanishes", "explodes", "GRU", "LSTM"):
        assert word in said


def test_a_model_of_sentences_reads_within_one(gradients: Run, fails: Callable[..., str]) -> None:
    found = json.loads(gradients("sentences", "--text", "text", "--steps", 20, "--json"))
    network, text, _ = load_network(Run("sentences"))
    rows = [row for row in text.rows(read_lines("text")) if len(row) > 20]
    flow = text_gradient_flow(network, windows(rows, 20, 32))
    assert found == {"sentences": flow.as_dict()}
    said = fails("lm", "gradients", "sentences", "--text", "text")
    message = r"sentences: 100 steps need 101 tokens .* in one sentence.* --steps \d+ or fewer"
    assert re.search(message, said)


def test_fresh_cells_on_characters(gradients: Run) -> None:
    lines = read_lines("text")
    pipeline, _ = build_pipeline(lines, DataSettings(), "character", 8000)
    ids = windows(TokenStream(pipeline, False).rows(lines), 12, 3)
    flows = {
        cell: text_gradient_flow(fresh_network(cell, 7, len(pipeline.vocab), 5), ids)
        for cell in ("jordan", "lstm")
    }
    options = ("--text", "text", "--steps", 12, "--places", 3)
    fresh = ("--cells", "jordan", "lstm", "--size", 7, "--seed", 5)
    assert gradients(*options, *fresh) == f"{as_table(flows)}\n\n{EXPLANATION}\n"
    usual = json.loads(gradients(*options, "--json"))
    assert list(usual) == ["elman", "gru", "lstm"]
    assert [row["memory"] is None for row in usual.values()] == [True, True, False]
    assert all(len(row["hidden"]) == 12 for row in usual.values())


def test_a_picture_of_all(gradients: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "flow.svg"
    gradients("gru", "lstm", "--text", "text", "--steps", 9, "--plot", path)
    assert path.read_bytes().startswith(b"<?xml")


def test_runs_have_the_names_of_their_folders_if_those_differ() -> None:
    assert short_names(["runs/gru", "runs/lstm/"]) == ["gru", "lstm"]
    assert short_names(["a/gru", "b/gru", "lstm"]) == ["a/gru", "b/gru", "lstm"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gru"], "give --text FILE"),
        (["gru", "--text", "missing"], "there is no file missing"),
        (["gru", "gru", "--text", "text"], "gru is given twice"),
        (["--text", "text", "--cells", "gru", "gru"], "gru is given twice"),
        (["--text", "text", "--cells", "grus"], r"--cells grus .* mean gru\?"),
        (["--text", "text", "--steps", "0"], "--steps 0 must be at least 1"),
        (["--text", "text", "--places", "0"], "--places 0 must be at least 1"),
        (["gru", "--text", "text", "--size", "9"], "--size 9 has no effect"),
        (["gru", "--text", "text", "--seed", "9"], "--seed 9 has no effect"),
        (["gru", "--text", "text", "--cells", "gru"], "has no effect with RUN"),
        (["gru", "--text", "text", "--plot", "x.gif"], r"x\.gif must end in"),
        (["ngrams", "--text", "text"], "an n-gram model, and a recurrent"),
        (["missing", "--text", "text"], "there is no run at missing"),
        (
            ["gru", "--text", "text", "--steps", "5000"],
            "gru: 5,000 steps need 5,001 tokens",
        ),
    ],
)
def test_mistakes_are_named(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    assert re.search(message, fails("lm", "gradients", *arguments))
