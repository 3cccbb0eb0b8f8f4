"""Tensors that autograd saves for the backward pass: most of the memory that a batch takes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor


class OverBudgetError(MemoryError):
    """The forward pass of a batch saves more than the limit."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a CPU's or GPU's memory does not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


class SavedTensorMeter:
    """A context that counts the bytes that autograd saves in it, but for the weights themselves.

    It changes no tensor. What is freed before the backward pass does not count any more, and
    temporary memory of kernels never does.

    Args:
        weights: the weights of the model.
        limit: in bytes; the forward pass raises OverBudgetError when it goes beyond.

    Attributes:
        now: the bytes that are saved now.
        peak: the most bytes that were saved at the same time.
    """

    def __init__(self, weights: Iterable[Tensor], limit: float = math.inf) -> None:
        self.weights = {each.untyped_storage().data_ptr() for each in weights}
        self.limit = limit
        self.users: Counter[int] = Counter()
        self.now = 0
        self.peak = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.pack, self.unpack)

    def __enter__(self) -> SavedTensorMeter:
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)

    def pack(self, tensor: Tensor) -> Tensor | TrackedTensor:
        """Called for each tensor that autograd saves."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() in self.weights:
            return tensor
        self.count(storage.data_ptr(), storage.nbytes(), 1)
        tracked = TrackedTensor(tensor, self)
        self.peak = max(self.peak, self.now)
        if self.now > self.limit:
            raise OverBudgetError(f"{self.now:,} bytes")
        return tracked

    def unpack(self, saved: Tensor | TrackedTensor) -> Tensor:
        """Called for each saved tensor that the backward pass uses."""
        return saved.tensor if isinstance(saved, TrackedTensor) else saved

    def count(self, address: int, size: int, users: int) -> None:
        """Adds to the number of users of the storage at an address, whose bytes count once."""
        before = self.users[address]
        self.users[address] += users
        self.now += size * ((self.users[address] > 0) - (before > 0))


class TrackedTensor:
    """A saved tensor that tells its meter when it is freed.

    As long as it is referenced, no other storage can have its address: else a storage that takes
    the place of a freed one would be missed, or not, as memory happens to lie.
    """

    def __init__(self, tensor: Tensor, meter: SavedTensorMeter) -> None:
        self.tensor = tensor
        self.meter = meter

    def __del__(self) -> None:
        storage = self.tensor.untyped_storage()
        self.meter.count(storage.data_ptr(), storage.nbytes(), -1)
