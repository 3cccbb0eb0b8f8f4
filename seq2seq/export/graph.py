"""An ONNX graph, written node by node: its values are added and multiplied like torch's tensors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from seq2seq.export.rounding import as_array

OPSET = 17
"""The version of the operators, of 2022: programs that read ONNX have all of them."""
IR_VERSION = 8
"""The version of the file format, as old as the operators."""
FLOAT, INT, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


class Value:
    """The result of a node, an input or a constant."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name

    def __add__(self, other: Operand) -> Value:
        return self.graph.node("Add", self, other)

    def __sub__(self, other: Operand) -> Value:
        return self.graph.node("Sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self.graph.node("Sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self.graph.node("Mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self.graph.node("Mul", other, self)

    def __matmul__(self, other: Operand) -> Value:
        return self.graph.node("MatMul", self, other)


Operand: TypeAlias = "Value | Tensor | NDArray[np.generic] | float"
"""What a node takes: a value, or a constant. Numbers are float32."""


class Graph:
    """Nodes in the order in which they are computed, with inputs, outputs and weights.

    Args:
        int8: whether weights are stored in int8, see `seq2seq.export.weights`.
        outer: the graph whose node has this one as its body; all constants are of the outermost.
    """

    def __init__(self, name: str, *, int8: bool = False, outer: Graph | None = None) -> None:
        self.name = name
        self.int8: bool = outer.int8 if outer else int8
        self.outer = outer
        self.nodes: list[NodeProto] = []
        self.inputs: dict[str, tuple[int, int]] = {}
        self.outputs: dict[str, tuple[int, int]] = {}
        self.constants: dict[str, TensorProto] = outer.constants if outer else {}
        self.names: list[str] = outer.names if outer else []

    def input(self, name: str, dimensions: int = 2, kind: int = FLOAT) -> Value:
        """Adds an input with so many dimensions, each of any size."""
        self.inputs[name] = kind, dimensions
        return Value(self, name)

    def output(self, name: str, value: Value, dimensions: int = 2, kind: int = FLOAT) -> None:
        """Adds an output with so many dimensions."""
        made = [node for node in self.nodes if value.name in node.output]
        if made and value.name not in self.outputs:
            for node in self.nodes:  # instead of a copy under another name
                for names in (node.input, node.output):
                    names[:] = [name if each == value.name else each for each in names]
            value.name = name
        else:
            self.nodes.append(helper.make_node("Identity", [value.name], [name]))
        self.outputs[name] = kind, dimensions

    def node(self, operator: str, *inputs: Operand, **attributes: Any) -> Value:
        """Adds a node with one output."""
        return self.node_with_outputs(1, operator, *inputs, **attributes)[0]

    def node_with_outputs(
        self, count: int, operator: str, *inputs: Operand, **attributes: Any
    ) -> list[Value]:
        """Adds a node with so many outputs."""
        given = [self.value(each).name for each in inputs]
        found = [self.new_name(operator) for _ in range(count)]
        self.nodes.append(helper.make_node(operator, given, found, **attributes))
        return [Value(self, name) for name in found]

    def new_name(self, operator: str) -> str:
        """Returns a name that nothing in the file has."""
        self.names.append(f"{operator}.{len(self.names)}")
        return self.names[-1]

    def value(self, operand: Operand) -> Value:
        """Returns a value as it is, and a constant as a value; equal constants are stored once."""
        if isinstance(operand, Value):
            return operand
        array = self.array(operand)
        content = f"{array.dtype} {array.shape} ".encode() + array.tobytes()
        name = f"constant.{hashlib.sha256(content).hexdigest()[:16]}"
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(array, name)
        return Value(self, name)

    def array(self, constant: Tensor | NDArray[Any] | float) -> NDArray[Any]:
        """Returns a constant as an array, of float32 if it is not of whole numbers.

        Raises:
            RunError: it is a weight that is not finite.
        """
        if isinstance(constant, Tensor):
            return as_array(constant)
        array = np.ascontiguousarray(constant)
        return array.astype(np.float32) if array.dtype.kind == "f" else array

    def proto(self) -> GraphProto:
        """Returns the graph as ONNX has it."""
        inputs, outputs = (
            [
                helper.make_tensor_value_info(name, kind, [None] * dimensions)
                for name, (kind, dimensions) in each.items()
            ]
            for each in (self.inputs, self.outputs)
        )
        constants = [] if self.outer else [*self.constants.values()]
        return helper.make_graph(self.nodes, self.name, inputs, outputs, constants)

    def serialize(self) -> bytes:
        """Returns the bytes of the ONNX file."""
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(self.proto(), opset_imports=[opset], ir_version=IR_VERSION)
        return cast(bytes, model.SerializeToString(deterministic=True))


# ---------------------------------------------------------------------------------------------
# functions that torch has, too


def sigmoid(values: Value) -> Value:
    """Computes σ element by element."""
    return values.graph.node("Sigmoid", values)


def tanh(values: Value) -> Value:
    """Computes tanh element by element."""
    return values.graph.node("Tanh", values)


def relu(values: Value) -> Value:
    """Computes max(0, x) element by element."""
    return values.graph.node("Relu", values)


def where(condition: Value, chosen: Operand, other: Operand) -> Value:
    """Takes from one where a condition is true, and from the other elsewhere."""
    return condition.graph.node("Where", condition, chosen, other)


def concat(parts: Sequence[Value], axis: int = -1) -> Value:
    """Puts values side by side."""
    return parts[0] if len(parts) == 1 else parts[0].graph.node("Concat", *parts, axis=axis)


def chunk(values: Value, count: int) -> list[Value]:
    """Cuts the last dimension into equal parts."""
    return values.graph.node_with_outputs(count, "Split", values, axis=-1)


def unsqueeze(values: Value, axis: int) -> Value:
    """Adds a dimension of 1."""
    return values.graph.node("Unsqueeze", values, np.array([axis]))


def squeeze(values: Value, axis: int) -> Value:
    """Takes a dimension of 1 away."""
    return values.graph.node("Squeeze", values, np.array([axis]))


def transpose(values: Value, *order: int) -> Value:
    """Puts the dimensions in another order."""
    return values.graph.node("Transpose", values, perm=order)


def size(values: Value, axis: int) -> Value:
    """Returns the size of one dimension, ``(1,)``."""
    return values.graph.node("Shape", values, start=axis, end=axis + 1)


def reshape(values: Value, *sizes: int | Value) -> Value:
    """Gives the dimensions other sizes; one may be -1."""
    parts = [each if isinstance(each, Value) else np.array([each]) for each in sizes]
    graph = values.graph
    return graph.node("Reshape", values, graph.node("Concat", *parts, axis=0))


def flatten(values: Value) -> Value:
    """Puts the rows of three dimensions below each other: ``(…, …, size)`` -> ``(rows, size)``."""
    return values.graph.node("Flatten", values, axis=2)


def zeros(*sizes: Value) -> Value:
    """Returns zeros, float32."""
    graph = sizes[0].graph
    shape = concat(sizes, axis=0)
    return graph.node("Expand", np.zeros(1, np.float32), shape)


def positions(length: Value) -> Value:
    """Returns the numbers from 0 on below a length ``(1,)``."""
    last = squeeze(length, 0)
    return last.graph.node("Range", np.array(0), last, np.array(1))


def layer_norm(values: Value, weight: Tensor, bias: Tensor | None, epsilon: float) -> Value:
    """Normalizes the last dimension (Ba et al. 2016)."""
    scale = [weight] if bias is None else [weight, bias]
    return values.graph.node("LayerNormalization", values, *scale, epsilon=epsilon)


ScanStep: TypeAlias = Callable[[Sequence[Value], Value], Sequence[Value]]
"""The states and an input -> the next states."""


def scan(step: ScanStep, states: Sequence[Value], inputs: Value) -> list[Value]:
    """Takes a step for each time, and returns the states of all times, ``(length, …)`` each.

    Args:
        step: writes one step.
        states: before the first of them.
        inputs: time first, float32.
    """
    graph = states[0].graph
    body = Graph("step", outer=graph)
    before = [body.input(body.new_name("state")) for _ in states]
    after = step(before, body.input(body.new_name("input")))
    for value in (*after, *after):  # as the states of the next step, and as what is kept
        body.output(body.new_name("output"), value)
    found = graph.node_with_outputs(
        2 * len(states), "Scan", *states, inputs, body=body.proto(), num_scan_inputs=1
    )
    return found[len(states) :]
