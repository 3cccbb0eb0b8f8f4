"""The command line -> an experiment, also one that continues a run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TypeVar, cast

import tyro

from seq2seq.config.experiment import BaseExperiment, InvalidExperimentError
from seq2seq.config.language_model import NGramExperiment
from seq2seq.errors import SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.preflight import preflight

ExperimentT = TypeVar("ExperimentT", bound=BaseExperiment)


def parse_experiment(
    default: ExperimentT,
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
    description: str | None = None,
    *,
    text_given: bool = True,
) -> ExperimentT:
    """An experiment from the command line, over the defaults of a recipe.

    With --resume the defaults are those of the run itself, so only what changes has to be given;
    a change that the run's weights would not fit is refused.

    Args:
        default: the settings where nothing is given.
        arguments: as they were typed; None: those of this program.
        prog: the command, for its help.
        description: of the command, for its help; None: what the experiment's class says.
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
        problems += experiment.resume_problems(stored)
    preflight(experiment, text_given=text_given, problems=problems)
    return experiment


def load_settings(path: str, kind: type[ExperimentT]) -> ExperimentT:
    """The experiment of a run."""
    if not path:
        raise SettingsError("no run directory: give --run DIR")
    RunDirectory(path).check_exists()
    from seq2seq.runs.run import Run

    return Run(path).experiment(kind)


def argument_value(option: str, arguments: Sequence[str]) -> str | None:
    """The value of an option that others depend on, before they can be read."""
    for position, argument in enumerate(arguments):
        if argument == option and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return None
