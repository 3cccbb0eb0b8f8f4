"""Candidates chosen with the help of other models, on small trained runs."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.readers.lines import read_lines
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.translation.reranker import Reranker
from seq2seq.translation.translator import Translator

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A language model of French characters, trained for a moment."""
    run = tmp_path_factory.mktemp("runs") / "french"
    described = LanguageExperiment(
        run=str(run),
        device="cpu",
        data=LanguageDataSettings(
            train=str(sample / "train.fr"), tokenizer="character", windows="sentences"
        ),
        model=LanguageModelSettings(embedding_size=16, sizes=(32,), dropout=0.0),
        training=TrainingSettings(max_steps=30, best_by="perplexity", label_smoothing=0.0),
    )
    train_language_model(described)
    return run


@pytest.fixture(scope="module")
def pairs(sample: Path) -> tuple[list[str], list[str]]:
    sources, targets = (read_lines(sample / f"validation.{side}") for side in ("en", "fr"))
    return sources[:40], targets[:40]


def test_features_are_what_the_models_say(
    trained: Path, language: Path, pairs: tuple[list[str], list[str]]
) -> None:
    translator, model = Translator.load(trained), LanguageModel.load(language)
    texts, features = Reranker(
        translator, language=model, reverse=translator, n=4
    ).candidate_features(pairs[0][:3])
    assert features.shape == (3, 4, 4)
    for source, row, values in zip(pairs[0], texts, features, strict=False):
        found = translator.candidates(source, n=4)
        assert row == [candidate.text for candidate in found]
        for candidate, each in zip(found, values, strict=False):
            expected = [
                candidate.log_probability,
                len(candidate.tokens) + 1,
                model.score(candidate.text).log_probability,
                translator.score(candidate.text, source).log_probability,
            ]
            torch.testing.assert_close(each, torch.tensor(expected).double(), rtol=1e-4, atol=1e-4)


def test_tuning_helps_on_what_it_is_tuned_on(
    trained: Path, language: Path, pairs: tuple[list[str], list[str]]
) -> None:
    reranker = Reranker(Translator.load(trained), language=LanguageModel.load(language), n=5)
    texts, features = reranker.candidate_features(pairs[0])
    alone = reranker.translate(pairs[0])
    best = features[..., 0].argmax(dim=1).tolist()
    assert alone == [row[place] for row, place in zip(texts, best, strict=True)]
    bleu = reranker.tune(*pairs)
    from seq2seq.evaluation.metrics import evaluate

    assert evaluate(reranker.translate(pairs[0]), pairs[1])["bleu"].score == pytest.approx(bleu)
    assert bleu >= evaluate(alone, pairs[1])["bleu"].score
    assert reranker.weights["translation"] == 1.0


def test_weights_of_other_features_are_refused(trained: Path) -> None:
    translator = Translator.load(trained)
    with pytest.raises(SettingsError, match="the features are translation, length"):
        Reranker(translator, weights={"translation": 1.0, "language": 0.2})
    with pytest.raises(SettingsError, match="at least 2 candidates"):
        Reranker(translator, n=1)
    assert Reranker(translator).translate([]) == []


def test_fewer_candidates_than_asked_for(trained: Path, language: Path) -> None:
    """Of texts that come twice, one stays; of an empty source there is one candidate."""
    translator = Translator.load(trained)
    reranker = Reranker(translator, language=LanguageModel.load(language), n=30)
    translator.settings = replace(translator.settings, method="sample", temperature=0.1)
    sources = ["I am tired.", "", "We like music."]
    texts, features = reranker.candidate_features(sources)
    assert texts[1] == [""]
    assert all(len(set(row)) == len(row) < 30 for row in texts)
    there = (features[..., 0] > float("-inf")).sum(dim=1).tolist()
    assert there == [len(row) for row in texts]
    assert reranker.tune(sources, ["Je suis fatigué.", "Rien.", "On aime la musique."]) >= 0
    assert all(text in row for text, row in zip(reranker.translate(sources), texts, strict=True))


def test_the_command_line(
    command: Command, trained: Path, language: Path, sample: Path, tmp_path: Path
) -> None:
    tuning = [
        *("--tune-source", sample / "validation.en", "--tune-reference", sample / "validation.fr")
    ]
    models = ["--language-model", language, "--n", "3", "--weights", tmp_path / "w.json"]
    text = b"I am tired.\n\nWe like music.\n"
    first = command("-m", "seq2seq", "rerank", trained, *models, *tuning, input=text)
    assert first.returncode == 0, first.stderr.decode()
    assert b"translation 1.0000, length" in first.stderr
    assert len(first.stdout.decode().splitlines()) == 3
    assert first.stdout.decode().splitlines()[1] == ""
    assert set(json.loads((tmp_path / "w.json").read_text())) == {
        *("translation", "length", "language")
    }
    empty = tmp_path / "empty"
    empty.write_text("\n" * len(read_lines(sample / "validation.fr")))
    more = command("-m", "seq2seq", "rerank", trained, *models, *tuning, empty, input=text)
    assert (more.stdout, more.stderr) == (first.stdout, first.stderr), "no reference is in it"
    again = command("-m", "seq2seq", "rerank", trained, *models, input=text)
    assert again.stdout == first.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no weights"),
        (["--tune-source", "x"], "belong together"),
        (["--weights", "w.json"], "no other model"),
        (["--weights", "w.json", "--reverse", "RUN"], "w.json can't be read"),
    ],
)
def test_mistakes_on_the_command_line(
    command: Command, trained: Path, arguments: list[str], message: str
) -> None:
    given = [str(trained) if each == "RUN" else each for each in arguments]
    result = command("-m", "seq2seq", "rerank", trained, *given, input=b"a\n")
    assert result.returncode == 2
    assert message in result.stderr.decode()
    assert b"Traceback" not in result.stderr
