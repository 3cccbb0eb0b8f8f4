"""lm ahead as a user meets it: a table, JSON, a picture and mistakes."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from tests.support.language import TEXTS, describe

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, and a text."""
    place = tmp_path_factory.mktemp("ahead")
    train_language_model(describe(place / "run", max_steps=30), TEXTS)
    shutil.copytree(place / "run", place / "other")
    lines = "".join(f"{line}\n" for line in TEXTS.validation)
    (place / "text").write_text(lines, encoding="utf-8")
    return place


def test_a_table_has_a_row_for_each_step(run: Run, folder: Path) -> None:
    out, err = run(
        "lm", "ahead", folder / "run", "--text", folder / "text", "--steps", 3, "--places", 30
    )
    assert err == ""
    name, places, head, *rows, blank = out.split("\n")[:-1]
    assert (name, places, blank) == (str(folder / "run"), "from 30 places", "")
    assert head.split() == ["k", "accuracy", "log-probability"]
    model = LanguageModel.load(folder / "run", "cpu")
    expected = model.predict_ahead(TEXTS.validation, steps=3, places=30)
    for k, (row, step) in enumerate(zip(rows, expected.steps, strict=True), start=1):
        number, accuracy, log_probability = re.findall(r"[-\d.]+", row)
        assert int(number) == k
        assert float(accuracy) == pytest.approx(100 * step.accuracy, abs=0.06)
        assert float(log_probability) == pytest.approx(step.log_probability, abs=6e-4)
    assert len({len(row) for row in (head, *rows)}) == 1, "columns stand in line"


def test_two_runs_as_json_and_as_a_picture(run: Run, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "ahead.png"
    runs = [folder / "run", folder / "other"]
    out, err = run(
        "lm",
        "ahead",
        *runs,
        "--text",
        folder / "text",
        "--json",
        "--plot",
        picture,
        "--device",
        "cpu",
    )
    assert err == ""
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(out)
    assert list(found) == [str(each) for each in runs]
    expected = LanguageModel.load(folder / "run", "cpu").predict_ahead(TEXTS.validation)
    steps = [{"k": k, **step._asdict()} for k, step in enumerate(expected.steps, start=1)]
    assert len(steps) == 10
    assert found[str(runs[0])] == found[str(runs[1])]
    assert found[str(runs[0])] == {"places": expected.places, "steps": steps}


def test_letters_only_models_read_letters_only(tmp_path: Path) -> None:
    experiment = describe(tmp_path / "run", max_steps=2)
    data = replace(experiment.data, tokenizer="character", letters_only=True)
    train_language_model(replace(experiment, data=data), TEXTS)
    model = LanguageModel.load(experiment.run, "cpu")
    assert model.predict_ahead(["the cat,", "2 dogs."]) == model.predict_ahead(["the cat dogs"])


MISTAKES: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "give RUN and --text FILE"),
    "no text": (["FOLDER/run"], "give RUN and --text FILE"),
    "no steps": (
        ["FOLDER/run", "--text", "FOLDER/text", "--steps", "0"],
        "--steps 0 must be at least 1",
    ),
    "no places": (
        ["FOLDER/run", "--text", "FOLDER/text", "--places", "-1"],
        "--places -1 must be at least 1",
    ),
    "twice": (
        ["FOLDER/run", "FOLDER/run", "--text", "FOLDER/text"],
        "is given twice",
    ),
    "no run": (["FOLDER/rnu", "--text", "FOLDER/text"], "there is no run at"),
    "no such text": (["FOLDER/run", "--text", "FOLDER/txet"], "did you mean .*text"),
    "too far": (
        ["FOLDER/run", "--text", "FOLDER/text", "--steps", "5000"],
        "no 5,000 tokens in a row to predict",
    ),
    "no such picture": (
        ["FOLDER/run", "--text", "FOLDER/text", "--plot", "a.gif"],
        "must end in .png",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake: str, fails: Callable[..., str], folder: Path) -> None:
    arguments, message = MISTAKES[mistake]
    said = fails("lm", "ahead", *(each.replace("FOLDER", str(folder)) for each in arguments))
    assert re.search(message, said)
