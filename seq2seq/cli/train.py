"""``seq2seq train`` and ``seq2seq plot``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

from seq2seq.cli.options import RunArgument, parse_command
from seq2seq.cli.parse import name_files, parse_experiment
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.training import TrainingSettings
from seq2seq.console import EXIT_INTERRUPTED
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.directory import RunDirectory

TRAIN_HELP = """Train a translation model on pairs of sentences; or continue with --resume.

A first run: seq2seq train pairs.tsv --training.minutes 20 --run runs/mine

Two files, line by line: seq2seq train source.txt target.txt --training.minutes 20 --run runs/a

To continue: seq2seq train --run runs/mine --resume

Several tables: seq2seq train --data.train a.tsv b.tsv --training.minutes 20 --run runs/a

In shares that a file gives: seq2seq train --data.mix mix.toml --training.minutes 20 --run runs/a

Settings from a file: seq2seq train pairs.tsv --config settings.toml --run runs/mine

To see what either would do, and write nothing: the same with --dry-run
"""


@dataclass(frozen=True)
class Plot:
    """Draw a run's learning curves as a PNG in its directory."""

    run: RunArgument
    """The run directory."""


def train_command(arguments: list[str]) -> None:
    """Train a translation model, or continue with --resume."""
    arguments = name_files(arguments, "--data.train", "--data.train-target")
    experiment = parse_experiment(
        Experiment(training=TrainingSettings(processes=0)),
        arguments,
        prog="seq2seq train",
        description=TRAIN_HELP,
        text_given=False,
        fit=fit,
    )
    from seq2seq.translation.train import train

    finish_training(train(experiment), experiment)


def fit(experiment: Experiment, stated: Collection[str]) -> Experiment:
    """As `seq2seq.translation.fitted.fit_to_text`, which takes torch to find the device."""
    from seq2seq.translation.fitted import fit_to_text

    return fit_to_text(experiment, stated)


def plot_command(arguments: list[str]) -> None:
    """Draw a run's learning curves as a PNG in its directory."""
    command = parse_command(Plot, arguments, "seq2seq plot")
    from seq2seq.plotting.learning_curves import plot_learning_curves

    run = RunDirectory(command.run)
    run.check_exists()
    print(plot_learning_curves(run))


def finish_training(
    reason: str, experiment: BaseExperiment, report: Callable[[], object] | None = None
) -> None:
    """Ends a program that has trained: reports, draws the learning curves, sets the exit code.

    Args:
        reason: why the training ended, as `train` returns it. After a dry run there is nothing to
            do; a training that was interrupted ends the program with the exit code of Ctrl-C.
        report: called after a training that came to its end, as to score a test set.
    """
    from seq2seq.plotting.learning_curves import plot_learning_curves
    from seq2seq.training.dry_run import DRY_RUN
    from seq2seq.training.reporting import log_line

    if reason == DRY_RUN:
        return
    if reason == "interrupted":
        sys.exit(EXIT_INTERRUPTED)
    if report is not None:
        report()
    try:
        log_line(f"Learning curves: {plot_learning_curves(RunDirectory(experiment.run))}")
    except (SettingsError, RunError) as error:
        log_line(f"No learning curves: {error}")
