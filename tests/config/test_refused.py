"""Settings that are refused, each by its flag; what is taken; and what is noted."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from seq2seq.config.base import as_typed, flag_name, from_dict, parts, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.fields import Range, setting_fields
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.errors import SettingsError

NAN, INFINITE = float("nan"), float("inf")
KINDS = (Experiment, LanguageExperiment, NGramExperiment)


def nested(name: str, value: object) -> dict[str, Any]:
    """`training.sampling.rate` -> {"training": {"sampling": {"rate": value}}}."""
    head, _, tail = name.partition(".")
    return {head: nested(tail, value) if tail else value}


def merge(*tables: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            both = isinstance(value, dict) and key in result
            result[key] = merge(result[key], value) if both else value
    return result


def make(kind: type[BaseExperiment], values: dict[str, object]) -> BaseExperiment:
    """An experiment with these values, by their full names."""
    start = {"training.best_by": "perplexity"} if kind is LanguageExperiment else {}
    return from_dict(kind, merge(*(nested(*item) for item in {**start, **values}.items())))


def refused(kind: type[BaseExperiment], values: dict[str, object]) -> list[str]:
    """The mistakes that making such an experiment reports, one a line."""
    with pytest.raises(SettingsError) as caught:
        make(kind, values)
    return str(caught.value).split("\n")


# ---------------------------------------------------------------------------------------------
# One number by itself: a row for each field with a range, with values that are taken, some that are
# not, and the settings that it needs beside it.

SENTENCES = {"data.windows": "sentences"}
LIMITS: list[tuple[type[BaseExperiment], str, list[object], list[object], dict[str, Any]]] = [
    *(
        (Experiment, name, [0, 0.99], [-0.1, 1.0, NAN, INFINITE], {})
        for name in (
            *("model.dropout", "model.word_dropout", "model.state_dropout"),
            *("model.weight_dropout", "model.zoneout"),
            *("training.label_smoothing", "training.ema_decay"),
        )
    ),
    (Experiment, "training.processes", [0, 64], [-1, 65], {}),
    (Experiment, "training.momentum", [0, 0.9], [-0.1, 1.0, NAN], {"training.optimizer": "sgd"}),
    *(
        (Experiment, name, [0, 1], [-0.1, 1.1, NAN], {})
        for name in (
            "data.subword_sampling",
            "training.sampling.rate",
            "training.sampling.floor",
        )
    ),
    *(
        (Experiment, name, [1, 2], [0, -1], {})
        for name in (
            *("data.validation_size", "data.max_length", "model.embedding_size"),
            *("training.accumulate", "training.batch_tokens", "training.save_every"),
            *("training.log_every", "training.max_skipped", "training.sampling.passes"),
            *("decoding.beam_size", "decoding.batch_size"),
        )
    ),
    *(
        (Experiment, name, [0, 1], [-1], {})
        for name in (
            *("training.max_steps", "training.warmup_steps", "training.plateau_patience"),
            *("training.validate_every", "training.patience", "data.target_vocab_size"),
            "data.prepare_above",
            *("decoding.no_repeat_ngram", "decoding.seed"),
        )
    ),
    *(
        (Experiment, name, [0, 0.5], [-1.0, NAN, INFINITE], {})
        for name in (
            *("training.minutes", "training.epochs", "training.memory", "training.weight_decay"),
            *("training.clip_norm", "training.clip_value", "training.sampling.slope"),
            *("decoding.length_penalty", "decoding.coverage_penalty"),
        )
    ),
    (Experiment, "training.learning_rate", [1e-9], [0, -0.1, NAN, INFINITE], {}),
    (Experiment, "training.plateau_factor", [0.5], [0.0, 1.0, NAN], {}),
    (Experiment, "training.sampling.k", [1.0], [NAN, INFINITE], {}),
    (Experiment, "training.rank_timeout", [0.1, 300], [0, -1, NAN], {}),
    (Experiment, "training.threads", [0, 1024], [-1, 1025], {}),
    (Experiment, "training.l2_to_initial", [0, 0.001], [-1.0, NAN], {"model.initialize": "runs/a"}),
    (Experiment, "training.average_count", [2], [1], {"training.average": "last"}),
    *(
        (Experiment, f"data.filters.{name}", [0, 1], [-1], {})
        for name in ("max_words", "max_characters", "max_repeats")
    ),
    *(
        (Experiment, f"data.noise.{name}", [0, 1], [-0.1, 1.1, NAN], {})
        for name in ("typos", "lowercase", "punctuation")
    ),
    *(
        (Experiment, f"data.noise.{name}", [0, 0.5], [-0.1, 1.0, NAN], {})
        for name in ("drop", "blank")
    ),
    (Experiment, "data.noise.shuffle", [0, 3], [-1], {}),
    (Experiment, "data.noise.switch_out", [0, 2.5], [-0.1, NAN, INFINITE], {}),
    (Experiment, "data.filters.max_ratio", [0, 1, 3.5], [-1.0, 0.5, NAN, INFINITE], {}),
    (Experiment, "data.filters.max_symbols", [0, 0.5], [-0.1, 1.0, NAN], {}),
    (
        Experiment,
        "data.filters.min_script",
        [0, 1],
        [-0.1, 1.1, NAN],
        {"data.filters.source_script": ["Latin"]},
    ),
    (
        Experiment,
        "data.filters.min_score",
        [0.1],
        [-0.1, 1.0, NAN],
        {"data.filters.backward_model": "runs/a"},
    ),
    (
        Experiment,
        "data.mix_temperature",
        [0, 5],
        [-1.0, NAN, INFINITE],
        {"data.mix": [{"name": "a", "train": "a.tsv"}]},
    ),
    (Experiment, "data.vocab_size", [5], [4], {}),
    (Experiment, "data.character_coverage", [0.98, 1], [0.0, 0.97, 1.1, NAN], {}),
    (Experiment, "data.min_frequency", [1, 2], [0], {"data.tokenizer": "word"}),
    (Experiment, "model.attention_size", [1], [0], {"model.attention": "additive"}),
    (Experiment, "model.attention_heads", [1], [0], {"model.attention": "multi-head"}),
    (Experiment, "model.attention_window", [1], [0], {"model.attention": "local"}),
    (Experiment, "decoding.min_length", [0, 10_000], [-1, 10_001], {}),
    (Experiment, "decoding.max_length", [0, 10_000], [-1, 10_001], {}),
    (Experiment, "decoding.max_length_ratio", [0, 100], [-1, 101, NAN, INFINITE], {}),
    (Experiment, "decoding.max_length_extra", [1, 10_000], [0, 10_001], {}),
    (Experiment, "decoding.max_source_length", [1, 10_000], [0, 10_001], {}),
    (Experiment, "decoding.temperature", [0.1], [0, -1, NAN, INFINITE], {"decoding.method": "mbr"}),
    (Experiment, "decoding.top_k", [0, 1], [-1], {"decoding.method": "sample"}),
    (Experiment, "decoding.top_p", [0.1, 1], [0, 1.1, NAN], {"decoding.method": "sample"}),
    (Experiment, "decoding.samples", [2], [1], {"decoding.method": "mbr"}),
    (Experiment, "decoding.groups", [1, 5], [0], {"decoding.method": "diverse-beam"}),
    (Experiment, "decoding.diversity", [0, 1], [-1, NAN], {"decoding.method": "diverse-beam"}),
    (Experiment, "decoding.shortlist", [0, 50, 100], [-1, 101], {}),
    (Experiment, "seed", [0, 2**32 - 1], [-1, 2**32], {}),
    (LanguageExperiment, "data.validation_share", [0.1], [0.0, 1.0, -0.1, NAN], {}),
    (LanguageExperiment, "data.steps", [1], [0], {}),
    (LanguageExperiment, "data.batch_size", [1], [0], {}),
    (LanguageExperiment, "data.max_length", [1], [0], SENTENCES),
    (
        LanguageExperiment,
        "model.spectral_radius",
        [0.1, 1.5],
        [0.0, -1.0, NAN],
        {"model.cell": "echo-state"},
    ),
    (LanguageExperiment, "generation.max_tokens", [1], [0], {}),
    (LanguageExperiment, "generation.temperature", [0, 2], [-0.1, NAN, INFINITE], {}),
    (LanguageExperiment, "generation.top_k", [0, 1], [-1], {}),
    (LanguageExperiment, "generation.top_p", [0.1, 1], [0.0, 1.1, NAN], {}),
    (LanguageExperiment, "generation.seed", [0], [-1], {}),
    (NGramExperiment, "model.order", [1], [0], {}),
    (NGramExperiment, "model.k", [0.1], [0.0, -1.0, NAN], {"model.smoothing": "add-k"}),
]


@pytest.mark.parametrize(
    ("kind", "name", "allowed", "wrong", "beside"),
    LIMITS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_number_has_its_limits(
    kind: type[BaseExperiment],
    name: str,
    allowed: list[object],
    wrong: list[object],
    beside: dict[str, Any],
) -> None:
    for value in allowed:
        make(kind, {name: value, **beside})
    short = name.removeprefix("model.") if kind is NGramExperiment else name
    for value in wrong:
        (line,) = refused(kind, {name: value, **beside})
        assert line.startswith(f"--{flag_name(short)} {value} ")
        assert any(words in line for words in ("is not in [", "is not in (", "must be "))


def test_every_range_is_tried() -> None:
    """A new number comes with a row of its limits."""
    tried = {name.rpartition(".")[2] for _, name, *_ in LIMITS} | {
        *("decoder_sizes", "encoder_sizes", "sizes", "language_model_weight"),
    }
    for kind in KINDS:
        for part, _ in parts(kind()):
            for item in setting_fields(type(part)):
                untried = item.range != Range() and item.name not in tried
                assert not untried, f"{item.name} has a range: add a row to LIMITS, above"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model.dropout", 1.0, "--model.dropout 1.0 is not in [0, 1)"),
        ("decoding.beam_size", 0, "--decoding.beam-size 0 must be at least 1"),
        ("training.learning_rate", 0.0, "--training.learning-rate 0.0 must be above 0"),
        (
            "training.learning_rate",
            INFINITE,
            "--training.learning-rate inf must be above 0 and finite",
        ),
        ("training.sampling.k", NAN, "--training.sampling.k nan must be finite"),
        ("training.threads", 1025, "--training.threads 1025 is not in [0, 1024]"),
        ("model.encoder_sizes", [], "--model.encoder-sizes is empty: give one value or more"),
        ("model.decoder_sizes", [8, 0], "--model.decoder-sizes 0 must be at least 1"),
    ],
)
def test_a_limit_is_said_in_words(name: str, value: object, message: str) -> None:
    assert refused(Experiment, {name: value}) == [message]


# ---------------------------------------------------------------------------------------------
# What another setting leaves without effect

CONDITIONS = [
    (kind, prefix, item, condition)
    for kind in KINDS
    for part, prefix in parts(kind())
    for item in setting_fields(type(part))
    for condition in item.conditions
]


def test_conditions_are_about_settings_that_there_are() -> None:
    """A condition on another part may be about one that this kind of experiment has not."""
    found = set()
    for kind, prefix, _, condition in CONDITIONS:
        other, _, name = condition.name.rpartition(".")
        for part, where in parts(kind()):
            same = where == prefix if not other else where == f"{other}."
            for item in setting_fields(type(part)):
                if same and item.name == name:
                    found.add(condition)
                    choices = getattr(item.type, "__args__", condition.values)
                    assert set(condition.values) <= {*choices, ()}
    assert {c.name for *_, c in CONDITIONS if c not in found} <= {"model.from_arpa"}


NO_EFFECT: list[tuple[type[BaseExperiment], dict[str, object], str]] = [
    (Experiment, {"decoding.top_k": 3}, "with --decoding.method beam, only with "),
    (Experiment, {"decoding.temperature": 2.0}, "with --decoding.method beam"),
    (Experiment, {"decoding.shortlist": 50, "decoding.method": "sample"}, "with --decoding.method"),
    (Experiment, {"decoding.samples": 8}, "with --decoding.method beam, only with "),
    (
        Experiment,
        {"decoding.diversity": 1.0, "decoding.method": "mbr"},
        "with --decoding.method mbr, only with ",
    ),
    (Experiment, {"decoding.language_model_weight": 0.5}, "without --decoding.language-model"),
    (
        Experiment,
        {"decoding.coverage_penalty": 0.2, "decoding.method": "mbr"},
        "with --decoding.method mbr, only with ",
    ),
    *(
        (Experiment, {name: value, "model.attention": "none"}, "without --model.attention")
        for name, value in (
            *(("decoding.coverage_penalty", 0.2), ("decoding.replace_unknown", True)),
            *(("model.input_feeding", True), ("model.coverage", True)),
            *(("model.attention_order", "bahdanau"),),
        )
    ),
    (
        Experiment,
        {"model.attention_window": 3, "model.attention": "general"},
        "with --model.attention general, only with ",
    ),
    (Experiment, {"model.attention_size": 9}, "attention scaled-general, only with "),
    (Experiment, {"model.attention_heads": 2}, "attention scaled-general, only with "),
    (Experiment, {"model.locked_dropout": True, "model.dropout": 0.0}, "without --model.dropout"),
    (Experiment, {"training.average_count": 3}, "without --training.average"),
    (Experiment, {"training.momentum": 0.9}, "with --training.optimizer adamw, only with sgd"),
    (Experiment, {"data.sampled_side": "source"}, "without --data.subword-sampling"),
    (Experiment, {"data.train_target": "b"}, "without --data.train"),
    (Experiment, {"data.filters.held_out_by": "pair"}, "without --data.filters.held-out"),
    (Experiment, {"data.filters.min_script": 0.9}, "without --data.filters.source-script or "),
    (Experiment, {"data.filters.min_score": 0.9}, "without a model: give "),
    (Experiment, {"data.validation_target": "b"}, "without --data.validation"),
    *(
        (Experiment, {name: value, "model.initialize_decoder": "runs/a"}, "initialize-decoder runs")
        for name, value in (("data.target_vocab_size", 9), ("data.target_tokenizer", "word"))
    ),
    (
        Experiment,
        {
            "data.vocab_size": 9,
            "model.initialize_encoder": "runs/a",
            "model.initialize_decoder": "runs/b",
        },
        "with --model.initialize-encoder runs/a and --model.initialize-decoder runs/b",
    ),
    *(
        (
            LanguageExperiment,
            {name: 7, **SENTENCES},
            "with --data.windows sentences, only with sequential or random",
        )
        for name in ("data.steps", "data.batch_size")
    ),
    *(
        (LanguageExperiment, {name: 7, "data.windows": windows}, f"with --data.windows {windows}")
        for name in ("data.max_length", "training.batch_tokens")
        for windows in ("sequential", "random")
    ),
    (
        LanguageExperiment,
        {"data.validation_share": 0.2, "data.validation": "held-out.txt"},
        "with --data.validation held-out.txt",
    ),
    *(
        (
            LanguageExperiment,
            {name: value, "data.vocabulary": "runs/a"},
            "with --data.vocabulary runs/a",
        )
        for name, value in (
            *(("data.tokenizer", "word"), ("data.vocab_size", 99), ("data.lowercase", True)),
            *(("data.character_coverage", 0.99), ("data.special_symbols", ("<2fr>",))),
        )
    ),
    *(
        (
            kind,
            {"data.character_coverage": 0.99, "data.tokenizer": "word"},
            "with --data.tokenizer word, only with unigram or bpe",
        )
        for kind in (LanguageExperiment, NGramExperiment)
    ),
    (
        Experiment,
        {
            "data.character_coverage": 0.99,
            "model.initialize_encoder": "runs/a",
            "model.initialize_decoder": "runs/b",
        },
        "with --model.initialize-encoder runs/a and --model.initialize-decoder runs/b",
    ),
    (LanguageExperiment, {"model.spectral_radius": 0.5}, "with --model.cell gru, only with "),
    (LanguageExperiment, {"training.average_count": 3}, "without --training.average"),
    (NGramExperiment, {"model.k": 0.5}, "with --smoothing kneser-ney, only with add-k"),
    *(
        (NGramExperiment, {name: value, "model.from_arpa": "x.arpa"}, "with --from-arpa x.arpa")
        for name, value in (
            *(("model.order", 3), ("data.train", "a.txt"), ("data.tokenizer", "word")),
            *(("data.vocab_size", 9), ("data.validation_share", 0.2)),
        )
    ),
    *(
        (NGramExperiment, {name: value}, "with n-grams, which are counted at once")
        for name, value in (
            *(("seed", 2), ("resume", True), ("device", "cpu"), ("monitor", "tensorboard")),
        )
    ),
]


@pytest.mark.parametrize(("kind", "values", "because"), NO_EFFECT, ids=str)
def test_what_has_no_effect_is_refused_with_the_reason(
    kind: type[BaseExperiment], values: dict[str, object], because: str
) -> None:
    (line,) = refused(kind, values)
    name, value = next(iter(values.items()))
    short = name.removeprefix("model.") if kind is NGramExperiment else name
    shown = "" if value is True and kind is not NGramExperiment else f" {as_typed(value)}"
    assert line.startswith(f"--{flag_name(short)}{shown} has no effect ")
    assert because in line
    _, _, listed = line.partition(", only with ")
    allowed = [
        {*map(str, condition.values)}
        for where, prefix, item, condition in CONDITIONS
        if where is kind and prefix + item.name == short
    ]
    assert not listed or {*re.split(", | or ", listed)} in allowed


def test_off_asks_for_nothing() -> None:
    """What is off may stay where nothing would use it: it is no mistake."""
    make(Experiment, {"decoding.diversity": 0.0})
    limits = ("minutes", "epochs", "max_steps", "memory")
    made = make(Experiment, {f"training.{name}": 0 for name in limits})
    assert from_dict(Experiment, to_dict(made)) == made


SAMPLING = "training.sampling."
USELESS: list[tuple[type[BaseExperiment], dict[str, object], list[str]]] = [
    *(
        (Experiment, {f"{SAMPLING}{name}": value, **beside}, [f"{name} {value} has no", because])
        for name, value, beside, because in (
            ("rate", 0.5, {}, "schedule none, only with constant"),
            ("choice", "sample", {}, "without --training.sampling.schedule"),
            ("slope", 0.1, {f"{SAMPLING}schedule": "constant"}, "only with linear"),
            ("k", 0.5, {f"{SAMPLING}schedule": "linear"}, "exponential or inverse-sigmoid"),
            ("unit", "steps", {f"{SAMPLING}schedule": "constant"}, "schedule constant"),
            (
                "passes",
                2,
                {f"{SAMPLING}schedule": "linear", f"{SAMPLING}method": "steps"},
                "with --training.sampling.method steps",
            ),
        )
    ),
    *(
        (
            Experiment,
            {f"{SAMPLING}schedule": schedule, f"{SAMPLING}{name}": value},
            [f"--training.sampling.{name} ", "never samples"],
        )
        for schedule, name, value in (
            *(("constant", "rate", 0.0), ("linear", "slope", 0.0), ("linear", "floor", 1.0)),
        )
    ),
    (
        Experiment,
        {"training.optimizer": "adam", "training.weight_decay": 0.1},
        ["--training.weight-decay 0.1 has no effect with --training.optimizer adam"],
    ),
    (
        Experiment,
        {"training.plateau_factor": 0.1},
        ["--training.plateau-factor 0.1 has no effect with --training.schedule cosine"],
    ),
    (
        Experiment,
        {"training.schedule": "plateau", "training.patience": 2},
        ["--training.patience 2 ends the training before", "plateau", "above 2"],
    ),
    (
        Experiment,
        {"training.warmup_steps": 4000, "training.max_steps": 3000},
        ["--training.warmup-steps 4000 is longer", "--training.max-steps 3000"],
    ),
    (
        Experiment,
        {
            "training.average": "last",
            "training.validate_every": 100,
            "training.max_steps": 100,
        },
        ["--training.average last needs two validations", "--training.max-steps 100"],
    ),
    (
        Experiment,
        {"training.average": "best", "training.epochs": 1},
        ["--training.average best needs two validations", "--training.epochs 1"],
    ),
    *(
        (kind, {"training.batch_tokens": 1, **beside}, ["--training.batch-tokens 1 is less than"])
        for kind, beside in ((Experiment, {}), (LanguageExperiment, SENTENCES))
    ),
    (
        Experiment,
        {"data.validation": "v.tsv", "data.validation_size": 9},
        ["--data.validation-size 9 has no effect with --data.validation v.tsv"],
    ),
    (
        Experiment,
        {"data.train": "a", "data.train_target": "b", "data.source": "de"},
        ["--data.source de has no effect with --data.train-target b"],
    ),
    (
        Experiment,
        {"data.vocab_size": 20, "decoding.beam_size": 21},
        ["--decoding.beam-size 21", "--data.vocab-size 20 tokens"],
    ),
    (
        Experiment,
        {"data.target_vocab_size": 30, "decoding.method": "sample", "decoding.top_k": 31},
        ["--decoding.top-k 31", "--data.target-vocab-size 30 tokens"],
    ),
    (
        LanguageExperiment,
        {"data.vocab_size": 10, "generation.top_k": 11},
        ["--generation.top-k 11", "--data.vocab-size 10 tokens"],
    ),
]


@pytest.mark.parametrize(("kind", "values", "words"), USELESS, ids=str)
def test_what_is_of_no_use_to_a_training_may_be_in_a_stored_run(
    kind: type[BaseExperiment], values: dict[str, object], words: list[str]
) -> None:
    (line,) = make(kind, values).training_problems()
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "values",
    [
        {},
        {f"{SAMPLING}schedule": "constant", f"{SAMPLING}rate": 0.5},
        {
            f"{SAMPLING}schedule": "exponential",
            f"{SAMPLING}k": 0.5,
            f"{SAMPLING}unit": "steps",
            f"{SAMPLING}floor": 0.2,
            f"{SAMPLING}choice": "sample",
        },
        {f"{SAMPLING}schedule": "linear", f"{SAMPLING}slope": 0.1, f"{SAMPLING}passes": 2},
        {"training.optimizer": "adam", "training.weight_decay": 0.0},
        {
            "training.schedule": "plateau",
            "training.plateau_factor": 0.1,
            "training.patience": 3,
        },
        {"training.max_steps": 1},  # a trial with the usual warm-up
        {"training.warmup_steps": 100, "training.max_steps": 100},
        {"training.warmup_steps": 4000, "training.max_steps": 0},
        {"training.average": "last", "training.validate_every": 50, "training.max_steps": 100},
        {"training.average": "last", "training.epochs": 2},
        {"data.vocab_size": 20, "decoding.beam_size": 20},
    ],
    ids=str,
)
def test_what_a_training_can_use_is_taken(values: dict[str, object]) -> None:
    assert list(make(Experiment, values).training_problems()) == []


# ---------------------------------------------------------------------------------------------
# Several settings together

ONE_HOT = {"model.embedding": "one-hot", "model.tied_output": False}
CLASHES: list[tuple[type[BaseExperiment], dict[str, object], list[str]]] = [
    (
        Experiment,
        {"data.vocabulary": "runs/a", "model.initialize": "runs/b"},
        ["both bring vocabularies"],
    ),
    (
        Experiment,
        {"model.initialize": "runs/a", "model.initialize_encoder": "runs/b"},
        ["--model.initialize gives all weights"],
    ),
    (Experiment, {"data.extend_vocabulary": True}, ["no effect without --model.initialize"]),
    (
        Experiment,
        {"data.lowercase": True, "data.noise.lowercase": 0.1},
        ["noise in lower case has no effect with --data.lowercase"],
    ),
    (
        Experiment,
        {"data.mix": [{"name": "a", "train": "a.tsv", "noise": {"drop": 2}}]},
        ["--data.mix, corpus 1 (a): noise.drop 2 is not in [0, 1)"],
    ),
    (
        Experiment,
        {"model.initialize": "a", "data.extend_vocabulary": True, "data.new_vocabulary": "both"},
        ["--data.extend-vocabulary has no effect with --data.new-vocabulary both"],
    ),
    (
        Experiment,
        {"model.initialize": "a", "data.joint": True, "data.new_vocabulary": "source"},
        ["--data.joint is one vocabulary", "take both"],
    ),
    (
        Experiment,
        {"model.initialize": "a", "data.new_vocabulary": "source", "data.target_vocab_size": 9},
        ["--data.target-vocab-size", "no effect with --data.new-vocabulary source"],
    ),
    (Experiment, {"training.l2_to_initial": 0.1}, ["no effect without another run's weights"]),
    (
        Experiment,
        {"model.source_vectors": "a.vec", "model.initialize": "runs/a"},
        ["--model.source-vectors and --model.initialize", "both bring embeddings"],
    ),
    (
        Experiment,
        {"training.freeze": ["encodr"]},
        ["--training.freeze encodr: there is no such part: did you mean encoder?"],
    ),
    (LanguageExperiment, {"training.freeze": ["encoder"]}, ["is for translation models"]),
    (Experiment, {"model.residual": True}, ["--model.residual has no effect", "equal width"]),
    (
        Experiment,
        {"model.cell": "sru", "model.state_dropout": 0.1},
        ["--model.state-dropout has no effect", "--model.cell sru"],
    ),
    (
        LanguageExperiment,
        {"model.cell": "mingru", "model.weight_dropout": 0.1},
        ["--model.weight-dropout has no effect", "--model.cell mingru"],
    ),
    (
        Experiment,
        {"model.attention": "dot", "model.encoder_sizes": [512]},
        ["--model.attention dot", "512", "1024", "--model.decoder-sizes", "general"],
    ),
    (
        Experiment,
        {
            "model.attention": "scaled-dot",
            "model.bidirectional": False,
            "model.encoder_sizes": [512],
            "model.decoder_sizes": [512, 256],
        },
        ["--model.attention scaled-dot", "256", "512", "--model.encoder-sizes", "general"],
    ),
    (
        Experiment,
        {
            "model.attention": "multi-head",
            "model.attention_size": 100,
            "model.attention_heads": 3,
        },
        ["--model.attention-size 100", "--model.attention-heads 3"],
    ),
    *(
        (Experiment, {"model.embedding": "one-hot", **values}, ["one-hot", f"add --model.no-{add}"])
        for values, add in (
            ({"model.lexical": False}, "tied-output"),
            (ONE_HOT, "lexical"),
            (
                {**ONE_HOT, "model.lexical": False, "data.joint": True}
                | {"model.shared_embedding": True},
                "shared-embedding",
            ),
        )
    ),
    (
        Experiment,
        {"model.shared_embedding": True},
        ["--model.shared-embedding needs --data.joint", "--model.no-shared"],
    ),
    *(
        (kind, {"resume": True, "overwrite": True}, ["--resume", "--overwrite"])
        for kind in (Experiment, LanguageExperiment)
    ),
    (
        Experiment,
        {"decoding.min_length": 9, "decoding.max_length": 8},
        ["--decoding.min-length 9 is above --decoding.max-length 8"],
    ),
    (
        Experiment,
        {"decoding.method": "diverse-beam", "decoding.groups": 2},
        ["--decoding.beam-size 5 can't be divided among --decoding.groups 2"],
    ),
    (
        Experiment,
        {"decoding.language_model": "runs/english"},
        ["--decoding.language-model is no part of a run", "seq2seq translate RUN"],
    ),
    (
        Experiment,
        {"data.subword_sampling": 0.1, "data.tokenizer": "word"},
        ["--data.subword-sampling 0.1", "--data.tokenizer unigram"],
    ),
    (
        Experiment,
        {"data.joint": True, "data.target_tokenizer": "word"},
        ["--data.joint is one tokenizer", "--data.no-joint"],
    ),
    (
        Experiment,
        {"data.joint": True, "model.initialize_encoder": "runs/a"},
        ["--data.joint is one vocabulary", "--model.initialize-encoder"],
    ),
    (
        Experiment,
        {"data.vocabulary": "runs/a", "model.initialize_encoder": "runs/b"},
        ["both bring vocabularies"],
    ),
    (
        Experiment,
        {"data.source": "de", "data.target": "de"},
        ["--data.source and --data.target are both de"],
    ),
    *(
        (
            kind,
            {"data.min_frequency": 2, "data.tokenizer": tokenizer},
            ["--data.min-frequency 2 needs --data.tokenizer word", f"{tokenizer} learns"],
        )
        for kind in (Experiment, LanguageExperiment)
        for tokenizer in ("unigram", "bpe")
    ),
    *(
        (
            Experiment,
            {f"{SAMPLING}schedule": schedule, f"{SAMPLING}k": k},
            [f"--training.sampling.k {k}", schedule],
        )
        for schedule, k in (
            *(("exponential", 1.0), ("exponential", 0.0), ("inverse-sigmoid", 0.99)),
        )
    ),
    (
        LanguageExperiment,
        {"data.letters_only": True, **SENTENCES},
        ["--data.letters-only", "--data.windows sentences", "take sequential or random"],
    ),
    (
        LanguageExperiment,
        {"model.bidirectional": True},
        ["--model.bidirectional", "sees the tokens that it is to predict", "Leave it out"],
    ),
    *(
        (
            LanguageExperiment,
            {"model.residual": True, **beside},
            ["--model.residual has no effect", "--model.sizes 256 256"],
        )
        for beside in ({}, {**ONE_HOT, "model.embedding_size": 512})
    ),
    (
        LanguageExperiment,
        {"training.best_by": "bleu"},
        ["--training.best-by bleu", "take perplexity"],
    ),
    (NGramExperiment, {"model.smoothing": "add-k"}, ["--smoothing add-k needs --k"]),
    (
        Experiment,
        {"data.tokenizer": "character", "data.character_coverage": 0.99},
        ["--data.character-coverage 0.99 needs --data.tokenizer unigram or bpe"],
    ),
    *(
        (kind, {"data.special_symbols": symbols}, ["--data.special-symbols", words])
        for kind in KINDS
        for symbols, words in (
            ([""], "'' is empty"),
            (["<a b>"], "'<a b>' has white space in it"),
            (["a\u3000"], "has white space in it"),
            (["<2fr>", "<eos>"], "<eos> is a special token"),
            (["<2fr>", "<BT>", "<2fr>"], "<2fr> is given twice"),
            (["e\u0301", "\u00e9"], "\u00e9 is given twice"),
            (["<▁>"], "▁ has a meaning in tokens"),
            (["<2fr>", "a￭b␛"], "￭ ␛ has a meaning in tokens"),
            (["<\ud800>"], "is no text"),
        )
    ),
    *(
        (
            kind,
            {"data.vocab_size": 6, "data.special_symbols": ["<2fr>", "<BT>"]},
            ["6 tokens has no room for 2 --data.special-symbols: raise --data.vocab-size to 7"],
        )
        for kind in KINDS
    ),
    (
        Experiment,
        {"data.target_vocab_size": 5, "data.special_symbols": ["<2fr>"]},
        ["5 tokens has no room for 1 --data.special-symbols"],
    ),
    *(
        (
            kind,
            {"data.letters_only": True, "data.special_symbols": ["<2fr>"]},
            ["--data.special-symbols have no effect with --data.letters-only"],
        )
        for kind in (LanguageExperiment, NGramExperiment)
    ),
]


@pytest.mark.parametrize(("kind", "values", "words"), CLASHES, ids=str)
def test_settings_that_clash_are_named_together(
    kind: type[BaseExperiment], values: dict[str, object], words: list[str]
) -> None:
    (line,) = refused(kind, values)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "values",
    [
        {"model.attention": "dot", "model.encoder_sizes": [256]},
        {"model.attention": "scaled-dot", "model.bidirectional": False}
        | {"model.encoder_sizes": [512]},
        {"model.attention": "dot", "model.encoder_sizes": [8, 3], "model.decoder_sizes": [8, 6]},
        {
            "model.attention": "multi-head",
            "model.attention_size": 99,
            "model.attention_heads": 3,
        },
        {"model.attention": "local", "model.attention_order": "bahdanau"},
        {"model.cell": "sru", "model.zoneout": 0.1, "model.locked_dropout": True},
        {"model.attention": "additive", "model.input_feeding": True, "model.coverage": True},
        {"model.residual": True, "model.encoder_sizes": [8, 8, 16], "model.decoder_sizes": [9, 9]},
        {"model.attention": "none", **ONE_HOT},
        {"data.special_symbols": ["<2fr>", "<BT>", "｟ph1｠"], "data.character_coverage": 0.9995},
        {"data.target_tokenizer": "character", "data.character_coverage": 0.9995},
    ],
    ids=str,
)
def test_what_fits_together_is_taken(values: dict[str, object]) -> None:
    made = make(Experiment, values)
    assert from_dict(Experiment, to_dict(made)) == made


@pytest.mark.parametrize(
    "values",
    [
        {"data.windows": "random", "data.letters_only": True, "data.steps": 1},
        {"data.min_frequency": 3, "data.tokenizer": "space"},
        {"data.validation_share": 0.5, "data.column": "text"},
        {"data.vocabulary": "runs/other", "data.max_length": 9, **SENTENCES},
        {"training.batch_tokens": 99, **SENTENCES},
        {"model.cell": "echo-state", "model.spectral_radius": 1.5},
        {"model.residual": True, "model.embedding_size": 512},
        {"model.residual": True, "model.sizes": [64, 64]},
    ],
    ids=str,
)
def test_what_fits_together_is_taken_for_a_language_model(values: dict[str, object]) -> None:
    made = make(LanguageExperiment, values)
    assert from_dict(LanguageExperiment, to_dict(made)) == made


# ---------------------------------------------------------------------------------------------
# All at once, and what is only noted


def test_all_impossible_values_are_reported_at_once() -> None:
    chosen: dict[str, object] = {
        "data.max_length": 0,
        "model.dropout": 2.0,
        "model.encoder_sizes": [0, -1],
        "training.sampling.rate": 7.0,
        "training.learning_rate": -1.0,
        "training.clip_norm": -1.0,
        "decoding.beam_size": 0,
        "seed": -1,
    }
    found = refused(Experiment, {**chosen, "resume": True, "overwrite": True})
    assert len(found) == 10
    for name in chosen:
        assert any(line.startswith(f"--{flag_name(name)} ") for line in found), name
    found = refused(
        LanguageExperiment,
        {"data.steps": 0, "model.sizes": [], "model.bidirectional": True}
        | {"generation.top_p": 2.0, "training.best_by": "bleu"},
    )
    assert [line.split()[0] for line in found] == [
        *("--data.steps", "--model.sizes", "--model.bidirectional:"),
        *("--generation.top-p", "--training.best-by"),
    ]


def test_all_wrong_types_are_reported_at_once() -> None:
    wrong: Any = "x"
    with pytest.raises(SettingsError) as caught:
        Experiment(
            seed=wrong,
            model=ModelSettings(cell=wrong, dropout=wrong),
            training=TrainingSettings(sampling=SamplingSettings(k=wrong)),
            decoding=wrong,
        )
    assert [line.split()[0] for line in str(caught.value).split("\n")] == [
        *("--seed", "--model.cell", "--model.dropout", "--training.sampling.k", "--decoding"),
    ]


def test_unknown_names_wrong_types_and_impossible_values_come_in_one_message() -> None:
    values = {
        "model": {"cel": 1, "drpout": 2, "dropout": "much"},
        "dta": {},
        "training": {"minutes": -1.0},
    }
    with pytest.raises(SettingsError) as caught:
        from_dict(Experiment, values)
    for part in (
        "model.cel: did you mean cell?",
        "model.drpout: did you mean dropout?",
        "dta: did you mean data?",
        "--model.dropout 'much' is not float",
        "--training.minutes -1.0 must be at least 0",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(("steps", "warmup", "noted"), [(399, 200, 1), (400, 200, 0), (9, 4, 0)])
def test_a_warm_up_that_takes_most_of_the_training_is_noted(
    steps: int, warmup: int, noted: int
) -> None:
    notes = list(TrainingSettings(max_steps=steps, warmup_steps=warmup).notes())
    assert len(notes) == noted
    assert all("--training.warmup-steps" in note and f"{steps}" in note for note in notes)
    assert not list(TrainingSettings(minutes=1).notes())


@pytest.mark.parametrize("attention", ["dot", "general"])
def test_lexical_translation_with_unscaled_scores_is_noted(attention: str) -> None:
    def notes(**settings: Any) -> list[str]:
        return list(Experiment(model=ModelSettings(decoder_sizes=(768,), **settings)).notes())

    (note,) = notes(attention=attention)
    assert f"--model.attention scaled-{attention}" in note
    assert not notes(attention=f"scaled-{attention}")
    assert not notes(attention=attention, lexical=False)
    assert not list(Experiment().notes())


# ---------------------------------------------------------------------------------------------
# A continued run


def test_a_continued_run_keeps_what_it_was_begun_with() -> None:
    stored = Experiment(training=TrainingSettings(max_steps=1, learning_rate=0.1))
    longer = replace(stored, run="elsewhere", training=replace(stored.training, max_steps=2))
    moved = replace(longer, data=replace(longer.data, train="there.tsv"))
    assert not list(moved.resume_problems(stored))
    other = replace(
        moved,
        seed=2,
        model=replace(moved.model, cell="gru"),
        training=replace(moved.training, optimizer="sgd"),
    )
    (line,) = other.resume_problems(stored)
    for changed in (
        "--seed 2 (it is 1)",
        "--model.cell gru (it is lstm)",
        "--training.optimizer sgd (it is adamw)",
    ):
        assert changed in line


def test_a_recipe_that_gives_a_part_other_defaults_keeps_what_is_declared() -> None:
    @dataclass(frozen=True)
    class Recipe(Experiment):
        """Other defaults."""

        seed: int = 7
        model: ModelSettings = field(default_factory=lambda: ModelSettings(cell="gru"))

    with pytest.raises(SettingsError, match=r"--seed -1 is not in \[0, "):
        Recipe(seed=-1)
    (line,) = Recipe(model=ModelSettings()).resume_problems(Recipe())
    assert "--model.cell lstm (it is gru)" in line
