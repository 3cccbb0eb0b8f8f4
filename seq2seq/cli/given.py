"""What the user has stated: options, and settings in the file that --config names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from seq2seq.cli.config_file import RECIPE, SettingsFile, read_settings, read_table
from seq2seq.cli.options import ExperimentT
from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment, with_settings
from seq2seq.config.language_model import LanguageExperiment

BUDGETS = ("minutes", "epochs", "max_steps")
"""What may end a training, whichever comes first."""


@dataclass(frozen=True)
class Given:
    """What the user has stated.

    Attributes:
        arguments: as they were typed.
        file: what stands in the file that --config names.
    """

    arguments: Sequence[str]
    file: SettingsFile

    @classmethod
    def read(cls, arguments: Sequence[str], kind: type[BaseExperiment]) -> Given:
        """Reads the file that the arguments name, if they do; raises as `read_settings`."""
        config = argument_value("--config", arguments)
        return cls(arguments, read_settings(config, kind) if config else SettingsFile())

    def option(self, name: str) -> str | None:
        """Returns the value of an option as it was typed; see `argument_value`."""
        return argument_value(name, self.arguments)

    @cached_property
    def asks_for_help(self) -> bool:
        """Whether the command's help is to be shown."""
        return not {"-h", "--help"}.isdisjoint(self.arguments)

    @cached_property
    def asks_for_fit(self) -> bool:
        """Whether settings that are not stated are to fit the text."""
        return "--no-fit" not in map(flag_name, self.arguments)

    def names(self, kind: type[BaseExperiment]) -> set[str]:
        """Returns the full names of all settings that are stated, whatever their values."""
        flags = {flag_name(word.partition("=")[0]) for word in self.arguments}
        known = [*flatten(to_dict(kind()))]
        return {*self.file.settings, *(name for name in known if flags & {*spellings(name)})}

    def over(self, default: ExperimentT) -> ExperimentT:
        """Returns the defaults with what the file gives; a budget takes the place of theirs.

        Where the command line names text, the file's target side of another text does not go with
        it, nor do its mix and its training text where the command line has the other one. A budget
        of the command line takes the place of all others.
        """
        values = self.file.settings
        if any(values.get(f"training.{name}") for name in BUDGETS):
            default = without_budgets(default)
        other = {
            f"data.{part}_target"
            for part in ("train", "validation")
            if self.option(f"--data.{part}") is not None
        }
        if self.option("--data.mix") is not None:
            other |= {"data.train", "data.train_target"}
        if self.option("--data.train") is not None:
            other |= {"data.mix", "data.mix_temperature"}
        found = {name: value for name, value in values.items() if name not in other}
        default = with_settings(default, found)
        return without_budgets(default) if gives_budget(self.arguments) else default


def spellings(name: str) -> tuple[str, str]:
    """Returns the options of a setting; the second one switches it off.

    >>> spellings("model.tied_output")
    ('--model.tied-output', '--model.no-tied-output')
    """
    group, dot, last = flag_name(name).rpartition(".")
    return f"--{group}{dot}{last}", f"--{group}{dot}no-{last}"


def gives_budget(arguments: Sequence[str]) -> bool:
    """Whether the command line gives a budget."""
    given = [argument_value(f"--training.{flag_name(name)}", arguments) for name in BUDGETS]
    return any(value not in (None, "None") and value.strip("0.") for value in given)


def without_budgets(defaults: ExperimentT) -> ExperimentT:
    """Returns the defaults without their budgets, which a given one replaces."""
    if not isinstance(defaults, Experiment | LanguageExperiment):
        return defaults
    return replace(
        defaults, training=replace(defaults.training, minutes=None, epochs=None, max_steps=None)
    )


def argument_value(option: str, arguments: Sequence[str] | None = None) -> str | None:
    """Returns the value of an option that decides about the defaults of others, before parsing.

    Of an option, as ``--corpus``, the last value counts, as for the parser; None if there is none.
    Arguments are as they were typed; None stands for those of this program, and behind them for
    the file that its --config names.
    """
    if arguments is None:
        typed = argument_value(option, sys.argv[1:])
        config = argument_value("--config", sys.argv[1:])
        name = option.removeprefix("--").replace("-", "_")
        values = flatten(read_table(config)) if config and typed is None else {}
        found = values.get(RECIPE + name, values.get(name))
        return typed if found is None else str(found)
    value = None
    for argument, following in zip_longest(arguments, arguments[1:]):
        name, assigned, rest = argument.partition("=")
        if flag_name(name) == option:
            value = rest if assigned else following
    return value
