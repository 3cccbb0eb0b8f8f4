"""Settings beside others: what changed where a run is continued, and what has no effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from seq2seq.config.base import as_typed, flag_name, settings_in
from seq2seq.config.fields import CHANGEABLE, OnResume, setting_fields


def fixed_changes(
    before: Any, after: Any, where: str = "", part: OnResume = CHANGEABLE
) -> list[str]:
    """The flags, with both values, of what was changed and is `FIXED` where a run is continued.

    Args:
        before: the settings of the run.
        after: those to continue it with.
        where: what stands before a name.
        part: what holds for fields that say nothing themselves.
    """
    found = []
    for item in setting_fields(after.__class__):
        old, new = getattr(before, item.name), getattr(after, item.name)
        rule = item.on_resume or part
        if dataclasses.is_dataclass(new):
            found += fixed_changes(old, new, f"{where}{item.name}.", rule)
        elif settings_in(item.type) and len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True), 1):
                found += fixed_changes(one, other, f"{where}{item.name}.{number}.", rule)
        elif rule.fixed and old != new:
            found.append(
                f"--{flag_name(where + item.name)} {as_typed(new)} (it is {as_typed(old)})"
            )
    return found


def check_unused(settings: Any, prefix: str, used: dict[str, bool], because: str) -> Iterator[str]:
    """A line for each setting that was changed from its default, and that nothing would use.

    Args:
        settings: the dataclass with the settings.
        prefix: what stands before a name on the command line.
        used: whether each of them has an effect.
        because: the setting that decides on it.
    """
    for item in setting_fields(settings.__class__):
        value = getattr(settings, item.name)
        if not used.get(item.name, True) and value != item.default:
            yield f"{prefix}{flag_name(item.name)} {value} has no effect with {because}"
