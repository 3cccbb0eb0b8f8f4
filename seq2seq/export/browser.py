"""A translation model as JSON and numbers: what the JavaScript in `seq2seq/export/web` computes.

Matrices are rounded to int8 as in an ONNX export, see `seq2seq.export.rounding`; vectors stay in
float32. Where an array stands in the JSON, it says where its numbers are: ``{"floats": [start,
end]}`` among all of float32, ``{"numbers": [start, end]}`` among all of int8.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from seq2seq.errors import SettingsError
from seq2seq.export.rounding import rounded
from seq2seq.models.attention.base import Attention
from seq2seq.models.attention.scores import AdditiveAttention, DotAttention, GeneralAttention
from seq2seq.models.bridge import Bridge
from seq2seq.models.cells import elman, gated
from seq2seq.models.cells.base import Cell
from seq2seq.models.cells.elman import EchoStateCell, ElmanCell
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.cells.gated import GRUCell, LSTMCell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import LearnedEmbedding
from seq2seq.models.translation import TranslationModel

CELLS: dict[type[Cell], str] = {
    LSTMCell: "lstm",
    GRUCell: "gru",
    ElmanCell: "elman",
    EchoStateCell: "elman",
}
"""What the JavaScript calls the cells that it has, in `cells.js`."""
ATTENTIONS: dict[type[Attention], str] = {
    AdditiveAttention: "additive",
    DotAttention: "dot",
    GeneralAttention: "dot",
}
"""What it calls the kinds of attention that it has, in `attention.js`."""


class Numbers:
    """The arrays of a model, each stored once."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {"floats": [], "numbers": []}
        self._sizes = {"floats": 0, "numbers": 0}
        self._known: dict[int, dict[str, Any]] = {}

    def vector(self, values: Tensor | NDArray[np.float32] | None) -> dict[str, Any] | None:
        """Stores numbers in float32; None is nothing."""
        if values is None:
            return None
        array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
        return self._store("floats", array.astype("<f4"))

    def matrix(self, weight: Tensor, bias: Tensor | None = None) -> dict[str, Any]:
        """Stores a matrix ``(rows, columns)`` in int8, and what is added to its products.

        A weight that is used twice, as a tied one is, is stored once.
        """
        key = id(weight)
        if key not in self._known:
            numbers, scales = rounded(weight.detach().cpu().float().numpy())
            self._known[key] = {
                "rows": len(numbers),
                "columns": numbers.shape[1],
                "numbers": self._store("numbers", numbers),
                "scales": self.vector(scales),
            }
        return {**self._known[key], "bias": self.vector(bias)}

    def _store(self, kind: str, array: NDArray[Any]) -> dict[str, Any]:
        start = self._sizes[kind]
        self._parts[kind].append(array.tobytes())
        self._sizes[kind] += array.size
        return {kind: [start, start + array.size]}

    @property
    def floats(self) -> int:
        """How many numbers of float32 there are; they come first in `data`."""
        return self._sizes["floats"]

    @property
    def data(self) -> bytes:
        """All of float32, little end first, and after them all of int8."""
        return b"".join(self._parts["floats"] + self._parts["numbers"])


def describe(model: TranslationModel, numbers: Numbers) -> dict[str, Any]:
    """Returns the encoder and the decoder as JSON, and stores their weights.

    Raises:
        SettingsError: the JavaScript has no way for a part of the model; all such parts are named.
    """
    if problems := list(missing(model)):
        raise SettingsError("a page can't translate with this model: " + "; ".join(problems))
    stack = model.encoder.stack
    backwards: list[nn.Module | None] = [*stack.backwards] or [None] * len(stack.forwards)
    return {
        "encoder": {
            "embedding": numbers.matrix(cast(LearnedEmbedding, model.encoder.embedding).weight),
            "layers": [
                {
                    "forwards": describe_cell(cast(Cell, forwards), numbers),
                    "backwards": each and describe_cell(cast(Cell, each), numbers),
                    "residual": stack.residual and stack.sizes[index] == stack.sizes[index + 1],
                }
                for index, (forwards, each) in enumerate(
                    zip(stack.forwards, backwards, strict=True)
                )
            ],
        },
        "decoder": describe_decoder(model.decoder, numbers),
    }


