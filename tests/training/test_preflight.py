"""What would stop a run is told before any text is read: all of it at once, each by its name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.cli.main import main
from seq2seq.cli.parse import parse_experiment
from seq2seq.config.base import from_dict
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import RunError, SettingsError
from seq2seq.language_modeling.train import train_language_model
from seq2seq.training.preflight import format_flag, missing_for_training, preflight
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator
from tests.support.language import TEXTS, describe

MISSING = "cuda" if torch.backends.mps.is_available() else "mps"
"""A device that is not here: no machine has both."""


def lines(kind: Any, values: dict[str, Any], **options: Any) -> list[str]:
    """What keeps a run from being begun, a line each."""
    training = {"max_steps": 100, **values.get("training", {})}
    if kind is LanguageExperiment:
        training = {"best_by": "perplexity", "label_smoothing": 0.0, **training}
    if kind is not NGramExperiment:
        values = {**values, "training": training}
    try:
        preflight(from_dict(kind, {"run": "nowhere/run", **values}), **options)
    except (SettingsError, RunError) as error:
        return str(error).split("\n")
    return []


OF_NO_USE: list[tuple[dict[str, Any], list[str]]] = [
    ({"training": {"sampling": {"rate": 0.5}}}, ["--training.sampling.rate 0.5 has no effect"]),
    ({"training": {"batch_tokens": 1}}, ["--training.batch-tokens 1 is less than a single"]),
    ({"device": MISSING}, [f"device {MISSING} is not available here"]),
    (
        {"model": {"initialize_decoder": "nowhere/english"}},
        ["--model.initialize-decoder nowhere/english: there is no run"],
    ),
]


@pytest.mark.parametrize(("values", "words"), OF_NO_USE, ids=str)
def test_what_is_of_no_use_to_a_training_is_named(values: dict[str, Any], words: list[str]) -> None:
    (line,) = lines(Experiment, values)
    for word in words:
        assert word in line


def test_what_a_training_can_use_is_taken() -> None:
    assert lines(Experiment, {}) == []
    assert lines(LanguageExperiment, {}) == []


def test_a_language_model_has_the_same_checks() -> None:
    values = {
        "data": {"windows": "sentences", "vocab_size": 10, "vocabulary": ""},
        "training": {"batch_tokens": 1, "sampling": {"rate": 0.5}},
        "generation": {"top_k": 11},
    }
    found = lines(LanguageExperiment, values)
    assert [line.split()[0] for line in found] == [
        *("--training.sampling.rate", "--training.batch-tokens", "--generation.top-k"),
    ]
    assert lines(LanguageExperiment, {"data": {"vocabulary": "nowhere/run-2"}}) == [
        "--data.vocabulary nowhere/run-2: there is no run at nowhere/run-2: train one with --run "
        "nowhere/run-2"
    ]


def test_no_budget_no_run_no_text_and_all_else_at_once() -> None:
    values = {
        "run": "",
        "training": {"max_steps": None, "sampling": {"rate": 0.5}},
        "device": MISSING,
        "model": {"initialize_encoder": "nowhere/english"},
    }
    found = lines(Experiment, values, text_given=False, problems=["--seed -1 is wrong"])
    words = ["--seed -1", "sampling.rate", f"device {MISSING}", "no training text"]
    words += ["no budget", "no run directory", "initialize-encoder"]
    assert [word in line for word, line in zip(words, found, strict=True)] == [True] * 7


def test_percent_of_no_budget_are_named() -> None:
    values = {"training": {"max_steps": None, "sampling": {"schedule": "linear"}}}
    (line,) = lines(Experiment, values)
    assert line.startswith("no budget, of which --training.sampling.unit percent counts percent:")
    for budget in ("minutes", "epochs", "max_steps"):
        values["training"] = {**values["training"], budget: 0}  # off, as leaving it out
        assert lines(Experiment, values) == [line]


def test_a_directory_in_the_way_is_a_run_error_by_itself(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    training = TrainingSettings(max_steps=1)
    described = Experiment(run=str(tmp_path), training=training)
    with pytest.raises(RunError, match="never deleted"):
        preflight(described)
    with pytest.raises(SettingsError, match=r"no budget.*\n.*never deleted"):
        preflight(replace(described, training=TrainingSettings()))
    assert preflight(replace(described, run=str(tmp_path / "new"))).path == tmp_path / "new"


def test_a_dry_run_may_lack_what_a_training_may_not(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    dry = Experiment(run=str(tmp_path), dry_run=True)
    preflight(dry)
    budget, taken = missing_for_training(dry)
    assert "no budget" in budget
    assert "never deleted" in taken
    assert "no run directory" in missing_for_training(Experiment(dry_run=True))[1]
    with pytest.raises(SettingsError, match="weight-decay"):
        preflight(replace(dry, training=TrainingSettings(optimizer="adam", weight_decay=0.5)))
    with pytest.raises(SettingsError, match="no budget"):
        preflight(replace(dry, resume=True))


def test_what_a_run_was_trained_with_can_be_continued(experiment: Any, letters: Corpora) -> None:
    """Settings of no use, which an earlier version took, do not lock a run up."""
    run = experiment(max_steps=1)
    train(run, letters)
    useless = replace(run.training, max_steps=2, weight_decay=0.5, optimizer="adam")
    again = replace(run, resume=True, training=replace(useless, optimizer="adamw"))
    again = replace(again, training=replace(again.training, plateau_factor=0.1))
    assert list(again.training_problems())
    assert train(again, letters) == "the budget is used up"


def test_a_finished_run_says_how_to_go_on(
    experiment: Any, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    run = experiment(max_steps=1)
    train(run, letters)
    assert "to go on" not in capsys.readouterr().err
    train(replace(run, resume=True), letters)
    assert "; to go on, give more than it has had: --training.minutes," in capsys.readouterr().err


def test_a_model_that_was_only_saved_has_no_training(
    experiment: Any, letters: Corpora, trained: Path, tmp_path: Path
) -> None:
    Translator.load(trained, "cpu").save(tmp_path / "saved")
    stored = replace(experiment(max_steps=1), run=str(tmp_path / "saved"))
    for given in (letters, None):
        with pytest.raises(RunError, match=r"saved was not trained here, .* to continue"):
            train(replace(stored, resume=True), given)


def test_a_run_without_named_text_may_be_a_recipes(experiment: Any, letters: Corpora) -> None:
    run = experiment(max_steps=1)
    with pytest.raises(SettingsError, match=r"or in short: seq2seq train pairs\.tsv$"):
        train(run)
    train(run, letters)
    with pytest.raises(SettingsError, match=r"continued by the recipe itself, with --resume$"):
        train(replace(run, resume=True))


def test_a_model_without_room_is_one_clear_message(experiment: Any, letters: Corpora) -> None:
    run = experiment(max_steps=1)
    for size in (2**48, 2**62):
        wide = replace(run, model=replace(run.model, embedding_size=size))
        with pytest.raises(SettingsError, match="not enough memory for a model of these sizes"):
            train(wide, letters)
    assert not Path(run.run).exists()


def test_batches_smaller_than_every_sentence_are_refused(
    experiment: Any, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    long = ["a b c", "d e f a"]
    pairs = ParallelCorpus(long, long, "long")
    with pytest.raises(SettingsError, match=r"batch-tokens 3 is less .* has 4 tokens"):
        train(experiment("none", max_steps=1, batch_tokens=3), letters._replace(train=pairs))
    train(experiment(max_steps=1, batch_tokens=4), letters._replace(train=pairs))
    assert "each of them is a batch of its own" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------
# Other runs


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of a language model."""
    place = tmp_path_factory.mktemp("before") / "english"
    train_language_model(describe(place, windows="sentences", max_steps=1), TEXTS)
    return place


