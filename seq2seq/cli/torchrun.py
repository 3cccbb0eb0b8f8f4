"""Commands that torchrun starts in several processes: rank 0 reads the options of a training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from seq2seq.config.base import flag_name
from seq2seq.config.experiment import BaseExperiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.console import write_stderr
from seq2seq.errors import SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.torchrun import own_rank


def with_run(argument: str) -> str:
    """Returns an argument with --run for --run-dir, which is another spelling of it.

    >>> with_run("--run-dir"), with_run("--run-dir=runs/a"), with_run("--resume")
    ('--run', '--run=runs/a', '--resume')
    """
    name, assigned, value = argument.partition("=")
    return f"--run{assigned}{value}" if flag_name(name) == "--run-dir" else argument


def one_process(program: str) -> None:
    """Raises SettingsError, in rank 0 of several, for a program that does not share its work."""
    rank = own_rank()
    if rank and rank.size > 1:
        if rank.number:
            sys.exit()
        raise SettingsError(f"{program} is for one process: leave out torchrun")


def as_rank_0(arguments: Sequence[str], run: RunDirectory) -> list[str]:
    """Returns arguments as rank 0 of torchrun has them, with whose program the other ranks end.

    After a restart, those that continue its own run.
    """
    if own_rank() is None:
        return list(arguments)
    from seq2seq.training.meeting import lead  # torch can't be imported at the exit

    lead()
    how = "" if "--resume" in arguments else run.after_restart()
    if not how:
        return list(arguments)
    if how == "resume":
        write_stderr(f"torchrun has started its processes anew: {run.path} is continued")
    return [*(argument for argument in arguments if argument != "--overwrite"), f"--{how}"]


def follow_rank_0(kind: type[BaseExperiment]) -> NoReturn:
    """Computes parts of the trainings of rank 0 of torchrun, which alone reads the command line."""
    from seq2seq.training.follow import follow_until_exit

    if issubclass(kind, LanguageExperiment):
        from seq2seq.language_modeling.train import build_following as build_language_model

        follow_until_exit(build_language_model)
    from seq2seq.translation.train import build_following

    follow_until_exit(build_following)