def missing(model: TranslationModel) -> Iterator[str]:
    """Yields what of a model the JavaScript has no way for."""
    cell, attention = model.decoder.stack.cells[0], model.decoder.attention
    if type(cell) not in CELLS:
        yield f"it has no cell like {type(cell).__name__}, only LSTM, GRU and Elman's"
    elif isinstance(cell, ElmanCell) and cell.activation not in elman.ACTIVATIONS.values():
        yield "its Elman cells have an activation of their own"
    elif isinstance(cell, LSTMCell) and cell.activation is not gated.ACTIVATIONS["tanh"]:
        yield "its LSTM cells have another activation than tanh"
    if attention is not None and type(attention) not in ATTENTIONS:
        kinds = "additive, dot, general, scaled-dot and scaled-general"
        yield f"it has no attention like {type(attention).__name__}, only {kinds}"
    if attention is not None and attention.cover is not None:
        yield "it has no coverage (--model.coverage)"
    for embedding in (model.encoder.embedding, model.decoder.embedding):
        if not isinstance(embedding, LearnedEmbedding):
            yield "it has no one-hot inputs (--model.embedding one-hot)"
            return


def describe_cell(cell: Cell, numbers: Numbers) -> dict[str, Any]:
    """Returns a cell as JSON."""
    assert isinstance(cell, FusedCell)
    names = {function: name for name, function in elman.ACTIVATIONS.items()}
    return {
        "kind": CELLS[type(cell)],
        "size": cell.hidden_size,
        "activation": names[cell.activation] if isinstance(cell, ElmanCell) else "tanh",
        "zoneout": cell.zoneout,
        "input": numbers.matrix(cell.weight("weight_ih_l0"), cell.bias("bias_ih_l0")),
        "state": numbers.matrix(cell.weight("weight_hh_l0"), cell.bias("bias_hh_l0")),
    }


def describe_decoder(decoder: Decoder, numbers: Numbers) -> dict[str, Any]:
    """Returns the decoder as JSON."""
    stack, lexical = decoder.stack, decoder.lexical
    return {
        "embedding": numbers.matrix(cast(LearnedEmbedding, decoder.embedding).weight),
        "layers": [
            {
                "cell": describe_cell(cast(Cell, cell), numbers),
                "residual": stack.residual and stack.sizes[index] == stack.sizes[index + 1],
            }
            for index, cell in enumerate(stack.cells)
        ],
        "bridge": decoder.bridge and describe_bridge(decoder.bridge, numbers),
        "attention": decoder.attention and describe_attention(decoder.attention, numbers),
        "context": decoder.context,
        "context_to_output": decoder.context_to_output,
        "attention_order": decoder.attention_order,
        "input_feeding": decoder.input_feeding and decoder.attention is not None,
        "readout": numbers.matrix(decoder.readout.weight, decoder.readout.bias),
        "lexical": lexical and numbers.matrix(lexical.translate.weight, lexical.translate.bias),
        "output": numbers.matrix(decoder.output.weight, decoder.output.bias),
    }


def describe_bridge(bridge: Bridge, numbers: Numbers) -> list[dict[str, Any]]:
    """Returns for each layer of the decoder where its state comes from, and through which maps."""
    return [
        {"origin": origin, "maps": [describe_map(each, numbers) for each in cast(Any, maps)]}
        for origin, maps in zip(bridge.origins, bridge.maps, strict=True)
    ]


def describe_map(module: nn.Module, numbers: Numbers) -> dict[str, Any] | None:
    """Returns one map of the bridge; None if a state is handed over as it is."""
    if isinstance(module, nn.Identity):
        return None
    bounded = isinstance(module, nn.Sequential)
    linear = cast(nn.Linear, module[0] if isinstance(module, nn.Sequential) else module)
    return {"linear": numbers.matrix(linear.weight, linear.bias), "tanh": bounded}


def describe_attention(attention: Attention, numbers: Numbers) -> dict[str, Any]:
    """Returns a kind of attention as JSON."""
    found: dict[str, Any] = {"kind": ATTENTIONS[type(attention)], "scale": attention.scale}
    if isinstance(attention, AdditiveAttention | GeneralAttention):
        found["key"] = numbers.matrix(attention.key.weight)
    if isinstance(attention, AdditiveAttention):
        found["query"] = numbers.matrix(attention.query.weight, attention.query.bias)
        found["score"] = numbers.vector(attention.score.weight.flatten())
    return found
