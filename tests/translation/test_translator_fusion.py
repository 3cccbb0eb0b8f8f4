"""A translator that a language model helps: what it finds, its scores, and what can't be."""

import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.main import main
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
    MonolingualSettings,
    NGramExperiment,
    NGramSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.vocabulary import EOS, EOS_ID
from seq2seq.decoding.shallow_fusion import LOG_PROB_FLOOR
from seq2seq.errors import RunError, SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.language_modeling.train_ngram import train_ngram_model
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.run import Run
from seq2seq.translation.translator import Translator

Command = Callable[..., subprocess.CompletedProcess[bytes]]
WEIGHT = 0.3
OPTIONS = [
    *("--model.embedding-size", "16", "--model.sizes", "24", "--training.max-steps", "15"),
    *("--training.learning-rate", "1e-2", "--training.batch-tokens", "512", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fusion")


@pytest.fixture(scope="module")
def network(folder: Path, trained: Path, sample: Path, command: Command) -> str:
    """A recurrent language model of the target side's words, made by the command line."""
    run = folder / "network"
    result = command(
        *("-m", "seq2seq", "lm", "train", "--data.train", sample / "train.fr", "--run", run),
        *("--data.validation", sample / "validation.fr", "--data.vocabulary", trained),
        *("--data.windows", "sentences", *OPTIONS),
    )
    assert result.returncode == 0, result.stderr.decode()
    return str(run)


@pytest.fixture(scope="module")
def ngrams(folder: Path, trained: Path, sample: Path) -> str:
    """An n-gram model of the same words."""
    run = str(folder / "ngrams")
    data = MonolingualSettings(train=str(sample / "train.fr"), vocabulary=str(trained))
    train_ngram_model(NGramExperiment(run=run, data=data, model=NGramSettings(order=3)))
    return run


@pytest.fixture(params=["network", "ngrams"])
def language(request: pytest.FixtureRequest) -> str:
    """A run of each kind."""
    run: str = request.getfixturevalue(request.param)
    return run


@pytest.fixture(scope="module")
def translator(trained: Path) -> Translator:
    return Translator.load(trained, "cpu")


@pytest.fixture(scope="module")
def sentences(sample: Path) -> list[str]:
    return read_lines(sample / "test.en")[:40]


def test_the_command_line(
    trained: Path,
    network: str,
    translator: Translator,
    sentences: list[str],
    command: Command,
) -> None:
    result = command(
        *("-m", "seq2seq", "translate", trained, "--decoding.language-model", network),
        *("--decoding.language-model-weight", WEIGHT, "--device", "cpu"),
        input="".join(f"{line}\n" for line in sentences).encode(),
    )
    assert result.returncode == 0, result.stderr.decode()
    settings = {"language_model": network, "language_model_weight": WEIGHT}
    expected = translator.translate(sentences, **settings)
    assert result.stdout.decode() == "".join(f"{line}\n" for line in expected)
    assert expected != translator.translate(sentences)


def test_scores_are_the_weighted_sums(
    translator: Translator, language: str, sentences: list[str]
) -> None:
    settings = {"language_model": language, "language_model_weight": WEIGHT}
    model = LanguageModel.load(language, "cpu")
    checked = 0
    for sentence in sentences[:4]:
        found = translator.candidates(sentence, n=3, **settings)
        assert [each.score for each in found] == sorted((c.score for c in found), reverse=True)
        for candidate in found:
            translated = translator.score(sentence, candidate.text)
            said = model.score(candidate.text)
            assert said.tokens == translated.tokens
            if said.tokens == [*candidate.tokens, EOS]:  # nonsense may be cut in another way
                expected = translated.log_probability + WEIGHT * said.log_probability
                assert candidate.log_probability == pytest.approx(expected, abs=1e-3)
                checked += 1
    assert checked >= 8


def test_the_more_it_counts_the_more_probable_its_sentences(
    translator: Translator, ngrams: str, sentences: list[str]
) -> None:
    model = LanguageModel.load(ngrams, "cpu")
    nats = []
    for weight in (0.0, 0.5, 4.0):
        settings = {"language_model": ngrams, "language_model_weight": weight}
        found = translator.translate(sentences, length_penalty=0.0, **settings)
        nats.append(model.evaluate(found).nats)
    assert nats[0] > nats[1] > nats[2]


def test_without_weight_and_in_batches(
    translator: Translator, language: str, sentences: list[str]
) -> None:
    some = [*sentences[:12], "", sentences[12]]
    none = {"language_model": language, "language_model_weight": 0.0}
    assert translator.translate(some, **none) == translator.translate(some)
    settings = {"language_model": language, "language_model_weight": WEIGHT}
    together = translator.translate(some, **settings)
    assert together[12] == ""
    for size in (1, 5):
        assert translator.translate(some, batch_size=size, **settings) == together
    assert list(translator.translate_lines(iter(some), **settings)) == together


def test_with_an_ensemble(
    trained: Path, tmp_path: Path, translator: Translator, language: str, sentences: list[str]
) -> None:
    twin = shutil.copytree(trained, tmp_path / "twin")
    settings = {"language_model": language, "language_model_weight": WEIGHT}
    pair = Translator.load(trained, "cpu", ensemble=[twin])
    some = sentences[:12]
    assert pair.translate(some, **settings) == translator.translate(some, **settings)


def test_attention_is_kept(
    translator: Translator, trained: Path, language: str, sentences: list[str]
) -> None:
    base = Run(trained).experiment(Experiment).model
    torch.manual_seed(1)
    model = build_translation_model(
        len(translator.source.vocab),
        len(translator.target.vocab),
        replace(base, attention="additive"),
    )
    attentive = Translator(model, translator.source, translator.target, device="cpu")
    found = attentive.candidates(
        sentences[0], n=2, attention=True, language_model=language, language_model_weight=WEIGHT
    )
    for candidate in found:
        assert candidate.attention is not None
        assert len(candidate.attention) == len(candidate.tokens) + 1
        for row in candidate.attention:
            assert sum(row) == pytest.approx(1, abs=1e-5)


@pytest.fixture
def closed(tmp_path: Path, trained: Path, translator: Translator) -> str:
    """Every word is as probable as any other, a hundredth; an unknown one never comes."""
    vocab = translator.target.vocab
    words = ["<s>", "</s>", *vocab.tokens(list(range(EOS_ID + 1, len(vocab))))]
    rows = "".join(f"-2\t{word}\n" for word in words)
    path, run = tmp_path / "closed.arpa", str(tmp_path / "closed")
    path.write_text(
        f"\\data\\\nngram 1={len(words)}\n\n\\1-grams:\n{rows}\n\\end\\\n", encoding="utf-8"
    )
    data, model = MonolingualSettings(vocabulary=str(trained)), NGramSettings(from_arpa=str(path))
    train_ngram_model(NGramExperiment(run=run, data=data, model=model))
    return run


def test_a_language_model_without_unknown_tokens(
    translator: Translator, closed: str, sentences: list[str]
) -> None:
    assert LanguageModel.load(closed, "cpu").score("🦜").log_probability == -math.inf
    settings = {"language_model": closed, "language_model_weight": WEIGHT}
    each = WEIGHT * math.log(0.01)
    for sentence in sentences[:4]:
        (best,) = translator.candidates(sentence, n=1, **settings)
        expected = translator.score(sentence, best.text).log_probability
        expected += each * (len(best.tokens) + 1)
        assert best.log_probability == pytest.approx(expected, abs=1e-3)
        # A beginning that the language model holds impossible.
        for candidate in translator.candidates(sentence, n=2, prefix="🦜 🦜", **settings):
            assert candidate.text.startswith("🦜 🦜")
            assert (
                2 * WEIGHT * LOG_PROB_FLOOR - 100
                < candidate.log_probability
                < 2 * WEIGHT * LOG_PROB_FLOOR
            )


@pytest.fixture(scope="module")
def others(folder: Path, trained: Path, sample: Path) -> dict[str, str]:
    """Runs that can't help: their names, and what is wrong with them."""
    plain = LanguageExperiment(
        device="cpu",
        run=str(folder / "running"),
        data=LanguageDataSettings(
            train=str(sample / "validation.fr"), vocabulary=str(trained), steps=9
        ),
        model=LanguageModelSettings(embedding_size=4, sizes=(4,), dropout=0.0),
        training=TrainingSettings(max_steps=1, best_by="perplexity", label_smoothing=0.0),
    )
    train_language_model(plain)
    data = MonolingualSettings(train=str(sample / "validation.fr"), tokenizer="word")
    for name, text in (("english", "en"), ("ngrams-of-others", "fr")):
        train = replace(data, train=str(sample / f"validation.{text}"))
        train_ngram_model(NGramExperiment(run=str(folder / name), data=train))
    return {
        str(folder / "running"): "was trained on running text .* --data.windows sentences",
        str(folder / "english"): "has another vocabulary .* --data.vocabulary",
        str(folder / "ngrams-of-others"): "has another vocabulary .* --data.vocabulary",
        str(folder / "missing"): "there is no run at",
        str(trained): "is a translation model, and a language model is needed",
    }


def test_runs_that_can_not_help_are_named(
    translator: Translator,
    trained: Path,
    others: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for run, problem in others.items():
        with pytest.raises((RunError, SettingsError), match=problem) as caught:
            translator.translate("We must eat.", language_model=run)
        assert run in str(caught.value)
        # Without weight, too: what is named must be there.
        with pytest.raises((RunError, SettingsError), match=problem):
            translator.translate("We must eat.", language_model=run, language_model_weight=0.0)
    monkeypatch.setattr("sys.stdin", None)  # found out before anything is read
    run = next(iter(others))
    with pytest.raises(SystemExit) as exited:
        main(["translate", str(trained), "--decoding.language-model", run, "--device", "cpu"])
    assert exited.value.code == 2
    assert run in capsys.readouterr().err


def test_settings_without_effect(translator: Translator) -> None:
    with pytest.raises(SettingsError, match=r"no effect without --decoding\.language-model"):
        translator.translate("We must eat.", language_model_weight=0.7)
    for weight in (-0.1, float("nan")):
        with pytest.raises(SettingsError, match=r"--decoding\.language-model-weight"):
            translator.translate("We.", language_model="x", language_model_weight=weight)
