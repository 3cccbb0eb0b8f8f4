"""The command line -> an experiment, also one that continues a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar, cast

import tyro

from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment, InvalidExperimentError
from seq2seq.config.language_model import NGramExperiment
from seq2seq.errors import SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.training.preflight import preflight

ExperimentT = TypeVar("ExperimentT", bound=BaseExperiment)

FIXED_ON_RESUME = (
    *("seed", "tokenize", "training.optimizer", "training.batch_tokens", "training.accumulate"),
    *("training.ema_decay", "training.average", "training.average_count"),
)
"""What a continued run can't change, besides its data and model: its place in the epoch is counted
in batches, and its averages go on."""

TEXT_PATHS = ("data.train", "data.train_target", "data.validation", "data.validation_target")
"""Where the text of a run lies, which is no part of what the run is."""


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
    elif (
        isinstance(default, Experiment) and argument_value("--model.attention", arguments) == "none"
    ):
        default = without_attention(default)
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
    return experiment


def load_settings(path: str, kind: type[ExperimentT]) -> ExperimentT:
    """The experiment of a run."""
    if not path:
        raise SettingsError("no run directory: give --run DIR")
    RunDirectory(path).check_exists()
    from seq2seq.runs.run import Run

    return Run(path).experiment(kind)


def without_attention(defaults: ExperimentT) -> ExperimentT:
    """Defaults of a recipe, without those that need attention: it is to be left out."""
    assert isinstance(defaults, Experiment)
    model = replace(defaults.model, lexical=False, input_feeding=False, coverage=False)
    return replace(defaults, model=replace(model, attention="none"))


def argument_value(option: str, arguments: Sequence[str]) -> str | None:
    """The value of an option that others depend on, before they can be read."""
    for position, argument in enumerate(arguments):
        if argument == option and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return None


def changed_settings(stored: BaseExperiment, experiment: BaseExperiment) -> Iterator[str]:
    """A line if a continued run is to have another model, text, optimizer or seed.

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
