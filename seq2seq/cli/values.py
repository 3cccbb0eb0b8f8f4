"""Values of options that are no numbers, or not among the choices: told before anything is parsed.

The parser would stop at the first one, and tell it in a frame, with the help of the option.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from itertools import islice, takewhile
from typing import Any

import tyro

from seq2seq.config.base import describe_type, flag_name, hint_at_names, is_literal, raise_problems
from seq2seq.config.fields import allowed_names, setting_fields

NUMBERS = {int: "a whole number", float: "a number"}
_WITHOUT_PREFIX = typing.get_args(tyro.conf.OmitArgPrefixes[int])[1]


def check_values(kind: type, arguments: Sequence[str]) -> None:
    """Raises SettingsError with a line for each value that can't be what its option wants.

    Args:
        kind: the class of the settings that the arguments are parsed into.
        arguments: as they were typed; nothing is said where they ask for help.
    """
    if {"-h", "--help"}.isdisjoint(arguments):
        raise_problems(value_problems(dict(option_types(kind)), arguments))


def option_types(kind: type, where: str = "--") -> Iterator[tuple[str, Any]]:
    """Yields the options of a class of settings, and of those within it, each with its type."""
    hints = typing.get_type_hints(kind, include_extras=True)
    for item in setting_fields(kind):
        if is_dataclass(item.type):
            bare = _WITHOUT_PREFIX in getattr(hints[item.name], "__metadata__", ())
            inside = where if bare else f"{where}{flag_name(item.name)}."
            yield from option_types(typing.cast(type, item.type), inside)
        else:
            yield f"{where}{flag_name(item.name)}", item.type


def value_problems(types: dict[str, Any], arguments: Sequence[str]) -> Iterator[str]:
    """Yields a line for each wrong value of options that want numbers or choices."""
    for place, argument in enumerate(arguments):
        name, assigned, value = argument.partition("=")
        hint = types.get(flag_name(name))
        several = typing.get_origin(hint) is tuple
        kinds = [hint] if is_literal(hint) else [*typing.get_args(hint), hint]
        kind = next((each for each in kinds if each in NUMBERS or is_literal(each)), None)
        if kind is None:
            continue
        following = takewhile(lambda each: not each.startswith("--"), arguments[place + 1 :])
        given = [value] if assigned else [*islice(following, None if several else 1)]
        if not given and not several:
            yield f"{name} is given without a value: give {describe(kind)}"
        for each in given:
            if not (is_one(each, kind) or (each == "None" and type(None) in kinds)):
                near = hint_at_names(each, kind) if is_literal(kind) else ""
                yield f"{name} {each} is not {describe(kind)}{near}"


def is_one(text: str, kind: Any) -> bool:
    """Whether a text is a number of a kind, or one of the choices."""
    if is_literal(kind):
        return text in allowed_names(kind)
    try:
        kind(text)
    except ValueError:
        return False
    return True


def describe(kind: Any) -> str:
    """What a value must be, for a message."""
    return NUMBERS.get(kind) or describe_type(kind)
