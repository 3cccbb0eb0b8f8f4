"""Parses the command line into an experiment, also one that continues a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import cast

import tyro

from seq2seq.cli.options import ExperimentT, load_settings
from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment, InvalidExperimentError
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.console import write_stderr
from seq2seq.training.preflight import preflight

BUDGETS = ("minutes", "epochs", "max_steps")
"""What may end a training, whichever comes first."""

FIXED_ON_RESUME = (
    *("seed", "tokenize", "training.optimizer", "training.batch_tokens", "training.accumulate"),
    *("training.ema_decay", "training.average", "training.average_count"),
)
"""What a continued run can't change, besides its data and model: its position in the epoch is
counted in batches, and its averages go on."""

TEXT_PATHS = ("data.train", "data.train_target", "data.validation", "data.validation_target")
"""Where the text of a run lies; it may have moved when the run is continued."""


def parse_experiment(
    default: ExperimentT,
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
    description: str | None = None,
    *,
    text_given: bool = True,
) -> ExperimentT:
    """Parses an experiment from the command line, over the defaults of a recipe.

    With --resume the defaults are those of the run itself, so only what changes has to be given;
    a change that the run's weights would not fit is refused. A budget that is given (minutes,
    epochs or steps) takes the place of the default budgets.

    Args:
        default: the settings where nothing is given.
        arguments: as they were typed; None: those of this program.
        prog: the command, for its help; None: this program.
        description: of the command, for its help; None: the docstring of the experiment's class.
        text_given: whether there is training text, as a recipe has it, other than the settings
            name.

    Raises:
        SettingsError: all that is wrong about the settings, and all that would stop a training
            before it begins, in one message.
        RunError: the run directory alone is wrong.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    kind = type(default)
    stored = None
    resumes = "--resume" in arguments and not issubclass(kind, NGramExperiment)
    if resumes and not {"-h", "--help"} & set(arguments):
        stored = default = load_settings(argument_value("--run", arguments) or default.run, kind)
    elif (
        isinstance(default, Experiment) and argument_value("--model.attention", arguments) == "none"
    ):
        default = without_attention(default)
    default = without_budgets(default, arguments)
    problems: list[str] = []
    try:
        experiment = tyro.cli(
            kind,
            prog=prog,
            description=description or kind.__doc__,
            args=arguments,
            default=default,
        )
    except InvalidExperimentError as error:
        experiment = cast(ExperimentT, error.experiment)
        problems += str(error).split("\n")
    if stored is not None:
        problems += changed_settings(stored, experiment)
    preflight(experiment, text_given=text_given, problems=problems)
    if stored is not None:
        report_lifted_budgets(stored, experiment)
    return experiment


def without_attention(defaults: ExperimentT) -> ExperimentT:
    """Returns the defaults of a recipe without attention, and without all that needs it."""
    assert isinstance(defaults, Experiment)
    model = replace(defaults.model, lexical=False, input_feeding=False, coverage=False)
    return replace(defaults, model=replace(model, attention="none"))


def without_budgets(defaults: ExperimentT, arguments: Sequence[str]) -> ExperimentT:
    """Returns the defaults without budgets, if the command line gives one of its own."""
    given = [argument_value(f"--training.{flag_name(name)}", arguments) for name in BUDGETS]
    is_given = any(value not in (None, "None") and value.strip("0.") for value in given)
    if not is_given or not isinstance(defaults, Experiment | LanguageExperiment):
        return defaults
    return replace(
        defaults, training=replace(defaults.training, minutes=None, epochs=None, max_steps=None)
    )


def report_lifted_budgets(stored: BaseExperiment, experiment: BaseExperiment) -> None:
    """Says which budgets of a continued run give way to one on the command line."""
    before, after = flatten(to_dict(stored)), flatten(to_dict(experiment))
    names = [f"training.{name}" for name in BUDGETS]
    lifted = [
        f"--{flag_name(name)} {before[name]}" for name in names if before[name] and not after[name]
    ]
    if lifted:
        now = [f"--{flag_name(name)} {after[name]}" for name in names if after[name]]
        write_stderr(f"note: {', '.join(now)} instead of the run's {', '.join(lifted)}")


def argument_value(option: str, arguments: Sequence[str] | None = None) -> str | None:
    """Returns the value of an option that decides about the defaults of others, before parsing.

    Args:
        option: as ``--corpus``.
        arguments: as they were typed; None: those of this program.

    Returns:
        The last value that is given, as the parser takes it; None if there is none.
    """
    value = None
    arguments = sys.argv[1:] if arguments is None else arguments
    for argument, following in zip_longest(arguments, arguments[1:]):
        name, assigned, rest = argument.partition("=")
        if flag_name(name) == option:
            value = rest if assigned else following
    return value


def changed_settings(stored: BaseExperiment, experiment: BaseExperiment) -> Iterator[str]:
    """Yields a line if a continued run is to have another model, text, optimizer or seed.

    Text may have moved; whether it is the same is seen when it is read.
    """
    before, after = flatten(to_dict(stored)), flatten(to_dict(experiment))
    changed = [
        f"--{flag_name(name)} {after[name]} (it is {before[name]})"
        for name in after
        if after[name] != before[name]
        and (name in FIXED_ON_RESUME or name.startswith(("data.", "model.")))
        and name not in TEXT_PATHS
    ]
    if changed:
        yield (
            "--resume continues a run as it was begun, so this can't change: "
            f"{', '.join(changed)}. Leave it out, or train another run with --run"
        )
