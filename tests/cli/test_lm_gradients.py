"""lm gradients as a user meets it: a table, JSON, a picture and mistakes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.cli.lm_gradients import gradients_command, short_names
from seq2seq.cli.main import main
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
from seq2seq.errors import DataError, RunError, SettingsError
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
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in the folder; what it prints."""
    monkeypatch.chdir(folder)

    def call(*arguments: object) -> str:
        gradients_command([str(argument) for argument in arguments])
        return capsys.readouterr().out

    return call


def expected(run: str, steps: int, places: int) -> object:
    """The gradient flow of a run of running text."""
    network, text, _ = load_network(Run(run))
    rows = text.rows(read_lines("text"))
    return text_gradient_flow(network, windows(rows, steps, places))


def test_runs_side_by_side(run: Command) -> None:
    flows = {f"{name} ({name})": expected(name, 30, 5) for name in ("gru", "lstm")}
    options = ("gru", "lstm", "--text", "text", "--steps", 30, "--places", 5)
    assert run(*options) == as_table(flows) + "\n"
    assert json.loads(run(*options, "--json")) == {
        name: flows[f"{name} ({name})"].as_dict() for name in ("gru", "lstm")
    }
    table = run("gru", "lstm", "--text", "text")
    assert table.splitlines()[0].split("  ")[-3:] == [
        "gru (gru)",
        "lstm (lstm), h",
        "lstm (lstm), c",
    ]
    assert table.splitlines()[-1].split()[0] == "99"  # as many as the usual --steps


def test_a_model_of_sentences_reads_within_one(run: Command) -> None:
    found = json.loads(run("sentences", "--text", "text", "--steps", 20, "--json"))
    network, text, _ = load_network(Run("sentences"))
    rows = [row for row in text.rows(read_lines("text")) if len(row) > 20]
    flow = text_gradient_flow(network, windows(rows, 20, 32))
    assert found == {"sentences": flow.as_dict()}
    with pytest.raises(
        DataError,
        match=r"^sentences: 100 steps need 101 tokens .* in one sentence.* --steps \d+ or fewer",
    ):
        run("sentences", "--text", "text")


def test_fresh_cells_on_characters(run: Command) -> None:
    lines = read_lines("text")
    pipeline, _ = build_pipeline(lines, DataSettings(), "character", 8000)
    ids = windows(TokenStream(pipeline, False).rows(lines), 12, 3)
    flows = {
        cell: text_gradient_flow(fresh_network(cell, 7, len(pipeline.vocab), 5), ids)
        for cell in ("jordan", "lstm")
    }
    options = ("--text", "text", "--steps", 12, "--places", 3)
    fresh = ("--cells", "jordan", "lstm", "--size", 7, "--seed", 5)
    assert run(*options, *fresh) == as_table(flows) + "\n"
    usual = json.loads(run(*options, "--json"))
    assert list(usual) == ["elman", "gru", "lstm"]
    assert [row["memory"] is None for row in usual.values()] == [True, True, False]
    assert all(len(row["hidden"]) == 12 for row in usual.values())


def test_a_picture_of_all(run: Command, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "flow.svg"
    run("gru", "lstm", "--text", "text", "--steps", 9, "--plot", path)
    assert path.read_bytes().startswith(b"<?xml")


def test_runs_have_the_names_of_their_folders_if_those_differ() -> None:
    assert short_names(["runs/gru", "runs/lstm/"]) == ["gru", "lstm"]
    assert short_names(["a/gru", "b/gru", "lstm"]) == ["a/gru", "b/gru", "lstm"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["gru"], SettingsError, "give --text FILE"),
        (["gru", "--text", "missing"], DataError, "there is no file missing"),
        (["gru", "gru", "--text", "text"], SettingsError, "gru is given twice"),
        (["--text", "text", "--cells", "gru", "gru"], SettingsError, "gru is given twice"),
        (["--text", "text", "--cells", "grus"], SettingsError, r"--cells grus .* mean gru\?"),
        (["--text", "text", "--steps", "0"], SettingsError, "--steps 0 must be at least 1"),
        (["--text", "text", "--places", "0"], SettingsError, "--places 0 must be at least 1"),
        (["gru", "--text", "text", "--size", "9"], SettingsError, "--size 9 has no effect"),
        (["gru", "--text", "text", "--seed", "9"], SettingsError, "--seed 9 has no effect"),
        (["gru", "--text", "text", "--cells", "gru"], SettingsError, "has no effect with RUN"),
        (["gru", "--text", "text", "--plot", "x.gif"], SettingsError, r"x\.gif must end in"),
        (["ngrams", "--text", "text"], RunError, "an n-gram model, and a recurrent"),
        (["missing", "--text", "text"], RunError, "there is no run at missing"),
        (
            ["gru", "--text", "text", "--steps", "5000"],
            DataError,
            "gru: 5,000 steps need 5,001 tokens",
        ),
    ],
)
def test_mistakes_are_named(
    run: Command, arguments: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(*arguments)


def test_it_is_among_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lm", "gradients", "--help"])
    page = capsys.readouterr().out
    for option in ("--text", "--steps", "--places", "--cells", "--size", "--plot", "--json"):
        assert f"{option} " in page or f"{option}," in page
