"""seq2seq train replaces settings that nobody stated, says so, and records them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from seq2seq.cli.config_file import SettingsFile
from seq2seq.cli.given import Given
from seq2seq.config.experiment import Experiment

Run = Callable[..., tuple[str, str]]
Fails = Callable[..., str]
STEPS = ("--training.max-steps", "6", "--device", "cpu", "--training.threads", "1")


@pytest.fixture
def pairs(sample: Path, tmp_path: Path) -> Path:
    """Forty pairs."""
    texts = [(sample / f"train.{side}").read_text("utf-8").splitlines() for side in ("en", "fr")]
    rows = ["\t".join(row) for row in zip(*texts, strict=True)]
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{row}\n" for row in rows[:800:20]), encoding="utf-8")
    return file


def recorded(run: Path) -> Any:
    return json.loads((run / "experiment.json").read_text("utf-8"))["experiment"]


def test_forty_pairs_train_and_the_run_can_be_made_again(
    pairs: Path, tmp_path: Path, run: Run, fails: Fails
) -> None:
    one, again = tmp_path / "one", tmp_path / "again"
    small = ("--model.encoder-sizes", 8, "--model.decoder-sizes", 8)
    said = run("train", pairs, *STEPS, *small, "--run", one)[1]
    assert "Settings that fit 40 pairs and the budget (--no-fit keeps the defaults):" in said
    assert "--data.validation-size 4" in said
    assert "--training.warmup-steps 0 --training.validate-every 1" in said
    assert "--model.embedding-size" not in said, "widths that are given leave the others"
    assert recorded(one)["data"]["validation_size"] == 4
    assert re.search(r"vocabularies of \d+ and \d+ \(the text gives no more pieces\)", said)
    few = ("--data.vocab-size", 90, "--run", tmp_path / "few")
    said = run("train", pairs, *STEPS, *small, *few)[1]
    assert "vocabularies of 90 and 90, " in said
    # What is recorded is stated: nothing is fitted to another text, or another budget.
    said = run("train", "--config", one / "experiment.json", *STEPS[2:], "--run", again)[1]
    assert "Settings that fit" not in said
    assert "fitted" not in said, "there is a budget"
    weights = [load_file(each / "last.safetensors") for each in (one, again)]
    assert all(weights[0][name].equal(weights[1][name]) for name in weights[0])
    said = run("train", pairs, "--run", one, "--resume", "--training.max-steps", 8, *STEPS[2:])[1]
    assert "Settings that fit" not in said
    assert "Training ended after 8 steps" in said
    assert recorded(one)["training"]["validate_every"] == 1
    said = fails("train", pairs, *STEPS, "--no-fit", "--run", tmp_path / "none")
    assert "500 are to be set aside for validation" in said


def test_a_setting_of_a_flag_or_a_file_is_stated(tmp_path: Path) -> None:
    arguments = ["--model.dropout=0.1", "--data.vocab_size", "9", "--model.no-lexical", "--seed"]
    file = SettingsFile({"training.learning_rate": 1e-3})
    assert Given(arguments, file).names(Experiment) == {
        *("model.dropout", "data.vocab_size", "model.lexical", "seed", "training.learning_rate"),
    }


def test_a_file_keeps_its_settings(pairs: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("training.batch_tokens = 2048\nmodel.dropout = 0.3\n", encoding="utf-8")
    arguments = ("--config", file, *STEPS, "--model.cell", "gru", "--dry-run")
    out, said = run("train", pairs, *arguments)
    assert "batch-tokens" not in said
    assert "--model.dropout" not in said
    assert re.search(r"^    --training\.batch-tokens +2048$", out, re.MULTILINE)
    assert re.search(r"^  \* --training\.learning-rate", out, re.MULTILINE)


def test_a_mix_is_counted_as_a_whole(pairs: Path, tmp_path: Path, run: Run) -> None:
    mix = tmp_path / "mix.toml"
    few = tmp_path / "few.tsv"
    few.write_text("".join(pairs.read_text("utf-8").splitlines(True)[:20]), encoding="utf-8")
    text = "".join(f"[[corpus]]\nname = '{f.stem}'\ntrain = '{f}'\n" for f in (few, pairs))
    mix.write_text(text, encoding="utf-8")
    said = run("train", "--data.mix", mix, *STEPS, "--dry-run")[1]
    assert "Settings that fit 60 pairs" in said
    assert "--data.validation-size 2  # source sentences, each with all its pairs\n" in said, (
        "of the first corpus, a tenth"
    )


def test_a_run_that_goes_on_from_another_has_its_network(
    trained: Path, pairs: Path, run: Run
) -> None:
    said = run("train", pairs, "--model.initialize", trained, *STEPS, "--dry-run")[1]
    (line,) = [line for line in said.splitlines() if line.startswith("  --model.")]
    assert line.split()[::2] == ["--model.dropout", "--model.word-dropout"]
    assert "--data.vocab-size" not in said
    assert "--training.learning-rate" in said


def test_a_run_with_the_tokens_of_another_has_their_settings(
    trained: Path, pairs: Path, run: Run, fails: Fails
) -> None:
    out, said = run("train", pairs, "--data.vocabulary", trained, *STEPS, "--dry-run")
    for name, value in (("tokenizer", "word"), ("min-frequency", 2)):
        assert re.search(rf"^  \* --data\.{name} +{value} ", out, re.MULTILINE)
    assert "--data.vocab-size" not in said
    assert "--model.encoder-sizes" in said, "tokens say nothing about the network"
    other = ("--data.vocabulary", trained, "--data.tokenizer", "character", *STEPS, "--dry-run")
    assert "set --data.tokenizer word, as that run has them" in fails("train", pairs, *other)


def test_a_dry_run_without_a_budget_says_that_nothing_is_fitted(
    pairs: Path, run: Run, fails: Fails
) -> None:
    size = ("--data.validation-size", 4)
    out, said = run("train", pairs, *size, "--device", "cpu", "--dry-run")
    assert "note: without a budget nothing is fitted to the text" in said
    assert "no budget" in out


def test_a_missing_file_is_named_beside_what_else_is_missing(fails: Fails, tmp_path: Path) -> None:
    said = fails("train", tmp_path / "none.tsv")
    for part in ("none.tsv", "no budget", "no run directory"):
        assert part in said
