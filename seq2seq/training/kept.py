"""What the forward pass keeps for the backward pass: most of the memory that a batch takes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor


class OverBudgetError(MemoryError):
    """A batch keeps more than it may."""


class Kept:
    """Counts what autograd keeps while it is entered, but for the weights themselves.

    It holds no tensor, and changes none. What a kernel needs for a moment is not counted.

    Args:
        weights: of the model.
        limit: in bytes; going beyond it is an OverBudgetError, in the middle of the forward pass.
    """

    def __init__(self, weights: Iterable[Tensor], limit: float = math.inf) -> None:
        self.weights = {each.untyped_storage().data_ptr() for each in weights}
        self.limit = limit
        # All of it is alive until the backward pass, so no two storages have the same address.
        self.storages: dict[int, int] = {}
        self.size = 0
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.pack, self.unpack)

    def __enter__(self) -> Kept:
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)

    def pack(self, tensor: Tensor) -> Tensor:
        """Called for each tensor that is kept."""
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        if address not in self.weights and address not in self.storages:
            self.storages[address] = storage.nbytes()
            self.size += storage.nbytes()
            if self.size > self.limit:
                raise OverBudgetError(f"{self.size:,} bytes")
        return tensor

    def unpack(self, tensor: Tensor) -> Tensor:
        """Called for each tensor that is needed again."""
        return tensor
