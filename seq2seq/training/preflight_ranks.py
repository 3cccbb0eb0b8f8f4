"""Preflight checks: what torchrun can't share, and what has no effect without it."""

from __future__ import annotations

from collections.abc import Iterator

from seq2seq.config.base import flag_name
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError
from seq2seq.torchrun import Rank, own_rank

OF_TORCHRUN = ("reduce_precision", "rank_timeout")
"""Settings that have no effect without it."""


def rank_problems(experiment: BaseExperiment) -> Iterator[str]:
    """A line for each setting that does not go together with torchrun, or with its absence.

    A run that torchrun began may be continued without it.
    """
    rank = own_rank()
    if not isinstance(experiment, Experiment | LanguageExperiment):
        return
    training, usual = experiment.training, TrainingSettings()
    if rank is None and not experiment.resume:
        for name in OF_TORCHRUN:
            value = getattr(training, name)
            if value != getattr(usual, name):
                yield f"--training.{flag_name(name)} {value} has no effect without torchrun"
    if rank is None:
        return
    if rank.size == 1 and training.reduce_precision != usual.reduce_precision:
        yield (
            f"--training.reduce-precision {training.reduce_precision} has no effect with one "
            "process: leave it out, or start several, torchrun --nproc-per-node N"
        )
    if training.processes > 1 and not experiment.resume:
        yield (
            f"--training.processes {training.processes}: torchrun has started {rank.size} "
            "processes, leave it out"
        )
    if isinstance(experiment, LanguageExperiment) and experiment.data.windows != "sentences":
        yield (
            f"torchrun shares batches of sentences, and none of --data.windows "
            f"{experiment.data.windows}: give --data.windows sentences, or leave out torchrun"
        )
    yield from device_problems(experiment.device, rank)


def device_problems(name: str, rank: Rank) -> Iterator[str]:
    """A line if the processes of this machine can't have a device each."""
    from seq2seq.models.device import choose_device, missing_gpus  # they import torch

    try:
        device = choose_device(name)
    except SettingsError:
        return  # which is told already
    if device.type == "mps":
        yield "torchrun shares updates on processors and CUDA: give --device cpu"
    yield from missing_gpus(device, rank.local_size)
