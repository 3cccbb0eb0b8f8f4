"""How settings are checked, and become JSON and come back: all mistakes at once, each by name."""

from __future__ import annotations

import dataclasses
import difflib
import math
import reprlib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar

from seq2seq.errors import SettingsError

MAX_INTEGER = 2**63
"""Integers are below it; torch computes with none that are not."""


def check_min(name: str, value: float, least: float) -> Iterator[str]:
    """A line if `value` is below `least`, infinite or not a number."""
    if not least <= value < math.inf:
        yield f"{name} {value} must be at least {least}{' and finite' * (value == math.inf)}"


def check_fraction(name: str, value: float) -> Iterator[str]:
    """A line if `value` is not in [0, 1]."""
    if not 0 <= value <= 1:
        yield f"{name} {value} is not in [0, 1]"


def flag_name(name: str) -> str:
    """A field's name as the command line spells it."""
    return name.replace("_", "-")


def check_unused(
    settings: object, prefix: str, used: dict[str, bool], because: str
) -> Iterator[str]:
    """A line for each setting that was changed from its default, and that nothing would use.

    Args:
        settings: the dataclass with the settings.
        prefix: what stands before a name on the command line.
        used: whether each of them has an effect.
        because: the setting that decides on it.
    """
    defaults = type(settings)()
    for name, has_effect in used.items():
        value = getattr(settings, name)
        if not has_effect and value != getattr(defaults, name):
            yield f"{prefix}{flag_name(name)} {value} has no effect with {because}"


def to_dict(settings: Any) -> dict[str, Any]:
    """Settings as plain JSON values."""
    return dataclasses.asdict(settings)


def flatten(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Settings within settings as one table, under their names on the command line.

    >>> flatten({"seed": 1, "model": {"cell": "gru"}})
    {'seed': 1, 'model.cell': 'gru'}
    """
    table: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            table |= flatten(value, f"{where}{name}.")
        else:
            table[where + name] = value
    return table


Settings = TypeVar("Settings")


def from_dict(kind: type[Settings], values: Any) -> Settings:
    """Settings from JSON values, the inverse of `to_dict`.

    Raises:
        SettingsError: unknown names (the nearest valid one is given) and impossible values, all in
            one message.
    """
    problems: list[str] = []
    arguments = field_values(kind, values, "", problems)
    try:
        settings = kind(**arguments)
        problems += type_problems(settings)
    except SettingsError as error:
        problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return settings


def field_values(kind: type, values: Any, where: str, problems: list[str]) -> dict[str, Any]:
    """The values by field, nested settings made; a line in `problems` for each unknown name."""
    if not isinstance(values, Mapping):
        problems.append(f"{where.rstrip('.') or 'the experiment'}: expected names with values")
        return {}
    hints = field_types(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    arguments = {}
    for name, value in values.items():
        if name not in names:
            problems.append(f"unknown setting {where}{name}{did_you_mean(str(name), names)}")
            continue
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            nested = typing.cast(type, hint)
            value = nested(**field_values(nested, value, f"{where}{name}.", problems))
        elif typing.get_origin(hint) is tuple and isinstance(value, list):
            value = tuple(value)
        arguments[name] = value
    return arguments


def did_you_mean(name: str, valid: list[str]) -> str:
    """ " (did you mean …?)", or the valid names if none is near."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f": did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(valid))}"


def raise_problems(problems: Iterable[str]) -> None:
    """Raises SettingsError with all the problems, if there are any."""
    if lines := list(problems):
        raise SettingsError("\n".join(lines))


def validate(settings: Any, where: str = "") -> None:
    """Raises SettingsError with all that is wrong about some settings: types, else values.

    Args:
        settings: a dataclass with a method `problems`, which takes the types to be right.
        where: what stands before a name, as "model.".
    """
    raise_problems(type_problems(settings, where) or settings.problems())


def type_problems(settings: Any, where: str = "") -> list[str]:
    """A line for each field, in nested settings too, whose value is not of its declared type."""
    problems = []
    for name, hint in field_types(settings.__class__).items():
        if typing.get_origin(hint) is ClassVar:
            continue
        value = getattr(settings, name)
        full = f"{where}{name}"
        if dataclasses.is_dataclass(hint) and isinstance(value, typing.cast(type, hint)):
            problems += type_problems(value, f"{full}.")
        elif not is_instance(value, hint):
            allowed = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
            close = difflib.get_close_matches(str(value), allowed, n=1)
            did_you_mean = f": did you mean {close[0]}?" if close else ""
            shown = reprlib.repr(value)
            problems.append(
                f"--{flag_name(full)} {shown} is not {describe_type(hint)}{did_you_mean}"
            )
        elif isinstance(value, int) and abs(value) >= MAX_INTEGER:
            problems.append(
                f"--{flag_name(full)} {reprlib.repr(value)} is too large for an integer"
            )
    return problems


@cache
def field_types(kind: type) -> dict[str, Any]:
    """The declared types of a dataclass's fields."""
    return typing.get_type_hints(kind)


def describe_type(hint: Any) -> str:
    """A declared type, for a message.

    >>> type_in_words(Literal["same", "other"]), type_in_words(tuple[int, ...])
    ('one of same, other', 'tuple[int, ...]')
    """
    if typing.get_origin(hint) is Literal:
        return f"one of {', '.join(typing.get_args(hint))}"
    return str(hint) if typing.get_origin(hint) else getattr(hint, "__name__", str(hint))


def is_instance(value: Any, hint: Any) -> bool:
    """Whether `value` is of the declared type; an int counts as a float, a bool as nothing else."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    if origin is tuple:
        return isinstance(value, tuple) and all(
            is_instance(x, typing.get_args(hint)[0]) for x in value
        )
    if origin in (typing.Union, types.UnionType):
        return any(is_instance(value, option) for option in typing.get_args(hint))
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if hint is float else hint)
