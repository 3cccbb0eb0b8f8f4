"""Settings: all mistakes at once, each by its name, and JSON there and back."""

import json
from typing import Any

import pytest

from seq2seq.config.base import from_dict, to_dict
from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.errors import SettingsError

NAN = float("nan")


def nested(name: str, value: object) -> dict[str, Any]:
    """`training.sampling.rate` -> {"training": {"sampling": {"rate": value}}}."""
    head, _, tail = name.partition(".")
    return {head: nested(tail, value) if tail else value}


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and key in result
            result[key] = merged(result[key], value) if both else value
    return result


def lines(values: dict[str, Any]) -> list[str]:
    """The mistakes that making an experiment of `values` reports, one a line."""
    with pytest.raises(SettingsError) as caught:
        from_dict(Experiment, values)
    return str(caught.value).split("\n")


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


LEAST = {
    "data.validation_size": 1,
    "data.vocab_size": 5,
    "data.min_frequency": 1,
    "data.max_length": 1,
    "model.embedding_size": 1,
    "model.attention_size": 1,
    "model.attention_heads": 1,
    "model.attention_window": 1,
    "training.sampling.passes": 1,
    "training.batch_tokens": 1,
    "training.accumulate": 1,
    "training.save_every": 1,
    "training.log_every": 1,
    "training.weight_decay": 0,
    "training.momentum": 0,
    "training.warmup_steps": 0,
    "training.plateau_patience": 0,
    "training.clip_norm": 0,
    "training.clip_value": 0,
    "training.validate_every": 0,
    "training.patience": 0,
    "training.threads": 0,
    "decoding.beam_size": 1,
    "decoding.max_length_extra": 1,
    "decoding.max_source_length": 1,
    "decoding.batch_size": 1,
    "decoding.length_penalty": 0,
    "decoding.max_length_ratio": 0,
}


KINDS = {
    "model.attention_size": "additive",
    "model.attention_heads": "multi-head",
    "model.attention_window": "local",
}


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_a_number_may_be_the_least_allowed_but_not_below(name: str, least: int) -> None:
    lowest, below = (nested(name, value) for value in (least, least - 1))
    if name in KINDS:  # without the kind of attention that it is for, it has no effect
        for values in (lowest, below):
            values["model"]["attention"] = KINDS[name]
    from_dict(Experiment, lowest)
    assert lines(below) == [f"{flag(name)} {least - 1} must be at least {least}"]


IMPOSSIBLE = [
    ("data.subword_sampling", -0.1, "not in [0, 1]"),
    ("data.subword_sampling", 1.1, "not in [0, 1]"),
    ("model.dropout", 1.0, "not in [0, 1)"),
    ("model.dropout", -0.1, "not in [0, 1)"),
    *(
        (f"model.{name}", value, "not in [0, 1)")
        for name in ("word_dropout", "state_dropout", "weight_dropout", "zoneout")
        for value in (1.0, -0.1, NAN)
    ),
    ("model.encoder_sizes", [], "is empty"),
    ("model.decoder_sizes", [], "is empty"),
    ("model.encoder_sizes", [8, 0], "must be at least 1"),
    ("model.decoder_sizes", [0, 8], "must be at least 1"),
    ("training.sampling.rate", 1.5, "not in [0, 1]"),
    ("training.sampling.floor", -0.5, "not in [0, 1]"),
    ("training.sampling.slope", -0.1, "is negative"),
    ("training.minutes", 0, "must be above 0"),
    ("training.epochs", -1.0, "must be above 0"),
    ("training.max_steps", 0, "must be above 0"),
    ("training.learning_rate", 0.0, "must be above 0"),
    ("training.learning_rate", NAN, "must be above 0"),
    ("training.momentum", NAN, "must be at least 0"),
    ("training.plateau_factor", 0.0, "must be between 0 and 1"),
    ("training.plateau_factor", 1.0, "must be between 0 and 1"),
    ("training.label_smoothing", 1.0, "not in [0, 1)"),
    ("training.label_smoothing", -0.1, "not in [0, 1)"),
    ("seed", -1, "not from 0 to"),
    ("seed", 2**32, "not from 0 to"),
]


