"""Which operators a graph consists of, read from its file before anything loads it.

An ONNX file is a program. Here it may only compute: with the operators of a list, from its inputs
and from the numbers in the file. What else the format has, as weights in other files and functions
of the file's own, is refused. The format is a Protocol Buffers message, ModelProto of onnx.proto;
the numbers of its fields are given here.
"""

from __future__ import annotations

from collections.abc import Iterator

from seq2seq.data.protobuf import fields
from seq2seq.errors import DataError

OPERATORS = frozenset(
    [
        *("Abs", "Add", "Cast", "Concat", "Div", "Expand", "Flatten", "Gather", "GatherElements"),
        *("GreaterOrEqual", "Identity", "LayerNormalization", "Less", "LogSoftmax", "MatMul"),
        *("MatMulInteger", "Mul", "Not", "OneHot", "QuantizeLinear", "Range", "ReduceMax"),
        *("ReduceMean", "ReduceSum", "Relu", "Reshape", "ReverseSequence", "Scan", "Shape"),
        *("Sigmoid", "Softmax", "Split", "Squeeze", "Sub", "Tanh", "TopK", "Transpose"),
        *("Unsqueeze", "Where"),
    ]
)
"""Those of ONNX that the writer uses, which are all that a file may have."""

_WHAT = "an ONNX model"
_GRAPH = 7  # in ModelProto, where the rest that may be there says which version it is of
_VERSIONS = (1, 2, 3, 8)
_NODE, _CONSTANT = 1, 5  # in GraphProto, besides its name, its inputs and outputs
_REST_OF_GRAPH = (2, 11, 12)
_INPUT, _OPERATOR, _ATTRIBUTE, _DOMAIN = 1, 4, 5, 7  # in NodeProto, besides outputs and name
_REST_OF_NODE = (1, 2, 3)
_BODY = 6  # in AttributeProto, besides its name, its numbers, texts and type
_REST_OF_ATTRIBUTE = (1, 2, 3, 4, 7, 8, 9, 20)
_REST_OF_CONSTANT = (1, 2, 8, 9)  # in TensorProto: dimensions, type, name and bytes
_MAX_DEPTH = 3
"""So deep at most a graph is in a node of a graph."""


def find_operators(data: bytes) -> set[str]:
    """Returns the operators of an ONNX file.

    Raises:
        DataError: it is none, or has in it what the writer never writes.
    """
    found: set[str] = set()
    for number, value in fields(memoryview(data), _WHAT):
        if number == _GRAPH:
            found.update(_graph(_message(value), _MAX_DEPTH))
        elif number not in _VERSIONS:
            raise _unlike(f"the model has a field {number}")
    if unknown := sorted(found - OPERATORS):
        raise _unlike(f"it has the operators {', '.join(map(repr, unknown))}")
    return found


def _graph(data: memoryview, depth: int) -> Iterator[str]:
    for number, value in fields(data, _WHAT):
        if number == _NODE:
            yield from _node(_message(value), depth)
        elif number == _CONSTANT:
            for inner, _ in fields(_message(value), _WHAT):
                if inner not in _REST_OF_CONSTANT:
                    raise _unlike(f"a constant has a field {inner}")
        elif number not in _REST_OF_GRAPH:
            raise _unlike(f"a graph has a field {number}")


def _node(data: memoryview, depth: int) -> Iterator[str]:
    for number, value in fields(data, _WHAT):
        if number == _OPERATOR:
            yield bytes(_message(value)).decode("utf-8", "replace")
        elif number == _DOMAIN and len(_message(value)):
            raise _unlike(f"it has operators of {bytes(_message(value))!r}")
        elif number == _ATTRIBUTE:
            for inner, part in fields(_message(value), _WHAT):
                if inner == _BODY and depth:
                    yield from _graph(_message(part), depth - 1)
                elif inner not in _REST_OF_ATTRIBUTE:
                    raise _unlike(f"an attribute has a field {inner}")
        elif number == _INPUT and not len(_message(value)):
            raise _unlike("a node lacks an input")  # ONNX Runtime's own checks let some pass
        elif number not in (*_REST_OF_NODE, _DOMAIN):
            raise _unlike(f"a node has a field {number}")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise DataError(f"not {_WHAT}: a field is of another kind")
    return value


def _unlike(problem: str) -> DataError:
    return DataError(f"not {_WHAT} that seq2seq has written: {problem}")