def test_a_language_model_that_does_not_fit_is_found_before_text_is_read(english: Path) -> None:
    for side in ("encoder", "decoder"):
        model = {f"initialize_{side}": str(english), "cell": "lstm", "embedding_size": 8}
        (line,) = lines(Experiment, {"model": {**model, f"{side}_sizes": [7]}})
        assert f"--model.initialize-{side} {english} does not fit this model" in line
        assert f"set --model.cell gru --model.{side}-sizes 9, as that run has them" in line
        fitting = {**model, "cell": "gru", f"{side}_sizes": [9]}
        assert lines(Experiment, {"model": fitting}) == []


def test_two_matrices_can_not_begin_one_that_is_tied(tmp_path: Path) -> None:
    place = tmp_path / "untied"
    described = describe(place, windows="sentences", max_steps=1)
    model = replace(described.model, tied_output=False)
    train_language_model(replace(described, model=model), TEXTS)
    model_values = {"initialize_decoder": str(place), "embedding_size": 8, "decoder_sizes": [9]}
    (line,) = lines(Experiment, {"model": model_values})
    assert "--model.no-tied-output, as that run has them" in line


def test_a_run_is_not_deleted_that_is_needed(english: Path) -> None:
    values = {"run": str(english), "overwrite": True, "data": {"vocabulary": str(english)}}
    for kind in (LanguageExperiment, NGramExperiment):
        (line,) = lines(kind, values)
        assert line.startswith(f"--overwrite would delete {english}, which --data.vocabulary")


