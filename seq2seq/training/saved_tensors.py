"""What the forward pass keeps for the backward pass: most of the memory that a batch takes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor


class OverBudgetError(MemoryError):
    """A batch keeps more than it may."""


class SavedTensorMeter:
    """Counts what autograd keeps while it is entered, but for the weights themselves.

    It changes no tensor. What is let go again before the backward pass, and what a kernel needs for
    a moment, does not count.

    Args:
        weights: of the model.
        limit: in bytes; going beyond it is an OverBudgetError, in the middle of the forward pass.

    Attributes:
        now: the bytes that are kept now.
        size: the bytes that were kept at the same time, at most.
    """

    def __init__(self, weights: Iterable[Tensor], limit: float = math.inf) -> None:
        self.weights = {each.untyped_storage().data_ptr() for each in weights}
        self.limit = limit
        self.users: Counter[int] = Counter()
        self.now = 0
        self.size = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.pack, self.unpack)

    def __enter__(self) -> SavedTensorMeter:
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)

    def pack(self, tensor: Tensor) -> Tensor | TrackedTensor:
        """Called for each tensor that is kept."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() in self.weights:
            return tensor
        self.count(storage.data_ptr(), storage.nbytes(), 1)
        holder = TrackedTensor(tensor, self)
        self.size = max(self.size, self.now)
        if self.now > self.limit:
            raise OverBudgetError(f"{self.now:,} bytes")
        return holder

    def unpack(self, kept: Tensor | TrackedTensor) -> Tensor:
        """Called for each tensor that is needed again."""
        return kept.tensor if isinstance(kept, TrackedTensor) else kept

    def count(self, address: int, size: int, users: int) -> None:
        """One user more or less of the storage at an address; the first one brings its bytes."""
        before = self.users[address]
        self.users[address] += users
        self.now += size * ((self.users[address] > 0) - (before > 0))


class TrackedTensor:
    """A tensor that autograd keeps, which says when it is let go.

    While it is held, no other storage can have its address: without it, a storage that takes the
    place of one that is gone would be missed, or not, as memory happens to lie.
    """

    def __init__(self, tensor: Tensor, kept: SavedTensorMeter) -> None:
        self.tensor = tensor
        self.kept = kept

    def __del__(self) -> None:
        storage = self.tensor.untyped_storage()
        self.kept.count(storage.data_ptr(), storage.nbytes(), -1)
