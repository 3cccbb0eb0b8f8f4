"""Weights in int8: the one way in which exports round, for ONNX and for the browser.

Every row of a matrix, one output, has a scale of its own (symmetric: there is no zero point).
Weights go to 64 only, since processors without VNNI add two products in 16 bits: 2 · 255 · 64 fits,
and 2 · 255 · 127 would be cut off there in silence. A matrix of a single row, as the scores of
attention have, is not rounded: it is small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seq2seq.errors import RunError

LARGEST, LARGEST_WEIGHT = 127, 64
"""The largest whole numbers of vectors and of weights."""
LEAST = 1e-30
"""The least scale, so that a vector of zeros has one."""


def as_array(weight: Tensor) -> NDArray[np.float32]:
    """Returns a weight in float32; raises RunError if a number of it is not finite."""
    if not bool(weight.isfinite().all()):
        raise RunError("a weight is not a finite number: the training has diverged")
    array: NDArray[np.float32] = weight.detach().cpu().float().numpy()
    return np.ascontiguousarray(array)


def is_rounded(weight: Tensor) -> bool:
    """Whether a matrix ``(output_size, input_size)`` is rounded: it has more than one row."""
    return len(weight) > 1


def rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Returns whole numbers ``(…, input_size)`` of weights, and scales ``(…, 1)``."""
    scales = np.maximum(np.abs(weights).max(axis=-1, keepdims=True), LEAST) / LARGEST_WEIGHT
    return np.rint(weights / scales).astype(np.int8), scales.astype(np.float32)