def test_a_run_with_the_vocabularies_of_another_has_its_tokens(
    trained: Path, english: Path, tmp_path: Path
) -> None:
    borrowed = {"vocabulary": str(trained), "joint": True}
    (line,) = lines(Experiment, {"data": borrowed})
    assert line == (
        f"--data.vocabulary {trained} does not fit this run: set --data.tokenizer word "
        "--data.min-frequency 2 --data.no-joint, as that run has them"
    )
    fitting = {"vocabulary": str(trained), "tokenizer": "word", "min_frequency": 2}
    assert lines(Experiment, {"data": fitting}) == []
    (line,) = lines(Experiment, {"data": {"vocabulary": str(english)}})
    assert line.startswith(f"--data.vocabulary {english}: ")
    assert "language model" in line
    found = lines(
        Experiment, {"data": fitting, "model": {"initialize_decoder": str(tmp_path / "no")}}
    )
    assert "both bring vocabularies" in found[0]


def test_options_are_spelled_as_they_are_typed() -> None:
    assert format_flag("--model.tied-output", True) == "--model.tied-output"
    assert format_flag("--model.cell", "gru") == "--model.cell gru"


# ---------------------------------------------------------------------------------------------
# The command line


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The lines of the one error of a command."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    return err.removeprefix("error: ").splitlines()


@pytest.mark.parametrize("command", [["train"], ["lm", "train"]], ids=" ".join)
def test_a_command_tells_all_at_once(
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    found = said(
        capsys,
        *(*command, "--model.dropout", "1.5", "--training.accumulate", "0", "--seed", "-1"),
        *("--device", MISSING, "--training.sampling.rate", "0.5"),
    )
    words = ["--model.dropout 1.5", "--training.accumulate 0", "--seed -1"]
    words += ["--training.sampling.rate 0.5", f"device {MISSING}", "no training text"]
    words += ["no budget", "no run directory"]
    assert [word in line for word, line in zip(words, found, strict=True)] == [True] * len(words)
    assert not list(tmp_path.iterdir())


def test_n_grams_tell_all_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = said(capsys, "lm", "ngram", "--order", "0", "--data.vocabulary", "nowhere")
    words = ["--order 0", "no training text", "no run directory", "--data.vocabulary nowhere"]
    assert [word in line for word, line in zip(words, found, strict=True)] == [True] * 4


def test_a_continued_run_tells_all_at_once(english: Path) -> None:
    arguments = ["--run", str(english), "--resume", "--model.cell", "lstm", "--seed", "-1"]
    with pytest.raises(SettingsError) as caught:
        parse_experiment(LanguageExperiment(), [*arguments, "--device", MISSING])
    first, second, third = str(caught.value).split("\n")
    assert "--seed -1 is not in [0" in first
    assert "--model.cell lstm (it is gru)" in second
    assert MISSING in third