@pytest.mark.parametrize(("name", "value", "message"), IMPOSSIBLE)
def test_an_impossible_value_is_named_with_what_is_allowed(
    name: str, value: object, message: str
) -> None:
    (line,) = lines(nested(name, value))
    assert line.startswith(f"{flag(name)} ")
    assert message in line


PLAIN = {"model": {"attention": "none"}}
"""The context model."""

CLASHES = [
    ({"model": {"residual": True}}, ["--model.residual has no effect", "equal width"]),
    ({"model": {"input_feeding": True}}, ["--model.input-feeding needs", "--model.attention "]),
    ({"model": {"coverage": True}}, ["--model.coverage needs", "--model.attention "]),
    ({"model": {"lexical": True}}, ["--model.lexical needs", "--model.attention "]),
    (
        {"model": {"attention_order": "bahdanau"}},
        ["--model.attention-order needs", "--model.attention "],
    ),
    (
        {"model": {"attention": "dot"}},
        ["--model.attention dot", "512", "1024", "--model.decoder-sizes", "general"],
    ),
    (
        {"model": {"attention": "scaled-dot", "bidirectional": False, "decoder_sizes": [512, 256]}},
        ["--model.attention scaled-dot", "256", "512", "--model.encoder-sizes", "general"],
    ),
    (
        {"model": {"attention": "multi-head", "attention_size": 100, "attention_heads": 3}},
        ["--model.attention-size 100", "--model.attention-heads 3"],
    ),
    (
        {**PLAIN, "decoding": {"coverage_penalty": 0.2}},
        ["--decoding.coverage-penalty", "attention"],
    ),
    (
        {"decoding": {"method": "sample", "temperature": float("inf")}},
        ["--decoding.temperature inf"],
    ),
    ({"decoding": {"length_penalty": float("inf")}}, ["--decoding.length-penalty inf"]),
    ({"decoding": {"max_length_ratio": float("inf")}}, ["--decoding.max-length-ratio inf"]),
    ({"decoding": {"max_length": 10**9}}, ["--decoding.max-length 1000000000"]),
    ({"decoding": {"method": "diverse-beam", "groups": 0}}, ["--decoding.groups 0"]),
    ({"decoding": {"top_k": 3}}, ["--decoding.top-k 3 has no effect", "method beam"]),
    ({"decoding": {"samples": 8}}, ["--decoding.samples 8 has no effect", "method beam"]),
    ({"decoding": {"method": "mbr", "diversity": 1.0}}, ["--decoding.diversity 1.0 has no"]),
    (
        {"model": {"attention": "multi-head", "attention_heads": 0}},
        ["--model.attention-heads 0"],
    ),
    (
        {"model": {"attention": "general", "attention_window": 3}},
        ["--model.attention-window 3 has no effect", "attention general"],
    ),
    ({"model": {"attention_size": 9}}, ["--model.attention-size 9 has no effect"]),
    ({"training": {"average_count": 3}}, ["--training.average-count 3 has no effect"]),
    ({"data": {"sampled_side": "source"}}, ["--data.sampled-side source has no effect"]),
    ({"model": {"locked_dropout": True, "dropout": 0.0}}, ["--model.locked-dropout"]),
    ({"training": {"learning_rate": float("inf")}}, ["--training.learning-rate inf"]),
    ({**PLAIN, "decoding": {"replace_unknown": True}}, ["--decoding.replace-unknown", "attention"]),
    ({"training": {"momentum": 0.9}}, ["--training.momentum 0.9", "--training.optimizer sgd"]),
    (
        {"data": {"min_frequency": 2, "tokenizer": "bpe"}},
        ["--data.min-frequency 2", "--data.tokenizer word"],
    ),
    ({"data": {"train_target": "b"}}, ["--data.train-target", "--data.train,"]),
    ({"data": {"validation_target": "b"}}, ["--data.validation-target", "--data.validation,"]),
    (
        {"data": {"tokenizer": "word", "subword_sampling": 0.1}},
        ["--data.subword-sampling 0.1", "--data.tokenizer unigram"],
    ),
    (
        {"model": {"embedding": "one-hot", "tied_output": True}},
        ["one-hot", "add --model.no-tied-output"],
    ),
    (
        {
            "model": {"embedding": "one-hot", "tied_output": False, "shared_embedding": True},
            "data": {"joint": True},
        },
        ["one-hot", "add --model.no-shared-embedding"],
    ),
    (
        {
            "model": {
                "embedding": "one-hot",
                "tied_output": False,
                "attention": "dot",
                "decoder_sizes": [1024],
                "lexical": True,
            }
        },
        ["one-hot", "add --model.no-lexical"],
    ),
    (
        {"model": {"shared_embedding": True}},
        ["--model.shared-embedding needs --data.joint", "--model.no-shared"],
    ),
    ({"resume": True, "overwrite": True}, ["--resume", "--overwrite"]),
    (
        {"training": {"sampling": {"schedule": "exponential", "k": 1.0}}},
        ["--training.sampling.k 1.0", "exponential"],
    ),
    (
        {"training": {"sampling": {"schedule": "exponential", "k": 0.0}}},
        ["--training.sampling.k 0.0", "exponential"],
    ),
    (
        {"training": {"sampling": {"schedule": "inverse-sigmoid", "k": 0.99}}},
        ["--training.sampling.k 0.99", "inverse-sigmoid"],
    ),
]


