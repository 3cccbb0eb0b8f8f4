"""The search on arrays finds what the search of torch finds, whatever is asked for."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.decoding.search import score, search
from seq2seq.export.ensemble import log_mean_exp
from seq2seq.export.search import score as score_exported
from seq2seq.export.search import search as search_exported
from tests.support.exports import exported_ensemble
from tests.support.models import Build, attentive

CPU = torch.device("cpu")
DRAW = random.Random(1)
SOURCES = [DRAW.choices(range(4, 11), k=DRAW.choice([1, 2, 3, 5, 8, 13])) for _ in range(60)]
PREFIXES = [DRAW.choices(range(1, 13), k=DRAW.choice([0, 0, 1, 2, 30])) for _ in SOURCES]
VOCAB_SIZE = 13

SEARCHES: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 5},
    {"beam_size": 13},
    {"beam_size": 2, "n": 4},
    {"length_penalty": 0.0},
    {"beam_size": 1, "length_penalty": 0.3, "no_repeat_ngram": 2},
    {"no_repeat_ngram": 1},
    {"no_repeat_ngram": 3, "min_length": 4},
    {"min_length": 6, "max_length": 7},
    {"max_length": 1},
    {"max_length_ratio": 0.7, "max_length_extra": 1},
    {"coverage_penalty": 0.3, "attention": True},
    {"attention": True, "n": 3},
    {"replace_unknown": True},
    {"prefixes": PREFIXES},
    {"prefixes": PREFIXES, "beam_size": 1, "max_length": 3, "no_repeat_ngram": 2},
    {"batch_size": 1},
    {"batch_size": 7, "batch_tokens": 60},
]


@pytest.mark.parametrize("asked", SEARCHES, ids=str)
@pytest.mark.parametrize("feeding", [False, True])
def test_it_finds_the_same(tiny_model: Build, feeding: bool, asked: dict[str, Any]) -> None:
    asked = dict(asked)
    others = {name: asked.pop(name) for name in ("n", "prefixes", "attention") if name in asked}
    settings = DecodingSettings(**asked)
    model = attentive(tiny_model, input_feeding=feeding, coverage=feeding).float()
    expected = search([model], [SOURCES], settings, CPU, **others)
    found = search_exported(exported_ensemble(model), [SOURCES], settings, **others)
    swapped = 0
    for rows, expected_rows in zip(found, expected, strict=True):
        for row, other in zip(rows, expected_rows, strict=True):
            assert row.score == pytest.approx(other.score, abs=1e-5)
            if row.tokens != other.tokens:  # of all but equal score, so rounding decides
                swapped += 1
                continue
            assert row.log_probability == pytest.approx(other.log_probability, abs=1e-4)
            assert (row.attention is None) == (other.attention is None)
            if row.attention is not None:
                assert np.allclose(row.attention, other.attention, atol=1e-5)
    assert swapped <= 2


def test_a_model_without_attention(tiny_model: Build) -> None:
    model = tiny_model(context="both", context_to_output=True)
    for beam_size in (1, 4):
        settings = DecodingSettings(beam_size=beam_size)
        expected = search([model], [SOURCES], settings, CPU)
        found = search_exported(exported_ensemble(model), [SOURCES], settings)
        for rows, expected_rows in zip(found, expected, strict=True):
            assert [row.tokens for row in rows] == [row.tokens for row in expected_rows]


def test_given_targets_have_the_same_probability(tiny_model: Build) -> None:
    model = attentive(tiny_model).float()
    sizes = {"batch_size": 40, "batch_tokens": 300}
    expected = score([model], [SOURCES], PREFIXES, CPU, **sizes)
    found = score_exported(exported_ensemble(model), [SOURCES], PREFIXES, **sizes)
    for values, expected_values in zip(found, expected, strict=True):
        assert values == pytest.approx(expected_values, abs=1e-5)


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_nothing(tiny_model: Build, threads: int) -> None:
    model = exported_ensemble(attentive(tiny_model).float())
    settings = DecodingSettings(batch_size=7)
    alone = search_exported(model, [SOURCES], settings)
    assert search_exported(model, [SOURCES], settings, threads=threads) == alone
    sizes = {"batch_size": 7, "batch_tokens": 300}
    scores = score_exported(model, [SOURCES], PREFIXES, **sizes)
    assert score_exported(model, [SOURCES], PREFIXES, **sizes, threads=threads) == scores


def test_no_source_and_no_target(tiny_model: Build) -> None:
    model = exported_ensemble(attentive(tiny_model).float())
    assert search_exported(model, [[]], DecodingSettings()) == []
    assert score_exported(model, [[]], [], batch_size=1, batch_tokens=1) == []
    (alone,) = score_exported(model, [[[]]], [[]], batch_size=1, batch_tokens=1)
    assert len(alone) == 1


@pytest.mark.parametrize("beam_size", [1, 5])
def test_an_ensemble_finds_what_torchs_finds(tiny_model: Build, beam_size: int) -> None:
    """Of three models of different kinds, of which each reads a source of its own."""
    models = [
        attentive(tiny_model).float(),
        attentive(tiny_model, cell="gru", input_feeding=True).float(),
        tiny_model(context="both"),
    ]
    sources = [SOURCES, SOURCES[::-1], [[*ids, 4] for ids in SOURCES]]
    settings = DecodingSettings(beam_size=beam_size, no_repeat_ngram=2)
    expected = search(models, sources, settings, CPU, prefixes=PREFIXES)
    found = search_exported(exported_ensemble(*models), sources, settings, prefixes=PREFIXES)
    for rows, expected_rows in zip(found, expected, strict=True):
        assert [row.tokens for row in rows] == [row.tokens for row in expected_rows]
        for row, other in zip(rows, expected_rows, strict=True):
            assert row.log_probability == pytest.approx(other.log_probability, abs=1e-4)
    sizes = {"batch_size": 40, "batch_tokens": 300}
    scored = score_exported(exported_ensemble(*models), sources, PREFIXES, **sizes)
    for values, others in zip(scored, score(models, sources, PREFIXES, CPU, **sizes), strict=True):
        assert values == pytest.approx(others, abs=1e-5)


def test_the_attention_of_an_ensemble_is_the_mean(tiny_model: Build) -> None:
    models = [attentive(tiny_model, attention=name).float() for name in ("additive", "dot")]
    settings = DecodingSettings(coverage_penalty=0.3)
    expected = search(models, [SOURCES] * 2, settings, CPU, attention=True)
    found = search_exported(exported_ensemble(*models), [SOURCES] * 2, settings, attention=True)
    for (row, *_), (other, *_) in zip(found, expected, strict=True):
        assert row.tokens == other.tokens
        assert row.score == pytest.approx(other.score, abs=1e-5)
        assert np.allclose(row.attention, other.attention, atol=1e-5)


def test_means_of_probabilities_that_are_next_to_nothing() -> None:
    values = np.array([[-300.0, -1.0], [-301.0, -2000.0]], np.float32)
    expected = torch.from_numpy(values).logsumexp(0) - np.log(2)
    assert np.allclose(log_mean_exp(values), expected)
