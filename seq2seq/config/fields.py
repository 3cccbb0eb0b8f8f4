"""What the type of a settings field declares: the values it takes, and when it has an effect.

    class DecodingSettings:
        method: Literal["beam", "diverse-beam"] = "beam"
        beam_size: PositiveInt = 5
        groups: Annotated[PositiveInt, only_if("method", "diverse-beam")] = 5

`seq2seq.config.base` checks all of it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import math
import typing
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, cast

OFF = (None, False, 0, "", "none", ())
"""The values that turn a setting off, everywhere the same."""


class Range(NamedTuple):
    """The finite numbers from `low` to `high`; a round bracket leaves that end out."""

    low: float = -math.inf
    high: float = math.inf
    brackets: Literal["[]", "[)", "(]", "()"] = "[]"

    def problems(self, flag: str, value: object) -> Iterator[str]:
        """A line for each number that is not in the range; what is no number may be anything."""
        if isinstance(value, tuple):
            if not value and self != Range():
                yield f"{flag} is empty: give one value or more"
            for each in value:
                yield from self.problems(flag, each)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            above = value > self.low or (value == self.low and self.brackets[0] == "[")
            below = value < self.high or (value == self.high and self.brackets[1] == "]")
            if not (above and below and abs(value) < math.inf):
                yield f"{flag} {value} {self.requirement(value)}"

    def requirement(self, value: float) -> str:
        """What a number that is not in the range would have to be."""
        if self.high < math.inf:
            return f"is not in {self.brackets[0]}{self.low}, {self.high}{self.brackets[1]}"
        if self.low == -math.inf:
            return "must be finite"
        least = f"must be {'at least' if self.brackets[0] == '[' else 'above'} {self.low}"
        return f"{least} and finite" if value == math.inf else least


class Condition(NamedTuple):
    """When a setting has an effect.

    Attributes:
        name: the setting that decides: of the same part, or with a part's name, as
            "model.attention", which is checked in a whole experiment only.
        values: what that one must be; none given: anything but `OFF`.
        in_training: whether only a training is refused for it: a stored run may break it.
    """

    name: str
    values: tuple[object, ...]
    in_training: bool


def only_if(name: str, *values: object) -> Condition:
    """A setting that has an effect only if another one has one of these values, or is not off."""
    return Condition(name, values, in_training=False)


def useful_if(name: str, *values: object) -> Condition:
    """As `only_if`, for what earlier versions took: a run that has it can be loaded."""
    return Condition(name, values, in_training=True)


PositiveInt = Annotated[int, Range(1)]
NonNegativeInt = Annotated[int, Range(0)]
PositiveFloat = Annotated[float, Range(0, brackets="(]")]
NonNegativeFloat = Annotated[float, Range(0)]
Probability = Annotated[float, Range(0, 1)]
Fraction = Annotated[float, Range(0, 1, "[)")]
Limit = Annotated[float | None, Range(0)]
"""None and 0: no limit."""
LayerSizes = Annotated[tuple[int, ...], Range(1)]


@dataclasses.dataclass
class OpenChoice:
    """A choice among names, to which a script may add some of its own.

    Attributes:
        public_name: of the dict that has what they stand for, as "CELLS".
        table: that dict, once it is imported.
    """

    public_name: str
    table: Mapping[str, object] = dataclasses.field(default_factory=dict)


OPEN_CHOICES: dict[Any, OpenChoice] = {}
"""By the `Literal` of the names that the package has itself."""


def allowed_names(choice: Any) -> tuple[str, ...]:
    """The names of a `Literal`, and those that a script has added."""
    added = OPEN_CHOICES[choice].table if choice in OPEN_CHOICES else ()
    return tuple(dict.fromkeys((*typing.get_args(choice), *added)))


class OnResume(NamedTuple):
    """Whether a setting, or all of a part, stays as it is where a run is continued."""

    fixed: bool


FIXED = OnResume(True)
CHANGEABLE = OnResume(False)


class SettingField(NamedTuple):
    """What a field of a settings class declares."""

    name: str
    type: Any
    default: object
    range: Range
    conditions: tuple[Condition, ...]
    on_resume: OnResume | None


@cache
def setting_fields(kind: type) -> tuple[SettingField, ...]:
    """The fields of a settings class; one that a subclass gives another default is as it was."""
    types = typing.get_type_hints(kind)
    classes = [typing.get_type_hints(each, include_extras=True) for each in kind.__mro__]
    found = []
    for item in dataclasses.fields(kind):
        hints = [hints[item.name] for hints in classes if item.name in hints]
        declared = dict.fromkeys(entry for hint in hints for entry in metadata(hint))
        limits = [entry for entry in declared if isinstance(entry, Range)]
        conditions = tuple(entry for entry in declared if isinstance(entry, Condition))
        fixed = [entry for entry in declared if isinstance(entry, OnResume)]
        found.append(
            SettingField(
                item.name,
                types[item.name],
                item.default,
                range=limits[0] if limits else Range(),
                conditions=conditions,
                on_resume=fixed[0] if fixed else None,
            )
        )
    return tuple(found)


@cache
def setting_docs(kind: type) -> Mapping[str, str]:
    """The docstrings of the fields of a settings class; none where its source is not there."""
    docs = {}
    for each in filter(dataclasses.is_dataclass, reversed(kind.__mro__)):
        with suppress(OSError):
            (definition,) = ast.parse(inspect.getsource(each)).body
            for line, below in itertools.pairwise(cast(ast.ClassDef, definition).body):
                if isinstance(line, ast.AnnAssign) and isinstance(below, ast.Expr):
                    docs[ast.unparse(line.target)] = inspect.cleandoc(ast.literal_eval(below.value))
    return docs


def metadata(hint: Any) -> list[Range | Condition | OnResume]:
    """What a type declares for us."""
    entries = getattr(hint, "__metadata__", ())
    return [entry for entry in entries if isinstance(entry, Range | Condition | OnResume)]
