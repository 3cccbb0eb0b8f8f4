"""Parses the command line into an experiment, also one that continues a run."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import make_dataclass, replace
from itertools import chain, takewhile
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import tyro

from seq2seq.cli.config_file import read_settings
from seq2seq.cli.given import BUDGETS, Given, argument_value
from seq2seq.cli.options import ExperimentT, open_run
from seq2seq.cli.rules import OPEN_NAMES
from seq2seq.cli.torchrun import as_rank_0, follow_rank_0, with_run
from seq2seq.cli.values import check_options
from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.experiment import (
    BaseExperiment,
    Experiment,
    InvalidExperimentError,
    with_settings,
)
from seq2seq.config.language_model import NGramExperiment
from seq2seq.config.parent import (
    contradictions,
    format_flag,
    inherit,
    inherited_settings,
    settings_of_tokens,
)
from seq2seq.console import write_stderr
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.torchrun import follows
from seq2seq.training.preflight import names_training_text, preflight

ConfigOption: TypeAlias = Annotated[
    str,
    tyro.conf.arg(
        metavar="FILE",
        help="Settings in a file, TOML or JSON, or a run's experiment.json for a run like it; what "
        "is given beside it counts more.",
    ),
]
FitOption: TypeAlias = Annotated[
    bool,
    tyro.conf.arg(
        help="Let vocabulary, network, dropout, batches, learning rate and validation follow from "
        "the size of the text and the budget, where they are given neither here nor in a file; "
        "--no-fit keeps the defaults that stand here."
    ),
]


def parse_experiment(
    default: ExperimentT,
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
    description: str | None = None,
    *,
    settings: str | Path = "",
    text_given: bool = True,
    fit: Callable[[ExperimentT, Collection[str]], ExperimentT] | None = None,
) -> ExperimentT:
    """Parses an experiment from the command line, over the defaults of a recipe.

    Options stand over the settings in the file that --config names, and these over the defaults.
    With --model.initialize the defaults of network and tokens are those of the run that it names,
    and others contradict it; with --data.vocabulary those of tokens. With --resume the defaults are
    those of the run itself, so only what changes has to be given; a change that the run's weights
    would not fit is refused. A budget that is given (minutes, epochs or steps) takes the place of
    the default budgets.

    Args:
        default: what is so where nothing else is said.
        arguments: as they were typed; None: those of this program.
        prog: the command, for its help; None: this program.
        description: of the command, for its help; None: the docstring of the experiment's class.
        settings: a recipe's file of settings, which takes the place of the default's.
        text_given: whether there is training text, as a recipe has it, other than the settings
            name.
        fit: replaces settings of a new run that were not stated, if the option --no-fit is not
            given; it gets the full names of those that were, in the recipe's file, too. None: there
            is no such option.

    Raises:
        SettingsError: all that is wrong about the settings, and all that would stop a training
            before it begins, in one message.
        RunError: the run directory alone is wrong.
    """
    kind = type(default)
    if follows():
        follow_rank_0(kind)
    arguments = [*map(with_run, sys.argv[1:] if arguments is None else arguments)]
    usual = read_settings(settings, kind).settings if settings else {}
    default = with_settings(default, usual)
    given = Given.read(arguments, kind)
    path = given.option("--run") or given.file.settings.get("run") or default.run
    arguments = as_rank_0(arguments, RunDirectory(path))
    given = replace(given, arguments=arguments)
    stored = stored_run(default, given)
    default = given.over(stored or default)
    parent = None if stored else named_run("model.initialize", default, given)
    if not stored:
        default = with_defaults_of_runs(default, parent, given)
    try:
        parsed, problems = parse_settings(
            default, arguments, prog, description, fits=fit is not None
        )
    except (SystemExit, SettingsError) as ended:
        if not text_given and getattr(ended, "code", True):
            hint_at_last_file(arguments, prog)
        raise
    experiment = with_processes_of(stored, parsed) if stored else parsed
    problems += contradicting(experiment, stored, parent, given)
    if given.file.begun_by and not text_given and not names_training_text(experiment):
        config = given.option("--config")
        problems.append(f"{config}: its text was handed over in Python, by {given.file.begun_by}")
    fits = fit is not None and stored is None and given.asks_for_fit
    # A recipe reads its text next; `seq2seq train` leaves the checks to the training.
    if problems or text_given or fits:
        preflight(experiment, text_given=text_given, problems=problems)
    if stored is not None:
        report_lifted_budgets(stored, experiment)
    return fit(experiment, {*usual, *given.names(kind)}) if fit and fits else experiment


def stored_run(default: ExperimentT, given: Given) -> ExperimentT | None:
    """Returns the description of the run that --resume continues, if it is given."""
    kind = type(default)
    resumes = "--resume" in given.arguments and not issubclass(kind, NGramExperiment)
    if not resumes or given.asks_for_help:
        return None
    return open_run(
        given.option("--run") or given.file.settings.get("run") or default.run
    ).experiment(kind)


def contradicting(
    experiment: BaseExperiment,
    stored: BaseExperiment | None,
    parent: Experiment | None,
    given: Given,
) -> Iterator[str]:
    """A line for each setting that contradicts the run itself, its parent, or attention."""
    if stored is not None:
        yield from experiment.resume_problems(stored)
    if parent and isinstance(experiment, Experiment):
        wanted = inherited_settings(parent, experiment.data)
        yield from contradictions(experiment, wanted, defaults_are_given=True)
    yield from lexical_problems(experiment, given)


def with_processes_of(stored: ExperimentT, experiment: ExperimentT) -> ExperimentT:
    """Returns what continues a run: as many processes as it had, where none are given."""
    name = "training.processes"
    if flatten(to_dict(experiment)).get(name, 1):
        return experiment
    return with_settings(experiment, {name: flatten(to_dict(stored))[name]})


def lexical_problems(experiment: BaseExperiment, given: Given) -> Iterator[str]:
    """A line if lexical translation was asked for, without attention.

    By default it follows attention, so that the settings themselves don't refuse it.
    """
    if not isinstance(experiment, Experiment) or experiment.model.attention != "none":
        return
    asked_for = any(flag_name(argument) == "--model.lexical" for argument in given.arguments)
    both = {"model.lexical": True, "model.attention": "none"}
    if asked_for or given.file.settings.items() >= both.items():
        yield "--model.lexical needs attention: leave out --model.attention none"


def named_run(name: str, default: BaseExperiment, given: Given) -> Experiment | None:
    """Returns the description of the run that a setting names, as model.initialize, if it does.

    A run that can't be read is named later, with all else that is wrong.
    """
    if not isinstance(default, Experiment) or given.asks_for_help:
        return None
    path = given.option(f"--{name}") or flatten(to_dict(default))[name]
    try:
        return open_run(path).experiment(Experiment) if path else None
    except RunError:
        return None


def with_defaults_of_runs(
    default: ExperimentT, parent: Experiment | None, given: Given
) -> ExperimentT:
    """Returns the defaults with what a run has from its parent, or from a vocabulary's owner."""
    if parent:
        assert isinstance(default, Experiment)
        new: Any = given.option("--data.new-vocabulary")
        data = replace(default.data, new_vocabulary=new) if new else default.data
        return with_defaults(default, inherited_settings(parent, data), given)
    owner = named_run("data.vocabulary", default, given)
    return with_defaults(default, settings_of_tokens(owner), given) if owner else default


