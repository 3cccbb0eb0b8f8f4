"""The settings of a language model: what is refused, and by which name."""

from dataclasses import replace
from typing import Any

import pytest

from seq2seq.config.base import from_dict, to_dict
from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError
from seq2seq.models.language_model import build_language_model

NAN, INFINITE = float("nan"), float("inf")


def lines(values: dict[str, Any]) -> list[str]:
    """The mistakes that making an experiment of `values` reports, one a line."""
    with pytest.raises(SettingsError) as caught:
        from_dict(LanguageExperiment, values)
    return str(caught.value).split("\n")


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    *(
        ({"data": {"validation_share": value}}, ["--data.validation-share", "between 0 and 1"])
        for value in (0.0, 1.0, -0.1, NAN)
    ),
    ({"data": {"vocab_size": 4}}, ["--data.vocab-size 4 must be at least 5"]),
    (
        {"data": {"min_frequency": 0}},
        ["--data.min-frequency 0 must be at least 1"],
    ),
    ({"data": {"steps": 0}}, ["--data.steps 0 must be at least 1"]),
    ({"data": {"batch_size": 0}}, ["--data.batch-size 0 must be at least 1"]),
    (
        {"data": {"windows": "sentences", "max_length": 0}},
        ["--data.max-length 0 must be at least 1"],
    ),
    *(
        (
            {"data": {"min_frequency": 2, "tokenizer": kind}},
            ["--data.min-frequency 2 needs --data.tokenizer word", f"{kind} learns its pieces"],
        )
        for kind in ("unigram", "bpe")
    ),
    (
        {"data": {"letters_only": True, "windows": "sentences"}},
        ["--data.letters-only", "--data.windows sentences", "take sequential or random"],
    ),
    *(
        (
            {"data": {"windows": "sentences", name: 7}},
            [f"--data.{name.replace('_', '-')} 7 has no effect", "--data.windows sentences"],
        )
        for name in ("steps", "batch_size")
    ),
    *(
        (
            {"data": {"windows": windows, "max_length": 7}},
            ["--data.max-length 7 has no effect", f"--data.windows {windows}"],
        )
        for windows in ("sequential", "random")
    ),
    (
        {"data": {"validation": "held-out.txt", "validation_share": 0.2}},
        ["--data.validation-share 0.2 has no effect", "--data.validation held-out.txt"],
    ),
    *(
        (
            {"data": {"vocabulary": "runs/other", name: value}},
            [f"--data.{name.replace('_', '-')} {value} has no effect", "vocabulary runs/other"],
        )
        for name, value in (
            *(("tokenizer", "word"), ("vocab_size", 99)),
            *(("lowercase", True),),
        )
    ),
    ({"model": {"sizes": []}}, ["--model.sizes is empty"]),
    ({"model": {"sizes": [8, 0]}}, ["--model.sizes 0 must be at least 1"]),
    ({"model": {"embedding_size": 0}}, ["--model.embedding-size 0 must be at least 1"]),
    ({"model": {"dropout": 1.0}}, ["--model.dropout 1.0 is not in [0, 1)"]),
    ({"model": {"embedding": "one-hot"}}, ["one-hot", "add --model.no-tied-output"]),
    (
        {"model": {"bidirectional": True}},
        ["--model.bidirectional", "sees the tokens that it is to predict", "Leave it out"],
    ),
    ({"model": {"residual": True}}, ["--model.residual has no effect", "--model.sizes 256 256"]),
    (
        {
            "model": {
                "residual": True,
                "embedding": "one-hot",
                "tied_output": False,
                "embedding_size": 512,
            }
        },
        ["--model.residual has no effect"],
    ),
    *(
        ({"model": {"cell": "echo-state", "spectral_radius": value}}, ["--model.spectral-radius"])
        for value in (0.0, -1.0, NAN)
    ),
    (
        {"model": {"spectral_radius": 0.5}},
        ["--model.spectral-radius 0.5 has no effect", "--model.cell gru"],
    ),
    ({"training": {"best_by": "bleu"}}, ["--training.best-by bleu", "take perplexity"]),
    *(
        (
            {"data": {"windows": windows}, "training": {"batch_tokens": 99}},
            ["--training.batch-tokens 99 has no effect", f"--data.windows {windows}"],
        )
        for windows in ("sequential", "random")
    ),
    ({"training": {"average_count": 3}}, ["--training.average-count 3 has no effect"]),
    ({"training": {"learning_rate": 0.0}}, ["--training.learning-rate 0.0 must be above 0"]),
    ({"generation": {"max_tokens": 0}}, ["--generation.max-tokens 0 must be at least 1"]),
    *(
        ({"generation": {"temperature": value}}, ["--generation.temperature", "at least 0"])
        for value in (-0.1, NAN, INFINITE)
    ),
    ({"generation": {"top_k": -1}}, ["--generation.top-k -1 must be at least 0"]),
    ({"generation": {"seed": -1}}, ["--generation.seed -1 must be at least 0"]),
    *(
        ({"generation": {"top_p": value}}, ["--generation.top-p", "not in (0, 1]"])
        for value in (0.0, 1.1, NAN)
    ),
    ({"seed": -1}, ["--seed -1 is not from 0 to"]),
    ({"resume": True, "overwrite": True}, ["--resume", "--overwrite"]),
    ({"data": {"windows": "sequentail"}}, ["data.windows", "did you mean sequential?"]),
    ({"model": {"attention": "dot"}}, ["unknown setting model.attention"]),
]