@pytest.mark.parametrize(("values", "words"), CLASHES)
def test_settings_that_clash_are_named_together(values: dict[str, Any], words: list[str]) -> None:
    (line,) = lines(values)
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "model",
    [
        {"attention": "dot", "decoder_sizes": [1024]},
        {"attention": "scaled-dot", "bidirectional": False},
        {"attention": "dot", "encoder_sizes": [8, 3], "decoder_sizes": [8, 6]},
        {"attention": "multi-head", "attention_size": 99, "attention_heads": 3},
        {"attention": "additive", "attention_size": 99},
        {"attention": "local", "attention_order": "bahdanau"},
        {"attention": "additive", "input_feeding": True, "lexical": True, "coverage": True},
        {"residual": True, "attention": "general", "encoder_sizes": [8, 8]},
    ],
)
def test_what_fits_together_is_taken(model: dict[str, Any]) -> None:
    assert from_dict(Experiment, {"model": model}).model == from_dict(ModelSettings, model)


WRONG_TYPES = [
    ("seed", True, "is not int"),
    ("seed", 1.0, "is not int"),
    ("seed", "1", "is not int"),
    ("seed", None, "is not int"),
    ("resume", 1, "is not bool"),
    ("resume", "yes", "is not bool"),
    ("run", 5, "is not str"),
    ("device", "gpu", "is not one of auto, cpu, cuda, mps"),
    ("model.cell", "rnn", "is not one of elman, elman-relu, jordan, leaky, echo-state, gru, lstm"),
    ("model.cell", 3, "is not one of"),
    ("model.dropout", True, "is not float"),
    ("model.dropout", "0.1", "is not float"),
    ("model.encoder_sizes", 512, "is not tuple"),
    ("model.encoder_sizes", [512, 1.5], "is not tuple"),
    ("model.encoder_sizes", [True], "is not tuple"),
    ("training.minutes", "20", "is not float | None"),
    ("training.max_steps", 1.5, "is not int | None"),
    ("training.sampling.unit", "epochs", "is not one of steps, percent"),
    ("decoding.beam_size", False, "is not int"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG_TYPES)
def test_a_value_of_a_wrong_type_is_refused(name: str, value: object, message: str) -> None:
    (line,) = lines(nested(name, value))
    assert line.startswith(f"{flag(name)} ")
    assert message in line


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modle": {}}, "unknown setting modle: did you mean model?"),
        ({"model": {"hidden": 1}}, "unknown setting model.hidden; there are attention,"),
        ({"model": {"drop_out": 0.1}}, "unknown setting model.drop_out: did you mean dropout?"),
        (
            {"training": {"sampling": {"shedule": "none"}}},
            "unknown setting training.sampling.shedule: did you mean schedule?",
        ),
        ({"model": {"cell": "lstn"}}, "did you mean lstm?"),
        ({"data": {"tokenizer": "words"}}, "did you mean word?"),
    ],
)
def test_the_nearest_valid_name_is_given(values: dict[str, Any], message: str) -> None:
    (line,) = lines(values)
    assert message in line


