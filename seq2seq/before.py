"""What would stop a run later, found before any text is read, and all of it at once.

Settings that are impossible are refused when an experiment is made. Here is what depends on more:
on the machine, the run directory, other runs, and on whether anything is trained at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from seq2seq.checks import spelled, type_problems
from seq2seq.errors import RunError, SettingsError
from seq2seq.language_settings import LanguageExperiment, NGramExperiment
from seq2seq.settings import AnyExperiment, Experiment, ModelSettings
from seq2seq.training.run_directory import RunDirectory


def check_before(
    experiment: AnyExperiment, *, text_given: bool = True, problems: Sequence[str] = ()
) -> RunDirectory:
    """The run directory of an experiment, if nothing is in its way.

    A dry run writes nothing: what it would lack for a training is in `missing`, and no error.

    Args:
        experiment: the whole description.
        text_given: whether there is training text, other than the settings name.
        problems: what is known to be wrong already, a line each.

    Raises:
        SettingsError: all problems, these and those found here.
        RunError: the run directory is the only problem.
    """
    found = list(problems)
    directory: list[str] = []
    if not type_problems(experiment):  # else nothing can be compared
        found += setting_problems(experiment, text_given)
        if not is_dry(experiment):
            found += budget_problems(experiment)
            directory += directory_problems(experiment)
    if directory and experiment.run and not found:
        raise RunError("\n".join(directory))
    if found or directory:
        raise SettingsError("\n".join(dict.fromkeys([*found, *directory])))
    return RunDirectory(experiment.run)


def missing(experiment: AnyExperiment) -> list[str]:
    """What a dry run may lack, and a training may not: a line each."""
    return [*budget_problems(experiment), *directory_problems(experiment)]


def is_dry(experiment: AnyExperiment) -> bool:
    """Whether nothing is to be written, nor read from the run directory."""
    return bool(getattr(experiment, "dry_run", False)) and not experiment.resume


def setting_problems(experiment: AnyExperiment, text_given: bool) -> Iterator[str]:
    """A line for each setting that this machine, or a training, can't do anything with."""
    if not experiment.resume:
        yield from experiment.training_problems()
    if experiment.device not in ("auto", "cpu"):
        from seq2seq.training.hardware import choose_device

        try:
            choose_device(experiment.device)
        except SettingsError as error:
            yield str(error)
    if not text_given and not names_text(experiment):
        yield (
            "no training text: give --data.train FILE; a run that a recipe began is continued with "
            "the recipe's own command and --resume"
        )
    for option, path in other_runs(experiment).items():
        if experiment.overwrite and os.path.realpath(path) == os.path.realpath(experiment.run):
            yield f"--overwrite would delete {path}, which {option} names: give another --run"
    if not experiment.resume:  # a run that was begun has all that it needs
        yield from other_run_problems(experiment)


def budget_problems(experiment: AnyExperiment) -> Iterator[str]:
    """A line if a training would have no end."""
    if not isinstance(experiment, Experiment | LanguageExperiment):
        return
    budget = experiment.training
    if budget.minutes is None and budget.epochs is None and budget.max_steps is None:
        yield "no budget: give --training.minutes, --training.epochs or --training.max-steps"


def directory_problems(experiment: AnyExperiment) -> Iterator[str]:
    """A line if the run can't be where it is to be."""
    if not experiment.run:
        yield "no run directory: give --run DIR"
        return
    run = RunDirectory(experiment.run)
    try:
        if experiment.resume:
            run.check_exists()
        else:
            trains = not isinstance(experiment, NGramExperiment)
            run.check_free(overwrite=experiment.overwrite, resumable=trains)
    except RunError as error:
        yield str(error)


def names_text(experiment: AnyExperiment) -> bool:
    """Whether the settings say where there is training text, or a model that needs none."""
    if isinstance(experiment, NGramExperiment) and experiment.model.from_arpa:
        return True
    return bool(getattr(experiment, "data").train)  # noqa: B009 - every kind has its own data


def other_runs(experiment: AnyExperiment) -> dict[str, str]:
    """The runs that an experiment takes something from, by option."""
    if isinstance(experiment, Experiment):
        sides = ("encoder", "decoder")
        runs = {
            f"--model.initialize-{side}": getattr(experiment.model, f"initialize_{side}")
            for side in sides
        }
    elif isinstance(experiment, LanguageExperiment | NGramExperiment):
        runs = {"--data.vocabulary": experiment.data.vocabulary}
    else:
        runs = {}
    return {option: path for option, path in runs.items() if path}


def other_run_problems(experiment: AnyExperiment) -> Iterator[str]:
    """A line for each other run that is not there, or does not fit."""
    for option, path in other_runs(experiment).items():
        directory = RunDirectory(path)
        try:
            if not isinstance(experiment, Experiment):
                directory.check_exists()
                continue
            from seq2seq.runs import load_experiment

            other = load_experiment(directory, LanguageExperiment)
        except RunError as error:
            yield f"{option} {path}: {error}"
        else:
            side = option.removeprefix("--model.initialize-")
            yield from misfits(experiment.model, other, side, f"{option} {path}")


def misfits(model: ModelSettings, other: LanguageExperiment, side: str, name: str) -> Iterator[str]:
    """A line if the weights of a language model do not fit one side of a translation model.

    Args:
        model: the translation model's settings.
        other: the language model's run.
        side: "encoder" or "decoder".
        name: the option and its value.
    """
    needed = {
        "cell": other.model.cell,
        f"{side}_sizes": other.model.sizes,
        "embedding": other.model.embedding,
        "embedding_size": other.model.embedding_size,
    }
    if side == "decoder" and model.tied_output and not other.model.tied_output:
        needed["tied_output"] = False
    wrong = {key: value for key, value in needed.items() if getattr(model, key) != value}
    if wrong:
        options = " ".join(as_option(f"--model.{spelled(key)}", wrong[key]) for key in wrong)
        yield f"{name} does not fit this model: set {options}, as that run has them"


def as_option(name: str, value: object) -> str:
    """An option as it is typed.

    >>> as_option("--model.decoder-sizes", (8, 9)), as_option("--model.tied-output", False)
    ('--model.decoder-sizes 8 9', '--model.no-tied-output')
    """
    if isinstance(value, bool):
        first, _, last = name.rpartition(".")
        return name if value else f"{first}.no-{last}"
    if isinstance(value, tuple):
        return f"{name} {' '.join(map(str, value))}"
    return f"{name} {value}"