@pytest.mark.parametrize(("values", "words"), REFUSED, ids=str)
def test_what_is_refused_is_named(values: dict[str, Any], words: list[str]) -> None:
    values = {**values}
    if values.get("training", {}).get("best_by") is None:
        # Made from JSON, the training would have the defaults of a translation.
        values["training"] = {"best_by": "perplexity", **values.get("training", {})}
    (line,) = lines(values)
    for word in words:
        assert word in line


def test_all_mistakes_come_at_once() -> None:
    found = lines(
        {
            "data": {"steps": 0, "windows": "random"},
            "model": {"sizes": [], "bidirectional": True},
            "training": {"best_by": "bleu"},
            "generation": {"top_p": 2.0},
        }
    )
    assert [line.split()[0] for line in found] == [
        *("--data.steps", "--model.sizes", "--model.bidirectional:"),
        *("--generation.top-p", "--training.best-by"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"data": {"windows": "random", "letters_only": True, "steps": 1, "batch_size": 1}},
        {"data": {"min_frequency": 3, "tokenizer": "space"}},
        {"data": {"validation_share": 0.5, "column": "text"}},
        {"data": {"vocabulary": "runs/other", "windows": "sentences", "max_length": 9}},
        {"model": {"cell": "echo-state", "spectral_radius": 1.5}},
        {"model": {"residual": True, "embedding_size": 512}},
        {"model": {"residual": True, "sizes": [64, 64]}},
        {"generation": {"temperature": 0.0, "top_k": 5, "top_p": 0.5, "seed": 0, "prefix": "a"}},
    ],
    ids=str,
)
def test_what_fits_together_is_taken_and_comes_back_from_json(values: dict[str, Any]) -> None:
    found = from_dict(LanguageExperiment, {"training": {"best_by": "perplexity"}, **values})
    assert from_dict(LanguageExperiment, to_dict(found)) == found


def test_sentences_may_have_a_budget_of_tokens() -> None:
    found = LanguageExperiment(
        data=LanguageDataSettings(windows="sentences"),
        training=TrainingSettings(best_by="perplexity", batch_tokens=99),
    )
    assert found.training.batch_tokens == 99


def test_the_defaults_are_those_of_a_language_model() -> None:
    found = LanguageExperiment()
    assert found.training.best_by == "perplexity"
    assert found.training.label_smoothing == 0, "perplexity is of the model's own probabilities"
    assert replace(found.training, best_by="bleu", label_smoothing=0.1) == TrainingSettings()
    assert found.generation == GenerationSettings()


def test_the_decoder_is_this_network_without_a_source() -> None:
    settings = LanguageModelSettings(
        cell="lstm", sizes=(8, 9), embedding_size=5, dropout=0.25, zoneout=0.1, tied_output=False
    )
    decoder = settings.decoder()
    assert (decoder.decoder_sizes, decoder.attention, decoder.context) == (
        (8, 9),
        "none",
        "initial",
    )
    for name in ("cell", "embedding_size", "dropout", "zoneout", "tied_output"):
        assert getattr(decoder, name) == getattr(settings, name)
    network = build_language_model(11, settings)
    assert [cell.hidden_size for cell in network.decoder.stack.cells] == [8, 9]
    assert network.decoder.output.weight.shape == (11, 5)
