"""Checks of what is handed to a public method: text, counts, and paths of runs.

Settings have a check of their own, `seq2seq.config.base`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seq2seq.errors import DataError, SettingsError


def as_list(value: Any, name: str) -> list[str]:
    """Returns several texts as a list, and a single one as a list of one.

    Args:
        value: what was handed over.
        name: the argument's, for the message.

    Raises:
        DataError: it is neither a string nor several of them.
    """
    if isinstance(value, str):
        return [value]
    return list(iter_checked(value, name, "a string, or a list of strings"))


def check_strings(value: Any, name: str) -> list[str]:
    """Returns several texts as a list; as `as_list`.

    A single string is refused: it would be taken for a list of its characters.
    """
    return list(iter_checked(value, name, "a list of strings"))


def iter_checked(
    values: Iterable[Any], name: str, expected: str = "lines, each a string", first: int = 1
) -> Iterator[str]:
    """Yields the texts of a stream, each checked when it comes; as `check_strings`.

    `first` is the number of the first of them, for messages.
    """
    check_several(values, name, expected)
    for number, value in enumerate(values, start=first):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: number {number:,} is {describe_value(value)}, and not a string"
            )
        yield value


def check_several(values: Any, name: str, expected: str) -> None:
    """Raises DataError for a single text, or what can't be gone through one by one."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise DataError(f"{name} is {describe_value(values)}: give {expected}")


def check_run_path(value: Any, name: str = "run") -> str | Path:
    """Returns the path of a run; raises SettingsError if it can't be one."""
    if not isinstance(value, str | Path) or not str(value):
        raise SettingsError(f"{name} is {describe_value(value)}: give the path of a run directory")
    return value


def check_count(value: Any, name: str, least: int, of: str, most: int | None = None) -> int:
    """Returns a number of something.

    Raises:
        SettingsError: it is no integer, below `least` or above `most`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{name} is {reprlib.repr(value)}: ask for at least {least} {of}")
    if most is not None and value > most:
        raise SettingsError(f"{name} is {reprlib.repr(value)}: ask for at most {most:,}")
    return value


def describe_value(value: object) -> str:
    """Returns a value and its type, short.

    >>> describe_value(3), describe_value(b"a"), describe_value(None)
    ('3 (int)', "b'a' (bytes)", 'None')
    """
    shown = reprlib.repr(value)
    return shown if value is None else f"{shown} ({type(value).__name__})"
