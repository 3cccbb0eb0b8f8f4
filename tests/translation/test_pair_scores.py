"""Scores of pairs by trained models: the formula, and the filter that uses them."""

from math import exp
from pathlib import Path

import pytest

from seq2seq.config.filters import FilterSettings
from seq2seq.data.filters.cleaner import Cleaner
from seq2seq.data.pairs import Pair
from seq2seq.errors import RunError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.translation.filters import make_filters
from seq2seq.translation.pair_scores import LowScore
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).resolve().parent.parent / "runs" / "format-2"
PAIRS = [
    Pair("Emma sucht das Haus.", "Emma is looking for the house."),
    Pair("Emma sucht das Haus.", "house the Emma . looking"),
    Pair("Das", "A dog sleeps in the garden of the old house, and nobody sees it."),
]


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(KEPT / "translation", "cpu")


@pytest.fixture(scope="module")
def language_model() -> LanguageModel:
    return LanguageModel.load(KEPT / "language-model", "cpu")


def test_a_score_is_the_formula(translator: Translator, language_model: LanguageModel) -> None:
    ngrams = LanguageModel.load(KEPT / "n-grams", "cpu")
    scores = LowScore(0.1, translator, translator, language_model, ngrams).scores(PAIRS)
    for pair, score in zip(PAIRS, scores, strict=True):
        forward = -translator.score(*pair).per_token
        backward = -translator.score(pair.target, pair.source).per_token
        found = language_model.score(pair.target)
        excess = (found.log_probability - ngrams.score(pair.target).log_probability) / len(
            found.tokens
        )
        adequacy = exp(-(abs(forward - backward) + (forward + backward) / 2))
        assert score == pytest.approx(adequacy * min(1, exp(excess)), rel=1e-4)
        assert 0 <= score <= 1


def test_one_direction_is_its_probability(translator: Translator) -> None:
    (score,) = LowScore(0.1, forward=translator).scores(PAIRS[:1])
    assert score == pytest.approx(exp(translator.score(*PAIRS[0]).per_token), rel=1e-4)
    (score,) = LowScore(0.1, backward=translator).scores(PAIRS[:1])
    assert score == pytest.approx(exp(translator.score(*PAIRS[0][::-1]).per_token), rel=1e-4)


def test_what_scores_low_is_dropped(translator: Translator) -> None:
    scores = LowScore(0.1, forward=translator).scores(PAIRS)
    best, middle, _ = sorted(scores, reverse=True)
    run = str(KEPT / "translation")
    settings = FilterSettings(forward_model=run, min_score=(best + middle) / 2)
    cleaner = Cleaner(make_filters(settings, device="cpu"))
    (reason,) = [name for name in cleaner.dropped if "score" in name]
    assert cleaner.verdicts(PAIRS) == ["" if score == best else reason for score in scores]


def test_a_run_of_another_kind_is_told() -> None:
    wrong = FilterSettings(forward_model=str(KEPT / "language-model"), min_score=0.1)
    with pytest.raises(RunError, match="language model"):
        make_filters(wrong, device="cpu")
