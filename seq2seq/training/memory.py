"""The memory and time that one update takes, measured by making it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from seq2seq.errors import SettingsError
from seq2seq.training.optimizer import learning_rate
from seq2seq.training.saved_tensors import SavedTensorMeter, out_of_memory
from seq2seq.training.scheduled_sampling import final_sampling_rate
from seq2seq.training.task import BatchT, TrainingBatch
from seq2seq.training.trainer import Trainer


@contextmanager
def check_model_fits() -> Iterator[None]:
    """A context to build a model in: raises SettingsError if memory does not suffice for it."""
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
    """The bytes, each storage counted once, and the seconds of an update.

    Temporary memory of kernels, and what torch itself takes, is not counted.

    Attributes:
        weights: parameters and buffers of the model.
        gradients: the gradients of the parameters.
        optimizer: the state of the optimizer.
        average: the moving average of the weights, if there is one.
        activations: the peak of what the forward pass saves for the backward pass.
        seconds: the time of an update from this one batch.
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
    """Returns the batch with the most ids, pads counted; of equal ones the first."""
    return max(batches, key=batch_numel)


def batch_numel(batch: TrainingBatch) -> int:
    """Returns how many elements all tensors of a batch have."""
    return sum(part.numel() for part in batch._asdict().values() if isinstance(part, Tensor))


def measure_footprint(trainer: Trainer[BatchT], batch: BatchT) -> Footprint:
    """Measures an update from one batch, at the highest rate of scheduled sampling.

    A first update is measured for memory, a second one for time. The weights change, in memory
    alone.

    Args:
        trainer: a fresh or a resumed one; of no use afterwards.
        batch: a batch whose state starts at zero.
    """
    settings = trainer.settings
    trainer.model.train()
    rate = final_sampling_rate(settings)
    weights = [*trainer.model.parameters(), *trainer.model.buffers()]
    trainer.optimizer_step.optimizer.zero_grad(set_to_none=True)
    # The whole batch, even if --training.memory would cut it.
    trainer.optimizer_step.settings = replace(settings, memory=None)
    with SavedTensorMeter(weights) as meter:
        trainer.optimizer_step.gradients([batch], rate, trainer.seed_update())
    trainer.optimizer_step.settings = settings
    current = learning_rate(settings, step=trainer.state.step, progress=trainer.progress)
    started = time.perf_counter()
    trainer.optimizer_step.update(
        [batch], rate=rate, learning_rate=current, generator=trainer.seed_update()
    )
    trainer.optimizer_step.finish()
    seconds = time.perf_counter() - started
    states = trainer.optimizer.state_dict()["state"].values()
    return Footprint(
        weights=storage_bytes(weights),
        gradients=storage_bytes(each.grad for each in weights if each.grad is not None),
        optimizer=storage_bytes(
            value for state in states for value in state.values() if isinstance(value, Tensor)
        ),
        average=storage_bytes(trainer.average.weights.values()) if trainer.average else 0,
        activations=meter.peak,
        seconds=seconds,
    )


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Returns the bytes of all storages of some tensors; tied ones count once."""
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())
