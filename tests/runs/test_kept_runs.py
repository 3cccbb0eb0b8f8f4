"""Runs that earlier versions made: this one loads them, and they say what they said then.

One folder for each format of runs, made by the first version with that format from the two texts in
it: `seq2seq train`, `seq2seq lm train` and `seq2seq lm ngram`, with the commands that their
experiment.json has. A later version of the format made `mix`, a run of several corpora with filters
and noise of their own. They are never made again: a change that they don't survive breaks the
promise of the README, and needs a new format.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.runs.directory import FORMAT
from seq2seq.runs.run import Run
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

KEPT = sorted(Path(__file__).parent.glob("format-*"))


ExperimentT = TypeVar("ExperimentT", Experiment, LanguageExperiment)
USED_UP = "the budget is used up"


def said(folder: Path) -> dict[str, Any]:
    """What the runs said when they were new."""
    values: dict[str, Any] = json.loads((folder / "said.json").read_text(encoding="utf-8"))
    return values


def test_there_is_one_of_this_format() -> None:
    assert f"format-{FORMAT.rpartition(' ')[2]}" in [folder.name for folder in KEPT]


@pytest.mark.parametrize("name", ["translation", "mix"])
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_run_still_translates(folder: Path, name: str) -> None:
    translator = Translator.load(folder / name, "cpu")
    for source, (target, log_probability) in said(folder)[name].items():
        best = translator.candidates(source)[0]
        assert best.text == target
        assert best.log_probability == pytest.approx(log_probability, abs=1e-4)


@pytest.mark.parametrize("name", ["language-model", "n-grams"])
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_language_model_still_scores(folder: Path, name: str) -> None:
    model = LanguageModel.load(folder / name, "cpu")
    for text, log_probability in said(folder)[name].items():
        assert model.score(text).log_probability == pytest.approx(log_probability, abs=1e-4)


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_run_is_continued(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "runs")

    def continued(name: str, kind: type[ExperimentT], text: str, steps: int) -> ExperimentT:
        experiment = Run(tmp_path / "runs" / name).experiment(kind)
        return replace(
            experiment,
            resume=True,
            data=replace(experiment.data, train=str(folder / text)),
            training=replace(experiment.training, max_steps=steps),
        )

    assert train(continued("translation", Experiment, "text.tsv", 152)) == USED_UP
    run = tmp_path / "runs" / "translation"
    assert Translator.load(run, "cpu").translate("Emma sucht das Haus.")
    model = continued("language-model", LanguageExperiment, "text.txt", 62)
    assert train_language_model(model) == USED_UP


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_kept_mix_is_continued(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same pairs, as its corpora and the model that filters one stand beside it."""
    shutil.copytree(folder, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    experiment = Run("mix").experiment(Experiment)
    training = replace(experiment.training, max_steps=402)
    assert train(replace(experiment, resume=True, training=training)) == USED_UP
    *_, last = map(json.loads, Path("mix/metrics.jsonl").read_text(encoding="utf-8").splitlines())
    seen = {name: corpus["pairs"] for name, corpus in last["seen"].items()}
    assert last["step"] == 402
    assert seen["real"] > 2968
    assert seen["synthetic"] > 1484
