"""What is handed to a public method, checked where it comes in: text, and paths of runs.

Settings have a check of their own, `seq2seq.config.base`.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seq2seq.errors import DataError, SettingsError


def check_string(value: Any, name: str) -> str:
    """One text.

    Args:
        value: what was handed over.
        name: the argument's, for the message.

    Raises:
        DataError: it is no string.
    """
    if not isinstance(value, str):
        raise DataError(f"{name} is {describe_value(value)}: give a string")
    return value


def check_strings(value: Any, name: str) -> list[str]:
    """Several texts; arguments as `check_string`, and what is raised.

    A single string is refused: it would be taken for a list of its characters.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise DataError(f"{name} is {describe_value(value)}: give a list of strings")
    return list(iter_checked(value, name))


def iter_checked(values: Iterable[Any], name: str) -> Iterator[str]:
    """The texts of a stream, each checked when it comes; as `check_string`."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise DataError(f"{name} is {describe_value(values)}: give lines, each a string")
    for number, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise DataError(
                f"{name}: number {number:,} is {describe_value(value)}, and not a string"
            )
        yield value


def as_list(value: Any, name: str) -> list[str]:
    """A string as a list of one, or several texts; as `check_string`."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, bytes | Mapping) or not isinstance(value, Iterable):
        raise DataError(f"{name} is {describe_value(value)}: give a string, or a list of strings")
    return check_strings(value, name)


def check_run_path(value: Any, name: str = "run") -> str | Path:
    """The path of a run; SettingsError if it can't be one."""
    if not isinstance(value, str | Path) or not str(value):
        raise SettingsError(f"{name} is {describe_value(value)}: give the path of a run directory")
    return value


def check_count(value: Any, name: str, least: int, of: str, most: int | None = None) -> int:
    """A number of something; SettingsError if it is no integer, below `least` or above `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise SettingsError(f"{name} is {reprlib.repr(value)}: ask for at least {least} {of}")
    if most is not None and value > most:
        raise SettingsError(f"{name} is {reprlib.repr(value)}: ask for at most {most:,}")
    return value


def describe_value(value: object) -> str:
    """A value and its type, short.

    >>> described(3), described(b"a"), described(None)
    ('3 (int)', "b'a' (bytes)", 'None')
    """
    shown = reprlib.repr(value)
    return shown if value is None else f"{shown} ({type(value).__name__})"
