"""lm train, score and generate as a user meets them: in processes of their own, and mistakes."""

import json
import math
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import Corpora
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.translation.train import train
from tests.support.language import LINES, TEXTS, describe

Command = Callable[..., subprocess.CompletedProcess[bytes]]
Run = Callable[..., tuple[str, str]]

SMALL = [
    *("--device", "cpu", "--data.tokenizer", "word", "--data.steps", "5"),
    *("--data.batch-size", "3", "--model.sizes", "9", "--model.embedding-size", "8"),
    *("--training.max-steps", "4", "--training.threads", "1", "--generation.max-tokens", "5"),
]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a language model, and texts."""
    place = tmp_path_factory.mktemp("language")
    train_language_model(describe(place / "run", max_steps=20), TEXTS)
    write(place / "book.txt", LINES)
    write(place / "held-out.txt", TEXTS.validation)
    (place / "empty.txt").write_text("")
    return place


# ---------------------------------------------------------------------------------------------
# Programs of their own


def test_from_a_text_to_made_up_text(
    command: Command, run: Run, folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "run"
    text = ["--data.train", folder / "book.txt"]
    result = command("-m", "seq2seq", "lm", "train", *text, *SMALL, "--run", place)
    said = result.stderr.decode()
    assert (result.returncode, result.stdout) == (0, b""), said
    assert "training tokens, a vocabulary of" in said
    assert "bits per character" in said
    assert "made up" in said
    generated = command(
        *("-m", "seq2seq", "lm", "generate", place, "--prefix", "the cat", "--seed", 3),
        *("--device", "cpu", "--max-tokens", 8),
    )
    assert (generated.returncode, generated.stderr) == (0, b"")
    expected = LanguageModel.load(place, "cpu").generate("the cat", seed=3, max_tokens=8)
    assert generated.stdout.decode() == expected + "\n"
    out, said = run(
        *("lm", "train", "--run", place, "--resume", "--training.max-steps", 6, "--device", "cpu")
    )
    assert out == ""
    assert "Training ended after 6 steps" in said


def test_score_reads_standard_input(command: Command, folder: Path) -> None:
    data = (folder / "held-out.txt").read_bytes()
    result = command(
        *("-m", "seq2seq", "lm", "score", folder / "run", "--device", "cpu", "--json"), input=data
    )
    assert (result.returncode, result.stderr) == (0, b"")
    model = LanguageModel.load(folder / "run", "cpu")
    expected = model.evaluate_lines(TEXTS.validation).summary()
    assert json.loads(result.stdout) == pytest.approx(expected, rel=1e-6)


# ---------------------------------------------------------------------------------------------
# score


@pytest.mark.slow
def test_score_prints_every_figure(run: Run, folder: Path) -> None:
    out, err = run("lm", "score", folder / "run", "--text", folder / "held-out.txt")
    assert err == ""
    expected = LanguageModel.load(folder / "run").evaluate_lines(TEXTS.validation).summary().items()
    found = dict(re.findall(r"^([a-z ]+?)  +([\d.,]+)$", out, re.MULTILINE))
    assert [name.replace(" ", "_") for name in found] == [name for name, _ in expected]
    for shown, (_, value) in zip(found.values(), expected, strict=True):
        assert float(shown.replace(",", "")) == pytest.approx(value, abs=1e-3)


def test_score_by_line_sums_to_the_line(run: Run, folder: Path, tmp_path: Path) -> None:
    lines = [*TEXTS.validation, ""]
    text = write(tmp_path / "text", lines)
    files = [folder / "run", "--text", text, "--device", "cpu", "--by-line"]
    out, err = run("lm", "score", *files)
    assert err == ""
    rows = [tuple(map(float, line.split("\t"))) for line in out.splitlines()]
    json_rows = [json.loads(line) for line in run("lm", "score", *files, "--json")[0].splitlines()]
    after_run = [folder / "run", text, *files[3:]]
    assert run("lm", "score", *after_run) == (out, "")
    model = LanguageModel.load(folder / "run", "cpu")
    assert len(rows) == len(json_rows) == len(lines)
    assert json_rows[-1]["tokens"] == [], "an empty line has nothing to predict"
    for line, (total, mean), row in zip(lines, rows, json_rows, strict=True):
        score = model.score(line)
        assert total == pytest.approx(score.log_probability, abs=1e-4)
        assert mean == pytest.approx(score.log_probability / max(1, len(score.tokens)), abs=1e-4)
        assert row == {"text": line, **score.summary()}


def test_an_infinite_perplexity_is_null_in_json(run: Run, folder: Path, tmp_path: Path) -> None:
    text = write(tmp_path / "long.txt", ["the." * 400])  # one word of 800 tokens
    out, _ = run("lm", "score", folder / "run", "--text", text, "--json", "--device", "cpu")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert found["word_perplexity"] is None
    assert math.isfinite(found["perplexity"])


# ---------------------------------------------------------------------------------------------
# generate


def test_generate_takes_what_the_run_says(run: Run, folder: Path) -> None:
    model = LanguageModel.load(folder / "run", "cpu")
    common = ["lm", "generate", folder / "run", "--device", "cpu"]
    assert run(*common) == (model.generate() + "\n", "")
    changes = {"prefix": "a dog", "max_tokens": 7, "temperature": 0.5, "top_k": 4, "top_p": 0.9}
    options = [
        word
        for name, value in changes.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert run(*common, *options) == (model.generate(**changes) + "\n", "")
    common.insert(3, "a dog")
    assert run(*common) == (model.generate(prefix="a dog") + "\n", "")


# ---------------------------------------------------------------------------------------------
# mistakes

MISTAKES: dict[str, tuple[list[str], list[str]]] = {
    "nothing": (["lm"], ["no command given", "seq2seq lm train", "seq2seq lm generate"]),
    "unknown": (["lm", "scroe"], ["unknown command scroe (did you mean score?)"]),
    "train nothing": (["lm", "train"], ["no run directory: give --run DIR", "no budget"]),
    "train without text": (
        ["lm", "train", "--run", "new", "--training.epochs", "1"],
        ["no training text: give --data.train FILE"],
    ),
    "train a text that is not there": (
        ["lm", "train", "--run", "new", "--training.epochs", "1", "--data.train", "FOLDER/bok.txt"],
        ["there is no file", "did you mean", "book.txt"],
    ),
    "train in both directions": (
        ["lm", "train", "--run", "new", "--training.epochs", "1", "--model.bidirectional"],
        ["--model.bidirectional", "sees the tokens that it is to predict"],
    ),
    "train where a run is": (
        ["lm", "train", *("--run", "FOLDER/run", "--training.epochs", "1", "--data.train", "x")],
        ["--overwrite"],
    ),
    "score a translation model": (
        ["lm", "score", "TRANSLATION", "--text", "FOLDER/book.txt"],
        ["is a translation model, and a language model is needed here"],
    ),
    "generate with a translation model": (
        ["lm", "generate", "TRANSLATION"],
        ["is a translation model, and a language model is needed here"],
    ),
    "look ahead with a translation model": (
        ["lm", "ahead", "TRANSLATION", "--text", "FOLDER/book.txt"],
        ["is a translation model, and a language model is needed here"],
    ),
    "continue a translation model": (
        ["lm", "train", "--run", "TRANSLATION", "--resume"],
        ["is a translation model, and a language model is needed here"],
    ),
    "translate with a language model": (
        ["translate", "FOLDER/run"],
        ["is a language model, and a translation model is needed here: see seq2seq lm --help"],
    ),
    "score nothing": (
        ["lm", "score", "FOLDER/run", "--text", "FOLDER/empty.txt"],
        ["there is no token to predict"],
    ),
    "score with no run": (["lm", "score", "FOLDER/rnu"], ["there is no run at"]),
    "generate nothing": (
        ["lm", "generate", "FOLDER/run", "--max-tokens", "0"],
        ["max-tokens 0 must be at least 1"],
    ),
}


@pytest.fixture(scope="module")
def translation(tmp_path_factory: pytest.TempPathFactory, letters: Corpora) -> Path:
    """A run of a translation model, of one step."""
    experiment = Experiment(
        run=str(tmp_path_factory.mktemp("translation") / "run"),
        device="cpu",
        data=DataSettings(tokenizer="word"),
        model=ModelSettings(embedding_size=4, encoder_sizes=(4,), decoder_sizes=(4,)),
        training=TrainingSettings(max_steps=1),
    )
    train(experiment, letters)
    return Path(experiment.run)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_met_with_one_message(
    mistake: str,
    folder: Path,
    translation: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"FOLDER": str(folder), "TRANSLATION": str(translation)}
    arguments, wanted = MISTAKES[mistake]
    said = fails(*(re.sub("FOLDER|TRANSLATION", lambda m: names[m[0]], a) for a in arguments))
    for part in wanted:
        assert part in said
    assert not list(tmp_path.glob("new*"))


def test_a_mistake_in_a_process_of_its_own_has_no_traceback(command: Command, folder: Path) -> None:
    result = command("-m", "seq2seq", "translate", folder / "run", input=b"a\n")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"is a language model" in result.stderr
    assert b"Traceback" not in result.stderr
