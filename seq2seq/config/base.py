"""How settings are checked, and become JSON and come back: all mistakes at once, each by name.

The types of the fields declare most of what is checked, see `seq2seq.config.fields`; rules about
several fields at once are in a method `problems` of their class.
"""

from __future__ import annotations

import dataclasses
import difflib
import reprlib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from seq2seq.config.fields import (
    OFF,
    OPEN_CHOICES,
    Condition,
    allowed_names,
    setting_fields,
)
from seq2seq.errors import SettingsError

MAX_INTEGER = 2**63
"""Integers are below it; torch computes with none that are not."""


def flag_name(name: str) -> str:
    """A field's name as the command line spells it."""
    return name.replace("_", "-")


# --------------------------------------------------------------------------------------------------
# Checks


def raise_problems(problems: Iterable[str]) -> None:
    """Raises SettingsError with all the problems, if there are any."""
    if lines := list(problems):
        raise SettingsError("\n".join(lines))


def validate(settings: Any, where: str = "") -> None:
    """Raises SettingsError with all that is wrong about some settings; as `find_problems`."""
    raise_problems(find_problems(settings, where))


def with_changes(settings: Settings, changes: Mapping[str, Any], group: str) -> Settings:
    """Returns settings with some of them changed.

    Args:
        settings: a dataclass.
        changes: new values by name.
        group: what stands before a name on the command line, as "decoding".

    Raises:
        SettingsError: a name is unknown, or a value is impossible.
    """
    names = [field.name for field in dataclasses.fields(typing.cast(Any, settings))]
    for name in changes:
        if name not in names:
            raise SettingsError(f"unknown {group} setting {name}{did_you_mean(name, names)}")
    changed: Settings = dataclasses.replace(typing.cast(Any, settings), **changes)
    validate(changed, f"{group}.")
    return changed


def find_problems(settings: Any, where: str = "") -> list[str]:
    """A line for each value that is of a wrong type, impossible or without effect.

    What has a wrong type can't be compared: beside it, in the same part, numbers alone are checked.

    Args:
        settings: a dataclass, which may have others as its parts. Each of them may have a method
            `problems`, for rules about several fields.
        where: what stands before a name, as "model.".
    """
    found = type_problems(settings, where)
    whole = None if found else settings
    for part, prefix in parts(settings, where):
        if whole is None and type_problems(part):
            found += range_problems(part, prefix)
        else:
            found += field_problems(part, prefix, whole)
            found += part.problems() if hasattr(part, "problems") else ()
    return found


def range_problems(part: Any, where: str) -> Iterator[str]:
    """A line for each field of some settings that is of its type, and out of its range."""
    for item in setting_fields(part.__class__):
        value = getattr(part, item.name)
        if is_instance(value, item.type):
            yield from item.range.problems(f"--{flag_name(where + item.name)}", value)


def parts(settings: Any, where: str = "") -> Iterator[tuple[Any, str]]:
    """The settings within some settings, then they themselves; each with its prefix."""
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from parts(value, where + getattr(value, "PREFIX", f"{item.name}."))
    yield settings, where


def type_problems(settings: Any, where: str = "") -> list[str]:
    """A line for each field, in nested settings too, whose value is not of its declared type."""
    problems = []
    for item in setting_fields(settings.__class__):
        value = getattr(settings, item.name)
        if not is_instance(value, item.type):
            hint = hint_at_names(str(value), item.type) if is_literal(item.type) else ""
            wrong = f"is not {describe_type(item.type)}{hint}"
        elif dataclasses.is_dataclass(value):
            problems += type_problems(value, where + getattr(value, "PREFIX", f"{item.name}."))
            continue
        elif is_too_large(value):
            wrong = "is too large for an integer"
        else:
            continue
        problems.append(f"--{flag_name(where + item.name)} {reprlib.repr(value)} {wrong}")
    return problems


def is_too_large(value: object) -> bool:
    """Whether an integer, or one in a tuple, is larger than computers and files have."""
    if isinstance(value, tuple):
        return any(map(is_too_large, value))
    return isinstance(value, int) and abs(value) >= MAX_INTEGER


def hint_at_names(value: str, choice: Any) -> str:
    """What may have been meant by a name that is not allowed, for a message."""
    close = difflib.get_close_matches(value.lower(), allowed_names(choice), n=1)
    hint = f": did you mean {close[0]}?" if close else ""
    if choice in OPEN_CHOICES:
        own = f"seq2seq.{OPEN_CHOICES[choice].public_name}[{value!r}] = …"
        hint += f"{'' if close else '.'} If it is your own, your script adds it first, by {own}"
    return hint


def field_problems(
    part: Any, where: str, whole: Any = None, *, in_training: bool = False
) -> Iterator[str]:
    """A line for each field out of its range, or changed from its default and without effect.

    Args:
        part: the settings, of the right types.
        where: what stands before a name.
        whole: the experiment they are a part of; None: conditions on other parts are not checked.
        in_training: check what `useful_if` declares, and nothing else.
    """
    for item in setting_fields(part.__class__):
        value = getattr(part, item.name)
        flag = f"--{flag_name(where + item.name)}"
        wrong = [] if in_training else list(item.range.problems(flag, value))
        if value not in (item.default, *OFF) and not wrong:
            wrong = [
                f"{flag}{'' if value is True else f' {as_typed(value)}'} has no effect {because}"
                for condition in item.conditions
                if condition.in_training == in_training
                for because in unmet(condition, part, where, whole)
            ][:1]
        yield from wrong


