"""Every field of every setting: what has a wrong type, or is no number, is refused by its name."""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.base import (
    check_min,
    flag_name,
    from_dict,
    is_instance,
    to_dict,
    type_problems,
    validate,
)
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
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


def check(kind: type[BaseExperiment], path: tuple[str, ...], hint: Any, value: object) -> None:
    """Another value for one field is refused by the field's name, or is of its type."""
    said = ""
    try:
        made = changed(kind(), path, value)
    except SettingsError as error:
        said = str(error)
    if not is_instance(value, hint):
        assert f"--{flag_name('.'.join(path))} " in said
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
    wrong: Any = 512
    group: Any = "gru"
    with pytest.raises(SettingsError) as caught:
        Experiment(
            model=ModelSettings(encoder_sizes=wrong),
            training=TrainingSettings(max_steps=2**70),
            decoding=group,
        )
    first, second, third = str(caught.value).split("\n")
    assert first == "--model.encoder-sizes 512 is not tuple[int, ...]"
    assert second.startswith("--training.max-steps 1180591620717411303424 is too large")
    assert third == "--decoding 'gru' is not DecodingSettings"


def test_a_long_value_is_cut() -> None:
    long: Any = "x" * 10_000
    with pytest.raises(SettingsError) as caught:
        Experiment(seed=long)
    assert len(str(caught.value)) < 100


def test_names_that_are_no_strings_are_unknown_settings() -> None:
    with pytest.raises(SettingsError, match="unknown setting 3"):
        from_dict(Experiment, {3: 4})


def test_insist_has_types_first_then_values() -> None:
    wrong: Any = "high"
    validate(ModelSettings(), "model.")
    with pytest.raises(SettingsError, match=r"--model.dropout 'high' is not float"):
        validate(ModelSettings(dropout=wrong, embedding_size=0), "model.")
    with pytest.raises(SettingsError, match=r"--model.embedding-size 0 must be at least 1"):
        validate(ModelSettings(embedding_size=0), "model.")


@given(st.floats() | st.integers(), st.integers(-5, 5))
def test_at_least_lets_through_what_is_finite_and_not_below(value: float, least: int) -> None:
    right = least <= value < float("inf")
    assert (list(check_min("--x", value, least)) == []) == right