def with_defaults(default: ExperimentT, settings: dict[str, object], given: Given) -> ExperimentT:
    """Returns the defaults with other settings, by full name, but for those that the file says."""
    own = given.file.settings
    new = {name: value for name, value in settings.items() if name not in own}
    return cast(ExperimentT, inherit(cast(Experiment, default), new)[0])


def parse_settings(
    default: ExperimentT,
    arguments: Sequence[str],
    prog: str | None,
    description: str | None,
    *,
    fits: bool = False,
) -> tuple[ExperimentT, list[str]]:
    """Returns an experiment as the command line has it, and what is impossible about it.

    With `fits` there is the option --no-fit, which is looked for among the arguments elsewhere.

    Raises:
        SettingsError: as `check_options`.
        SystemExit: help was asked for, or there is an argument too many.
    """
    kind: Any = type(default)
    options = make_dataclass(
        kind.__name__,
        [
            ("experiment", Annotated[kind, tyro.conf.arg(name="")], default),
            ("config", ConfigOption, ""),
            *([("fit", FitOption, True)] if fits else []),
        ],
    )
    check_options(options, arguments)
    try:
        with warnings.catch_warnings():
            # A name that a script has added is not in the declared type; settings check it.
            warnings.filterwarnings("ignore", "The field .* is annotated with type .*Literal")
            parsed: Any = tyro.cli(
                options,
                prog=prog,
                description=description or kind.__doc__,
                args=arguments,
                registry=OPEN_NAMES,
            )
    except InvalidExperimentError as error:
        return cast(ExperimentT, error.experiment), str(error).split("\n")
    return parsed.experiment, []