def unmet(condition: Condition, part: Any, where: str, whole: Any) -> Iterator[str]:
    """Why a condition does not hold, if it does not."""
    other, _, name = condition.name.rpartition(".")
    if other:
        part, where = getattr(whole, other, None), f"{other}."
    if not hasattr(part, name):
        return  # the part stands alone, or is of another kind of experiment
    found = getattr(part, name)
    flag = f"--{getattr(part, 'PREFIX', where)}{flag_name(name)}"
    if not condition.values:
        if found in OFF:
            yield f"without {flag}"
    elif found not in condition.values:
        *others, last = map(str, condition.values)
        wanted = f"{', '.join(others)} or {last}" if others else last
        yield f"with {flag} {as_typed(found)}{f', only with {wanted}' if wanted else ''}"


def as_typed(value: object) -> str:
    """A value as it is typed.

    >>> as_typed(("a.tsv", "b.tsv")), as_typed(""), as_typed(0.5)
    ('a.tsv b.tsv', "''", '0.5')
    """
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return shown or "''"


def did_you_mean(name: str, valid: Sequence[str]) -> str:
    """ " (did you mean …?)", or the valid names if none is near."""
    close = difflib.get_close_matches(name, valid, n=1)
    return f": did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(valid))}"


def is_literal(hint: Any) -> bool:
    """Whether a declared type is a choice among names."""
    return typing.get_origin(hint) is Literal


def settings_in(hint: Any) -> Any:
    """The class of the settings that a declared type is a tuple of, if it is one."""
    if typing.get_origin(hint) is not tuple:
        return None
    kind = typing.get_args(hint)[0]
    return kind if dataclasses.is_dataclass(kind) else None


def describe_type(hint: Any) -> str:
    """A declared type, for a message.

    >>> describe_type(Literal["same", "other"]), describe_type(tuple[int, ...])
    ('one of same, other', 'a list of int')
    """
    if is_literal(hint):
        return f"one of {', '.join(allowed_names(hint))}"
    if typing.get_origin(hint) is tuple:
        return f"a list of {describe_type(typing.get_args(hint)[0])}"
    return str(hint) if typing.get_origin(hint) else getattr(hint, "__name__", str(hint))


def is_instance(value: Any, hint: Any) -> bool:
    """Whether `value` is of the declared type; an int counts as a float, a bool as nothing else."""
    origin = typing.get_origin(hint)
    if is_literal(hint):
        return isinstance(value, str) and value in allowed_names(hint)
    if origin is tuple:
        return isinstance(value, tuple) and all(
            is_instance(x, typing.get_args(hint)[0]) for x in value
        )
    if origin in (typing.Union, types.UnionType):
        return any(is_instance(value, option) for option in typing.get_args(hint))
    if isinstance(value, bool) or hint is bool:
        return hint is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if hint is float else hint)


# --------------------------------------------------------------------------------------------------
# JSON


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


def from_dict(kind: type[Settings], values: Any, *, stored: bool = False) -> Settings:
    """Settings from JSON values, the inverse of `to_dict`.

    Args:
        kind: their class.
        values: by name.
        stored: they are those of a run: what it lacks is as it was before there was such a
            setting, see `BEFORE` of the classes.

    Raises:
        SettingsError: unknown names (the nearest valid one is given) and impossible values, all in
            one message.
    """
    problems: list[str] = []
    arguments = field_values(kind, values, "", problems, stored)
    try:
        settings = kind(**arguments)
        problems += type_problems(settings)
    except SettingsError as error:
        problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return settings


def field_values(
    kind: type, values: Any, where: str, problems: list[str], stored: bool
) -> dict[str, Any]:
    """The values by field, nested settings made; a line in `problems` for each unknown name."""
    if not isinstance(values, Mapping):
        problems.append(f"{where.rstrip('.') or 'the experiment'}: expected names with values")
        return {}
    hints = {item.name: item.type for item in setting_fields(kind)}
    arguments: dict[str, Any] = {**getattr(kind, "BEFORE", {})} if stored else {}
    for name, value in values.items():
        if name not in hints:
            problems.append(f"unknown setting {where}{name}{did_you_mean(str(name), [*hints])}")
            continue
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            nested = typing.cast(type, hint)
            value = nested(**field_values(nested, value, f"{where}{name}.", problems, stored))
        elif settings_in(hint) and isinstance(value, list | tuple):
            value = tuple(
                settings_in(hint)(
                    **field_values(
                        settings_in(hint), each, f"{where}{name}.{number}.", problems, stored
                    )
                )
                for number, each in enumerate(value, 1)
            )
        elif typing.get_origin(hint) is tuple and isinstance(value, list):
            value = tuple(value)
        arguments[name] = value
    return arguments
