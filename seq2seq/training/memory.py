"""What one update takes, measured by making it: the memory of all that lives in it, and time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from seq2seq.errors import SettingsError
from seq2seq.training.optimizer import learning_rate
from seq2seq.training.saved_tensors import SavedTensorMeter
from seq2seq.training.scheduled_sampling import sampling_rate
from seq2seq.training.step import out_of_memory
from seq2seq.training.task import BatchT, TrainingBatch
from seq2seq.training.trainer import Trainer

LAST_STEP = 10**9
"""A step that no training reaches, where scheduled sampling is at its highest rate."""


@contextmanager
def check_model_fits() -> Iterator[None]:
    """While a model is built: SettingsError if memory does not suffice for its weights."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error) and "overflow" not in str(error):
            raise
        raise SettingsError(
            "there is not enough memory for a model of these sizes: lower --model.embedding-size, "
            "the widths of its layers or --data.vocab-size"
        ) from error


class Footprint(NamedTuple):
    """Bytes, each storage counted once, and seconds.

    What a kernel needs for a moment, and what torch itself takes, is not counted.

    Attributes:
        weights: the model, with what is fixed in it.
        gradients: one for each weight that learns.
        optimizer: what it keeps for each weight.
        average: the moving average of the weights, if there is one.
        activations: what the forward pass of the batch keeps for the backward pass, at most at the
            same time.
        seconds: of an update from this one batch.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    seconds: float

    @property
    def total(self) -> int:
        """All bytes."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations


def largest_batch(batches: Sequence[BatchT]) -> BatchT:
    """The batch with the most ids, pads counted; of equal ones the first."""
    return max(batches, key=batch_numel)


def batch_numel(batch: TrainingBatch) -> int:
    """How many numbers there are in all tensors of a batch."""
    return sum(part.numel() for part in batch._asdict().values() if isinstance(part, Tensor))


def measure_footprint(trainer: Trainer[BatchT], batch: BatchT) -> Footprint:
    """Makes two updates from one batch, at the highest rate of scheduled sampling.

    The first one counts, and the second one is timed. The weights change, in memory alone.

    Args:
        trainer: a fresh one, or one that has been continued; of no use afterwards.
        batch: one whose state starts at zero.
    """
    settings = trainer.settings
    trainer.model.train()
    step = settings.max_steps or LAST_STEP
    rate = sampling_rate(settings.sampling, step=step, percent=100.0)
    weights = [*trainer.model.parameters(), *trainer.model.buffers()]
    trainer.optimizer_step.optimizer.zero_grad(set_to_none=True)
    # The whole batch, even if --training.memory would cut it.
    trainer.optimizer_step.settings = replace(settings, memory=None)
    with SavedTensorMeter(weights) as kept:
        trainer.optimizer_step.gradients([batch], rate, trainer.seed_update())
    trainer.optimizer_step.settings = settings
    current = learning_rate(settings, step=trainer.state.step, progress=trainer.progress)
    started = time.perf_counter()
    trainer.optimizer_step.update(
        [batch], rate=rate, learning_rate=current, generator=trainer.seed_update()
    )
    seconds = time.perf_counter() - started
    states = trainer.optimizer.state_dict()["state"].values()
    return Footprint(
        weights=storage_bytes(weights),
        gradients=storage_bytes(each.grad for each in weights if each.grad is not None),
        optimizer=storage_bytes(
            value for state in states for value in state.values() if isinstance(value, Tensor)
        ),
        average=storage_bytes(trainer.average.weights.values()) if trainer.average else 0,
        activations=kept.size,
        seconds=seconds,
    )


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """The bytes of all storages of some tensors; tied ones count once."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())