@pytest.mark.parametrize(
    "values", [[], "model", None, {"model": 3}, {"training": {"sampling": []}}]
)
def test_what_is_no_table_of_names_is_refused(values: Any) -> None:
    (line,) = lines(values)
    assert "expected names with values" in line


def test_all_impossible_values_are_reported_at_once() -> None:
    chosen = [
        ("data.max_length", 0),
        ("model.dropout", 2.0),
        ("model.encoder_sizes", [0, -1]),
        ("training.sampling.rate", 7.0),
        ("training.learning_rate", -1.0),
        ("training.clip_norm", -1.0),
        ("decoding.beam_size", 0),
        ("seed", -1),
    ]
    values = merged(*(nested(name, value) for name, value in chosen))
    found = lines({**values, "resume": True, "overwrite": True})
    assert len(found) == 10
    for name, _ in chosen:
        assert any(line.startswith(f"{flag(name)} ") for line in found), name


def test_all_wrong_types_are_reported_at_once() -> None:
    wrong: Any = "x"
    with pytest.raises(SettingsError) as caught:
        Experiment(
            seed=wrong,
            model=ModelSettings(cell=wrong, dropout=wrong),
            training=TrainingSettings(sampling=SamplingSettings(k=wrong)),
            decoding=wrong,
        )
    found = str(caught.value).split("\n")
    assert [line.split()[0] for line in found] == [
        "--seed",
        "--model.cell",
        "--model.dropout",
        "--training.sampling.k",
        "--decoding",
    ]


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
        return list(Experiment(model=ModelSettings(decoder_sizes=(1024,), **settings)).notes())

    (note,) = notes(attention=attention, lexical=True)
    assert f"--model.attention scaled-{attention}" in note
    assert not notes(attention=f"scaled-{attention}", lexical=True)
    assert not notes(attention=attention)
    assert not list(Experiment().notes())


EXPERIMENTS = [
    Experiment(),
    Experiment(
        run="runs/ä",
        seed=7,
        resume=True,
        data=DataSettings(train="a.tsv", tokenizer="bpe", subword_sampling=0.1, joint=True),
        model=ModelSettings(cell="lstm", encoder_sizes=(3, 4), shared_embedding=True, dropout=0),
        training=TrainingSettings(
            minutes=1.5,
            max_steps=10,
            sampling=SamplingSettings(schedule="inverse-sigmoid", k=12.0, unit="steps"),
        ),
        decoding=DecodingSettings(beam_size=1, length_penalty=0.6),
    ),
]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_settings_go_through_json_and_come_back_equal(experiment: Experiment) -> None:
    again = from_dict(Experiment, json.loads(json.dumps(to_dict(experiment))))
    assert again == experiment
    assert isinstance(again.model.encoder_sizes, tuple)
    assert from_dict(Experiment, to_dict(experiment)) == experiment


def test_what_is_not_named_keeps_its_default() -> None:
    assert from_dict(Experiment, {}) == Experiment()
    assert from_dict(ModelSettings, {"cell": "elman"}) == ModelSettings(cell="elman")


def test_unknown_names_wrong_types_and_impossible_values_come_in_one_message() -> None:
    values = {
        "model": {"cel": 1, "drpout": 2, "dropout": "much"},
        "dta": {},
        "training": {"minutes": -1.0},
    }
    with pytest.raises(SettingsError) as caught:
        from_dict(Experiment, values)
    message = str(caught.value)
    for part in (
        "model.cel: did you mean cell?",
        "model.drpout: did you mean dropout?",
        "dta: did you mean data?",
        "--model.dropout 'much' is not float",
        "--training.minutes -1.0 must be above 0",
    ):
        assert part in message


@pytest.mark.parametrize("name", ["slope", "k"])
def test_a_schedule_of_nan_is_refused(name: str) -> None:
    values = {"training": {"sampling": {"schedule": "inverse-sigmoid", name: float("nan")}}}
    with pytest.raises(SettingsError, match=f"training.sampling.{name} nan"):
        from_dict(Experiment, values)
