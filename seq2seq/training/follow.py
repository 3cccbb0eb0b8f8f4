"""The other side of a training: a rank of torchrun that computes its part of each update."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any, Generic, NamedTuple, NoReturn

import torch
from torch import nn
from torch.distributed.distributed_c10d import Store

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError
from seq2seq.models.device import choose_device, choose_precision, missing_gpus
from seq2seq.torchrun import Rank, own_rank
from seq2seq.training.heartbeat import heartbeat
from seq2seq.training.meeting import Meeting, meet, open_store
from seq2seq.training.ranks import Ranks
from seq2seq.training.signals import handled
from seq2seq.training.step import OptimizerStep
from seq2seq.training.task import BatchT, Learner


class Following(NamedTuple, Generic[BatchT]):
    """What a rank needs to compute gradients.

    Attributes:
        model: of the right shapes; its weights are those of rank 0.
        learner: the loss of a batch of the model.
        batch: the class of batches.
        settings: of the training.
    """

    model: nn.Module
    learner: Learner[BatchT]
    batch: Any
    settings: TrainingSettings


def follow_until_exit(build: Callable[[Meeting], Following[BatchT]]) -> NoReturn:
    """Computes this rank's part of the trainings of rank 0, and ends when its program does.

    Args:
        build: makes the model of a training.

    Raises:
        SettingsError: the device is not there, or a name is unknown here.
        TrainingError: rank 0 has ended without a word, or another one.
    """
    rank = own_rank()
    assert rank is not None
    with handled(signal.SIG_DFL):  # as long as there is nothing to complete
        store = open_store(rank)
        while True:
            place, meeting = meet(store, rank)
            if meeting is None:
                sys.exit()
            found = build(meeting)
            with heartbeat(rank, place, found.settings):
                ranks = join(rank, store, place, meeting, found)
                # Rank 0 answers them: it completes the update, saves, and ends all ranks.
                with closing(ranks), handled(signal.SIG_IGN):
                    ranks.follow()


def join(
    rank: Rank, store: Store, place: str, meeting: Meeting, found: Following[BatchT]
) -> Ranks[BatchT]:
    """Returns the ranks of a training, with this one ready to compute its part."""
    device, settings = own_device(rank, meeting.device), found.settings
    if settings.threads:
        torch.set_num_threads(settings.threads)
    model, precision = found.model.to(device).train(), choose_precision(meeting.precision, device)
    step = OptimizerStep(model, found.learner, settings, device, precision)
    return Ranks(rank, store, place, model, step.accumulate, settings, found.batch)


def own_device(rank: Rank, kind: str) -> torch.device:
    """Returns the device of a rank: of several GPUs that with its number.

    Raises:
        SettingsError: there is none.
    """
    device = choose_device(kind)
    for problem in missing_gpus(device, rank.local_size):
        raise SettingsError(problem)
    if device.type == "cuda":
        torch.cuda.set_device(rank.local_number)
    return device
