"""``seq2seq train`` and ``seq2seq plot``."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import tyro

from seq2seq.cli.options import RunArgument
from seq2seq.cli.parse import parse_experiment
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.console import EXIT_INTERRUPTED
from seq2seq.errors import SettingsError
from seq2seq.runs.directory import RunDirectory

TRAIN_HELP = """Train a translation model on pairs of sentences; or continue with --resume.

A first run: seq2seq train --data.train pairs.tsv --training.minutes 20 --run runs/mine

To continue: seq2seq train --run runs/mine --resume

To see what either would do, and write nothing: the same with --dry-run
"""


@dataclass(frozen=True)
class Plot:
    """Draw a run's learning curves as a PNG in its directory (extra `plots`)."""

    run: RunArgument
    """The run directory."""


def train_command(arguments: list[str]) -> None:
    """Train a translation model, or continue with --resume."""
    experiment = parse_experiment(
        Experiment(), arguments, prog="seq2seq train", description=TRAIN_HELP, text_given=False
    )
    from seq2seq.translation.train import train

    finish_training(train(experiment), experiment)


def plot_command(arguments: list[str]) -> None:
    """Draw a run's learning curves as a PNG in its directory."""
    command = tyro.cli(Plot, prog="seq2seq plot", args=arguments)
    from seq2seq.plotting.learning_curves import plot_learning_curves

    run = RunDirectory(command.run)
    run.check_exists()
    print(plot_learning_curves(run))


def finish_training(reason: str, experiment: BaseExperiment) -> None:
    """After a training: draws its curves where matplotlib is, and sets the exit code.

    A dry run has neither.
    """
    from seq2seq.plotting.learning_curves import plot_learning_curves
    from seq2seq.training.dry_run import DRY_RUN
    from seq2seq.training.reporting import log_line

    if reason == DRY_RUN:
        return
    if reason == "interrupted":
        sys.exit(EXIT_INTERRUPTED)
    try:
        log_line(f"Learning curves: {plot_learning_curves(RunDirectory(experiment.run))}")
    except SettingsError as error:
        log_line(f"No learning curves: {error}")
