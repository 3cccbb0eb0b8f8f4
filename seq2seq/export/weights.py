"""Products with weights, and vectors looked up in them: in float32, or in int8.

In int8 every row of a matrix, one output, has a scale of its own; it is symmetric, without a zero
point. A vector that is multiplied with the matrix is rounded in the same way, to its own scale, and
the sums are of whole numbers. So they are exact: a sentence alone gives what it gives in any batch,
and another program can compute the same.

    scale_x = max |x| / 127,  q_x = round(x / scale_x)
    scale_W = max |W| / 64,   q_W = round(W / scale_W)         of each row
    W x + b = (Σ q_W q_x) scale_x scale_W + b

Weights go to 64 only, since processors without VNNI add two products in 16 bits: 2 · 255 · 64 fits,
and 2 · 255 · 127 would be cut off there in silence.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seq2seq.export.graph import FLOAT, Value
from seq2seq.export.rounding import LARGEST, is_rounded, rounded


def linear(inputs: Value, weight: Tensor, bias: Tensor | None) -> Value:
    """Computes W x + b: ``(…, input_size)`` -> ``(…, output_size)``."""
    graph = inputs.graph
    if graph.int8 and is_rounded(weight):
        numbers, scales = rounded(graph.array(weight))
        # A constant is transposed once, when the file is loaded; a tied weight stays one.
        turned = graph.node("Transpose", numbers, perm=[1, 0])
        # From 0 to 255 with a zero point of 128, for which processors have an instruction.
        scale, zero = largest(inputs) * (1 / LARGEST), np.array(LARGEST + 1, np.uint8)
        whole = graph.node("QuantizeLinear", graph.node("Div", inputs, scale), 1.0, zero)
        sums = graph.node("MatMulInteger", whole, turned, zero)
        # Zeros are divided by zero, and whatever comes of it is multiplied with zero here.
        product = graph.node("Cast", sums, to=FLOAT) * scale * scales[:, 0]
    else:
        product = inputs @ graph.node("Transpose", weight, perm=[1, 0])
    return product if bias is None else product + bias


def largest(values: Value) -> Value:
    """Returns the largest absolute value of each vector, ``(…, 1)``."""
    graph = values.graph
    return graph.node("ReduceMax", graph.node("Abs", values), axes=[-1], keepdims=1)


def look_up(weight: Tensor, ids: Value) -> Value:
    """Returns the rows of a matrix: ids ``(…)`` -> ``(…, size)``."""
    graph = ids.graph
    if not graph.int8:
        return graph.node("Gather", weight, ids)
    numbers, scales = rounded(graph.array(weight))
    found = graph.node("Cast", graph.node("Gather", numbers, ids), to=FLOAT)
    return found * graph.node("Gather", scales, ids)
