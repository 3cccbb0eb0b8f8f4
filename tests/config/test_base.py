"""Every field of every setting: what has a wrong type, or is no number, is refused by its name."""

import dataclasses
import json
import typing
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.base import (
    flag_name,
    from_dict,
    is_instance,
    to_dict,
    type_problems,
    validate,
)
from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.fields import Range
from seq2seq.config.language_model import (
    LanguageExperiment,
    NGramExperiment,
)
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.config.wording import counted
from seq2seq.errors import SettingsError

KINDS = (Experiment, LanguageExperiment, NGramExperiment)


def fields(kind: type, where: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every field of a dataclass and of those within it: its path and its declared type."""
    for name, hint in typing.get_type_hints(kind).items():
        if typing.get_origin(hint) is typing.ClassVar:
            continue
        yield (*where, name), hint
        if dataclasses.is_dataclass(hint):
            yield from fields(hint, (*where, name))


FIELDS = [(kind, path, hint) for kind in KINDS for path, hint in fields(kind)]


def changed(settings: Any, path: tuple[str, ...], value: object) -> Any:
    """The same settings with another value somewhere within."""
    name, *rest = path
    inner = changed(getattr(settings, name), tuple(rest), value) if rest else value
    return dataclasses.replace(settings, **{name: inner})


FIXED: list[Any] = [
    *(None, True, "many", b"x", 0.5, -1, 2**63, 10**400, float("nan"), float("inf"), object(), int),
    *({}, [512], (1.5,), (True,), (), 1j, ModelSettings()),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.lists(st.integers(1, 9), max_size=2),
    st.tuples(st.integers() | st.floats()),
    st.sampled_from(FIXED),
)


FILES = {"train", "train_target", "validation", "validation_target"}
COLUMNS = {"source", "target"}


def check(kind: type[BaseExperiment], path: tuple[str, ...], hint: Any, value: object) -> None:
    """Another value for one field is refused by the field's name, or is of its type."""
    said = ""
    try:
        made = changed(kind(), path, value)
    except SettingsError as error:
        said = str(error)
    if typing.get_origin(hint) is tuple and isinstance(value, list):  # several, in any sequence
        value = tuple(value)
    elif hint == tuple[int, ...] and isinstance(value, int):  # or one size alone
        value = (value,)
    elif kind is Experiment and path[-1] in FILES and isinstance(value, str):  # or one file
        value = (value,) if value else ()
    elif kind is Experiment and path[-1] in COLUMNS and type(value) is int:  # a column's number
        value = str(value)
    if not is_instance(value, hint):
        where = path[1:] if kind is NGramExperiment and path[0] == "model" else path
        assert f"--{flag_name('.'.join(where or path))} " in said
    if not said:
        assert not type_problems(made)
        assert not isinstance(value, float) or abs(value) < float("inf")


@pytest.mark.slow
@pytest.mark.parametrize("value", FIXED, ids=lambda value: repr(value)[:20])
def test_every_field_refuses_a_wrong_type_by_name(value: object) -> None:
    for kind, path, hint in FIELDS:
        check(kind, path, hint, value)


@pytest.mark.slow
@settings(max_examples=1000)
@given(st.sampled_from(FIELDS), VALUES)
def test_nothing_else_goes_wrong(field: tuple[Any, Any, Any], value: object) -> None:
    check(*field, value)


@pytest.mark.parametrize("kind", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_no_field_takes_what_is_no_number(kind: float) -> None:
    for experiment, path, hint in FIELDS:
        if is_instance(kind, hint):
            with pytest.raises(SettingsError, match=rf"{flag_name(path[-1])} {kind}"):
                changed(experiment(), path, kind)


def test_defaults_are_of_their_types() -> None:
    for kind in KINDS:
        assert type_problems(kind()) == []
        assert from_dict(kind, to_dict(kind())) == kind()


def test_a_wrong_type_is_said_in_words() -> None:
    wrong: Any = "512"
    group: Any = "gru"
    with pytest.raises(SettingsError) as caught:
        Experiment(
            model=ModelSettings(encoder_sizes=wrong),
            training=TrainingSettings(max_steps=2**70),
            decoding=group,
        )
    first, second, third = str(caught.value).split("\n")
    assert first == "--model.encoder-sizes '512' is not a list of int"
    assert second.startswith("--training.max-steps 1180591620717411303424 is too large")
    assert third == "--decoding 'gru' is not DecodingSettings"


def test_a_long_value_is_cut() -> None:
    long: Any = "x" * 10_000
    with pytest.raises(SettingsError) as caught:
        Experiment(seed=long)
    assert len(str(caught.value)) < 100


def test_types_come_first_then_values() -> None:
    wrong: Any = "high"
    validate(ModelSettings(), "model.")
    with pytest.raises(SettingsError, match=r"--model.dropout 'high' is not float"):
        validate(ModelSettings(dropout=wrong, embedding_size=0), "model.")
    with pytest.raises(SettingsError, match=r"--model.embedding-size 0 must be at least 1"):
        validate(ModelSettings(embedding_size=0), "model.")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", True, "is not int"),
        ("seed", 1.0, "is not int"),
        ("resume", 1, "is not bool"),
        ("run", 5, "is not str"),
        ("device", "gpu", "is not one of auto, cpu, cuda, mps"),
        (
            "model.cell",
            "rnn",
            "is not one of elman, elman-relu, elman-sigmoid, jordan, leaky",
        ),
        ("model.dropout", "0.1", "is not float"),
        ("model.encoder_sizes", [512, 1.5], "is not a list of int"),
        ("training.minutes", "20", "is not float | None"),
        ("training.sampling.unit", "epochs", "is not one of steps, percent"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_in_words(
    name: str, value: object, message: str
) -> None:
    for key in reversed(name.split(".")):
        value = {key: value}
    with pytest.raises(SettingsError) as caught:
        from_dict(Experiment, value)
    (line,) = str(caught.value).split("\n")
    assert line.startswith(f"--{flag_name(name)} ")
    assert message in line


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({3: 4}, "unknown setting 3"),
        ({"modle": {}}, "unknown setting modle: did you mean model?"),
        ({"model": {"hidden": 1}}, "unknown setting model.hidden; there are attention,"),
        ({"model": {"drop_out": 0.1}}, "unknown setting model.drop_out: did you mean dropout?"),
        (
            {"training": {"sampling": {"shedule": "none"}}},
            "unknown setting training.sampling.shedule: did you mean schedule?",
        ),
        ({"model": {"cell": "lstn"}}, "did you mean lstm?"),
        ({"data": {"tokenizer": "words"}}, "did you mean word?"),
        *(
            (values, "expected names with values")
            for values in ([], "model", None, {"model": 3}, {"training": {"sampling": []}})
        ),
    ],
)
def test_names_that_are_unknown_are_refused_with_the_nearest_one(values: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_dict(Experiment, values)
    (line,) = str(caught.value).split("\n")
    assert message in line


# ---------------------------------------------------------------------------------------------
# Ranges


@given(st.floats() | st.integers(), st.integers(-5, 5))
def test_a_range_has_what_is_finite_and_not_below(value: float, least: int) -> None:
    inside = least <= value < float("inf")
    assert (list(Range(least).problems("--x", value)) == []) == inside


@given(st.integers(-3, 3) | st.floats(-3, 3), st.sampled_from(["[]", "[)", "(]", "()"]))
def test_a_round_bracket_leaves_an_end_out(value: float, brackets: Any) -> None:
    inside = {"[": value >= -1, "(": value > -1}[brackets[0]]
    inside &= {"]": value <= 1, ")": value < 1}[brackets[1]]
    lines = list(Range(-1, 1, brackets).problems("--x", value))
    assert (lines == []) == inside
    assert all(line == f"--x {value} is not in {brackets[0]}-1, 1{brackets[1]}" for line in lines)


# ---------------------------------------------------------------------------------------------
# Defaults, and JSON

EXPERIMENTS = [
    Experiment(),
    Experiment(
        run="runs/ä",
        seed=7,
        resume=True,
        data=DataSettings(train="a.tsv", tokenizer="bpe", subword_sampling=0.1, joint=True),
        model=ModelSettings(cell="gru", encoder_sizes=(3, 4), shared_embedding=True, dropout=0),
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


def test_what_is_not_named_keeps_its_default() -> None:
    assert from_dict(Experiment, {}) == Experiment()
    assert from_dict(ModelSettings, {"cell": "elman"}) == ModelSettings(cell="elman")


def test_a_stored_run_without_a_setting_has_what_was_before_there_was_one() -> None:
    values = to_dict(Experiment())
    del values["model"]["lexical"]
    assert from_dict(Experiment, values, stored=True) == Experiment(
        model=ModelSettings(lexical=False)
    )
    assert from_dict(Experiment, values) == Experiment()


def test_there_is_one_set_of_defaults() -> None:
    assert Experiment().model == ModelSettings()
    model = ModelSettings()
    assert (model.cell, model.context, model.attention) == ("lstm", "initial", "scaled-general")
    assert model.lexical
    assert Experiment(model=ModelSettings(cell="gru")).model.attention == "scaled-general"


def test_the_plain_context_model_is_one_setting() -> None:
    plain = ModelSettings(attention="none")
    assert not plain.lexical
    assert replace(ModelSettings(), attention="none") == plain
    model = Experiment(model=plain).model
    assert model == plain
    assert from_dict(ModelSettings, to_dict(plain)) == plain


def test_a_language_model_has_its_own_defaults() -> None:
    found = LanguageExperiment()
    assert found.model.cell == "gru"
    assert found.training.best_by == "perplexity"
    assert found.training.label_smoothing == 0, "perplexity is of the model's own probabilities"
    assert replace(found.training, best_by="bleu", label_smoothing=0.1) == TrainingSettings()


def test_a_number_with_what_it_counts() -> None:
    said = [counted(number, "pair") for number in (0, 1, 2000)]
    assert said == ["0 pairs", "1 pair", "2,000 pairs"]
