"""Options that there are not, and values that can't be: told in one message, before any is parsed.

The parser would stop at the first one, and tell it in a frame, with the help of the option.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Collection, Iterator, Sequence
from dataclasses import is_dataclass
from itertools import chain, islice, takewhile
from typing import Any, NamedTuple

import tyro

from seq2seq.config.base import describe_type, flag_name, hint_at_names, is_literal, raise_problems
from seq2seq.config.fields import SettingField, allowed_names, setting_fields

NUMBERS = {int: "a whole number", float: "a number"}
_WITHOUT_PREFIX = typing.get_args(tyro.conf.OmitArgPrefixes[int])[1]
_POSITIONAL = typing.get_args(tyro.conf.Positional[int])[1]
_FIXED = typing.get_args(tyro.conf.Fixed[int])[1]


class Option(NamedTuple):
    """An option as it was typed.

    Attributes:
        name: with its dashes.
        field: what it sets; None: there is no such option.
        values: those that it wants, of what follows it.
    """

    name: str
    field: SettingField | None
    values: Sequence[str]

    @property
    def kind(self) -> Any:
        """What a value must be: a choice, int or float; None: anything."""
        hint = self.field.type if self.field else None
        kinds = [hint] if is_literal(hint) else [*typing.get_args(hint), hint]
        return next((each for each in kinds if each in NUMBERS or is_literal(each)), None)

    def value_problems(self) -> Iterator[str]:
        """Yields a line if a value is missing, and for each that is no number or no choice."""
        if self.field is None or self.kind is None:
            return
        if not self.values and not takes_several(self.field):
            yield f"{self.name} is given without a value: give {describe(self.kind)}"
        for each in self.values:
            if not (is_one(each, self.kind) or self.is_none(each)):
                near = hint_at_names(each, self.kind) if is_literal(self.kind) else ""
                yield f"{self.name} {each} is not {describe(self.kind)}{near}"

    def range_problems(self) -> Iterator[str]:
        """Yields a line for each number that is out of its range."""
        for each in self.values:
            if self.field and self.kind in NUMBERS and is_one(each, self.kind):
                yield from self.field.range.problems(self.name, self.kind(each))

    def is_none(self, text: str) -> bool:
        """Whether a text stands for no value, where there may be none."""
        return text == "None" and type(None) in typing.get_args(self.field and self.field.type)


def check_options(kind: type, arguments: Sequence[str]) -> None:
    """Raises SettingsError if there is no such option, or a value can't be what its option wants.

    A line for each; beside them also for each number that is out of its range. What contradicts
    something else is found when there is nothing of this kind, as it may be due to it.

    Args:
        kind: the class of the settings that the arguments are parsed into.
        arguments: as they were typed; nothing is said where they ask for help.
    """
    if not {"-h", "--help"}.isdisjoint(arguments):
        return
    fields = dict(option_fields(kind))
    given = [*given_options(fields, arguments)]
    wrong = [
        *(no_such_option(option.name, fields) for option in given if option.field is None),
        *chain.from_iterable(option.value_problems() for option in given),
    ]
    if wrong:
        raise_problems([*wrong, *chain.from_iterable(map(Option.range_problems, given))])


def option_fields(kind: type, where: str = "--") -> Iterator[tuple[str, SettingField]]:
    """Yields the options of a class of settings, and of those within it, each with its field.

    What is given by its place has a name without dashes.
    """
    hints = typing.get_type_hints(kind, include_extras=True)
    for item in setting_fields(kind):
        marks = getattr(hints[item.name], "__metadata__", ())
        name = flag_name(item.name)
        if is_dataclass(item.type):
            bare = _WITHOUT_PREFIX in marks or any(getattr(mark, "name", 0) == "" for mark in marks)
            inside = where if bare else f"{where}{name}."
            yield from option_fields(typing.cast(type, item.type), inside)
        elif _POSITIONAL in marks:
            yield name, item
        elif _FIXED not in marks:
            yield f"{where}{name}", item
            if item.type is bool:
                yield f"{where}no-{name}", item


def given_options(fields: dict[str, SettingField], arguments: Sequence[str]) -> Iterator[Option]:
    """Yields the options among arguments; those of the parser itself are none of ours."""
    arguments = [*takewhile(lambda each: each != "--", arguments)]
    for place, argument in enumerate(arguments):
        name, assigned, value = argument.partition("=")
        if not name.startswith("--") or name.startswith("--tyro-") or " " in name:
            continue
        field = fields.get(flag_name(name))
        following = takewhile(lambda each: not each.startswith("--"), arguments[place + 1 :])
        count = None if field and takes_several(field) else 1
        yield Option(name, field, [value] if assigned else [*islice(following, count)])


def takes_several(field: SettingField) -> bool:
    """Whether an option takes any number of values."""
    return typing.get_origin(field.type) is tuple


def no_such_option(name: str, known: Collection[str]) -> str:
    """A line about an option that there is not, with what may have been meant."""
    flag = flag_name(name)
    if flag[2:] in known:
        return f"there is no option {name}: give {flag[2:].upper()} itself, without a name"
    ending = flag.rpartition(".")[2].removeprefix("--")
    same = [each for each in known if each.removeprefix("--").rpartition(".")[2] == ending]
    close = same or difflib.get_close_matches(flag, known, n=1, cutoff=0.7)
    hint = f"did you mean {' or '.join(close)}?" if close else "--help shows all"
    return f"there is no option {name}: {hint}"


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