def name_files(arguments: Sequence[str], *options: str) -> list[str]:
    """Returns arguments with the options that files before the first option stand for.

    >>> name_files(["pairs.tsv", "--run", "runs/a"], "--data.train", "--data.train-target")
    ['--data.train', 'pairs.tsv', '--run', 'runs/a']

    Raises:
        SettingsError: there are more files than options, or an option is given, too.
    """
    return name_values(arguments, *options, note="; the run directory is --run")


def name_after_run(arguments: Sequence[str], *options: str) -> list[str]:
    """Returns arguments with the options that what stands after RUN, the first one, stands for.

    >>> name_after_run(["runs/a", "test.en", "test.fr", "--json"], "--source", "--reference")
    ['runs/a', '--source', 'test.en', '--reference', 'test.fr', '--json']

    Raises:
        SettingsError: as `name_files`.
    """
    if not arguments or arguments[0].startswith("-"):
        return list(arguments)
    return [arguments[0], *name_values(arguments[1:], *options)]


def name_values(arguments: Sequence[str], *options: str, note: str = "") -> list[str]:
    """Returns arguments with the options that values before the first option stand for.

    Raises:
        SettingsError: there are more values than options, with `note`; or an option is given, too.
    """
    values = [*takewhile(lambda argument: not argument.startswith("-"), arguments)]
    named = dict(zip(options, values, strict=False))
    rest = list(arguments[len(values) :])
    twice = [option for option in named if argument_value(option, rest) is not None]
    if twice:
        raise SettingsError(f"{named[twice[0]]} stands for {twice[0]}, which is given, too")
    if len(values) > len(options):
        count = "one" if len(options) == 1 else "two"
        raise SettingsError(
            f"{' '.join(values)}: only {count} without an option, for {' and '.join(options)}{note}"
        )
    return [*chain.from_iterable(named.items()), *rest]


def hint_at_last_file(arguments: Sequence[str], prog: str | None) -> None:
    """Says where training text goes, if the arguments end with a file that no option can be for.

    After an option of one value it is refused, and after one of several it is taken for one more.
    """
    *_, before, last = ["-", "-", *arguments]
    if not before.startswith("-") and os.path.isfile(last):
        write_stderr(f"note: a file with training text goes first: {prog} {last} --run DIR …")


def report_lifted_budgets(stored: BaseExperiment, experiment: BaseExperiment) -> None:
    """Says which budgets of a continued run give way to one on the command line."""
    before, after = flatten(to_dict(stored)), flatten(to_dict(experiment))
    names = [f"training.{name}" for name in BUDGETS]
    flags = [
        {name: format_flag(f"--{flag_name(name)}", values[name]) for name in names if values[name]}
        for values in (before, after)
    ]
    lifted = [flag for name, flag in flags[0].items() if name not in flags[1]]
    if lifted:
        now = flags[1].values()
        write_stderr(f"note: {', '.join(now)} instead of the run's {', '.join(lifted)}")
