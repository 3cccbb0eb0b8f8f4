"""A translation model as JSON and numbers: what the JavaScript in `seq2seq/export/web` computes.

Matrices are rounded to int8 as in an ONNX export, see `seq2seq.export.rounding`; vectors stay in
float32. Where an array stands in the JSON, it says where its numbers are: ``{"floats": [start,
end]}`` among all of float32, ``{"numbers": [start, end]}`` among all of int8.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import SettingsError
from seq2seq.export.rounding import as_array, is_rounded, rounded
from seq2seq.models.attention.base import Attention
from seq2seq.models.attention.local import LocalAttention
from seq2seq.models.attention.multi_head import MultiHeadAttention
from seq2seq.models.attention.scores import AdditiveAttention, DotAttention, GeneralAttention
from seq2seq.models.bridge import Bridge
from seq2seq.models.cells import elman, gated
from seq2seq.models.cells.base import Cell
from seq2seq.models.cells.elman import EchoStateCell, ElmanCell, JordanCell, LeakyCell
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.cells.gated import GRUCell, LSTMCell, NormalizedLSTMCell
from seq2seq.models.cells.parallel import MinGRUCell, SRUCell
from seq2seq.models.decoder import Decoder
from seq2seq.models.encoder import LearnedEmbedding, OneHotEmbedding
from seq2seq.models.translation import TranslationModel

Json: TypeAlias = dict[str, Any]
ACTIVATIONS = {
    function: name for table in (elman, gated) for name, function in table.ACTIVATIONS.items()
}
"""What the JavaScript calls the functions of Elman networks and LSTMs."""
ATTENTIONS: dict[type[Attention], str] = {
    AdditiveAttention: "additive",
    DotAttention: "dot",
    GeneralAttention: "dot",
    LocalAttention: "local",
    MultiHeadAttention: "multi-head",
}
"""What it calls the kinds of attention that it has, in `attention.js`."""


class Numbers:
    """The arrays of a model, each stored once."""

    def __init__(self) -> None:
        self._parts: dict[str, list[bytes]] = {"floats": [], "numbers": []}
        self._sizes = {"floats": 0, "numbers": 0}
        self._known: dict[int, Json] = {}

    def vector(self, values: Tensor | NDArray[np.float32] | None) -> Json | None:
        """Stores numbers in float32; None is nothing."""
        if values is None:
            return None
        array = as_array(values) if isinstance(values, Tensor) else values
        return self._store("floats", array.astype("<f4"))

    def matrix(self, weight: Tensor, bias: Tensor | None = None) -> Json:
        """Stores a matrix ``(rows, columns)`` in int8, and what is added to its products.

        A weight that is used twice, as a tied one is, is stored once.
        """
        if not is_rounded(weight):
            return {"rows": 1, "weights": self.vector(weight), "bias": self.vector(bias)}
        key = id(weight)
        if key not in self._known:
            numbers, scales = rounded(as_array(weight))
            self._known[key] = {
                "rows": len(numbers),
                "columns": numbers.shape[1],
                "numbers": self._store("numbers", numbers),
                "scales": self.vector(scales),
            }
        return {**self._known[key], "bias": self.vector(bias)}

    def linear(self, module: nn.Linear) -> Json:
        """Stores the matrix and the bias of a linear layer."""
        return self.matrix(module.weight, module.bias)

    def _store(self, kind: str, array: NDArray[Any]) -> Json:
        start = self._sizes[kind]
        self._parts[kind].append(array.tobytes())
        self._sizes[kind] += array.size
        return {kind: [start, start + array.size]}

    @property
    def size(self) -> int:
        """The bytes of all arrays."""
        return 4 * self._sizes["floats"] + self._sizes["numbers"]

    def pack(self, description: str) -> bytes:
        """Returns all arrays, compressed by zlib, whose checksum finds what is damaged.

        Three numbers come first: the checksum of the description, which says where the arrays are,
        and how many numbers there are of float32 and of int8. All of it is little end first.
        """
        checksum = zlib.adler32(description.encode("ascii"))
        head = struct.pack("<3I", checksum, self._sizes["floats"], self._sizes["numbers"])
        return zlib.compress(b"".join([head, *self._parts["floats"], *self._parts["numbers"]]), 9)


def describe(model: TranslationModel, numbers: Numbers) -> Json:
    """Returns the encoder and the decoder as JSON, and stores their weights.

    Raises:
        SettingsError: the JavaScript has no way for a part of the model; all such parts are named.
        RunError: a weight is not finite.
    """
    if problems := list(missing(model)):
        raise SettingsError("a page can't translate with this model: " + "; ".join(problems))
    stack = model.encoder.stack
    backwards: list[nn.Module | None] = [*stack.backwards] or [None] * len(stack.forwards)
    return {
        "encoder": {
            "embedding": describe_embedding(model.encoder.embedding, numbers),
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
    """Yields the parts of a model that the JavaScript can't compute, as a script's own cells."""
    encoder, decoder = model.encoder, model.decoder
    cells = [*encoder.stack.forwards, *encoder.stack.backwards, *decoder.stack.cells]
    for kind in {type(cell): None for cell in cells}:
        if kind not in CELLS:
            yield f"it has no cell of the class {kind.__name__}, only of {names(CELLS)}"
    if {getattr(cell, "activation", torch.tanh) for cell in cells} - {*ACTIVATIONS}:
        known = ", ".join(dict.fromkeys(ACTIVATIONS.values()))
        yield f"its cells have an activation of their own, none of {known}"
    if decoder.attention is not None and type(decoder.attention) not in ATTENTIONS:
        own = type(decoder.attention).__name__
        yield f"it has no attention of the class {own}, only of {names(ATTENTIONS)}"
    for embedding in (encoder.embedding, decoder.embedding):
        if not isinstance(embedding, LearnedEmbedding | OneHotEmbedding):
            yield f"it has no embedding of the class {type(embedding).__name__}"


def names(kinds: Iterable[type]) -> str:
    """Returns the names of classes."""
    return ", ".join(kind.__name__ for kind in kinds)


def describe_embedding(embedding: nn.Module, numbers: Numbers) -> Json:
    """Returns the vectors of tokens as JSON, or how many tokens there are if it is one-hot."""
    if isinstance(embedding, OneHotEmbedding):
        return {"one_hot": embedding.num_embeddings}
    return numbers.matrix(cast(LearnedEmbedding, embedding).weight)


# ---------------------------------------------------------------------------------------------
# cells


def describe_cell(cell: Cell, numbers: Numbers) -> Json:
    """Returns a cell as JSON."""
    kind, parts = CELLS[type(cell)]
    return {
        "kind": kind,
        "size": cell.hidden_size,
        "state_tensors": cell.state_tensors,
        "zoneout": cell.zoneout,
        **parts(cell, numbers),
    }


def fused_parts(cell: FusedCell, numbers: Numbers) -> Json:
    """Returns W and b, U and c, and the activation of those that have a choice."""
    activation = getattr(cell, "activation", None)
    return {
        "input": numbers.matrix(cell.weight("weight_ih_l0"), cell.bias("bias_ih_l0")),
        "state": numbers.matrix(cell.weight("weight_hh_l0"), cell.bias("bias_hh_l0")),
        **({"activation": ACTIVATIONS[activation]} if activation else {}),
    }


def jordan_parts(cell: JordanCell, numbers: Numbers) -> Json:
    """Returns V and d, too."""
    return {**fused_parts(cell, numbers), "output": numbers.linear(cell.output)}


def leaky_parts(cell: LeakyCell, numbers: Numbers) -> Json:
    """Returns the rates, too."""
    return {**fused_parts(cell, numbers), "rates": numbers.vector(cell.rates)}


def normalized_parts(cell: NormalizedLSTMCell, numbers: Numbers) -> Json:
    """Returns W and U, and the norms, whose biases are b and c."""

    def norm(module: nn.LayerNorm, bias: Tensor) -> Json:
        weight = numbers.vector(module.weight)
        return {"weight": weight, "bias": numbers.vector(bias), "epsilon": module.eps}

    return {
        "activation": "tanh",
        "input": numbers.matrix(cell.weight("weight_ih_l0")),
        "state": numbers.matrix(cell.weight("weight_hh_l0")),
        "norm_input": norm(cell.norm_input, cell.weight("bias_ih_l0")),
        "norm_state": norm(cell.norm_state, cell.weight("bias_hh_l0")),
        "norm_memory": norm(cell.norm_memory, cell.norm_memory.bias),
    }


def sru_parts(cell: SRUCell, numbers: Numbers) -> Json:
    """Returns W, and V if there is one, with the biases; and α if there is no V."""
    hidden, weight = cell.hidden_size, cell.input.weight
    return {
        "input": numbers.matrix(weight, F.pad(cell.bias, (hidden, len(weight) - 3 * hidden))),
        "highway_scale": None if cell.projects_highway else cell.HIGHWAY_SCALE,
    }


def mingru_parts(cell: MinGRUCell, numbers: Numbers) -> Json:
    """Returns W and b."""
    return {"input": numbers.linear(cell.input)}


CELLS: dict[type[nn.Module], tuple[str, Callable[[Any, Numbers], Json]]] = {
    ElmanCell: ("elman", fused_parts),
    EchoStateCell: ("elman", fused_parts),
    JordanCell: ("jordan", jordan_parts),
    LeakyCell: ("leaky", leaky_parts),
    GRUCell: ("gru", fused_parts),
    LSTMCell: ("lstm", fused_parts),
    NormalizedLSTMCell: ("lstm-norm", normalized_parts),
    SRUCell: ("sru", sru_parts),
    MinGRUCell: ("mingru", mingru_parts),
}
"""What the JavaScript calls the cells that it has, in `cells.js`, and what it needs of them."""


# ---------------------------------------------------------------------------------------------
# decoder


def describe_decoder(decoder: Decoder, numbers: Numbers) -> Json:
    """Returns the decoder as JSON."""
    stack, lexical = decoder.stack, decoder.lexical
    return {
        "embedding": describe_embedding(decoder.embedding, numbers),
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
        "readout": numbers.linear(decoder.readout),
        "lexical": lexical and numbers.linear(lexical.translate),
        "output": numbers.linear(decoder.output),
    }


def describe_bridge(bridge: Bridge, numbers: Numbers) -> list[Json]:
    """Returns for each layer of the decoder where its state comes from, and through which maps."""
    return [
        {"origin": origin, "maps": [describe_map(each, numbers) for each in cast(Any, maps)]}
        for origin, maps in zip(bridge.origins, bridge.maps, strict=True)
    ]


def describe_map(module: nn.Module, numbers: Numbers) -> Json | None:
    """Returns one map of the bridge; None if a state is handed over as it is."""
    if isinstance(module, nn.Identity):
        return None
    bounded = isinstance(module, nn.Sequential)
    linear = cast(nn.Linear, module[0] if isinstance(module, nn.Sequential) else module)
    return {"linear": numbers.linear(linear), "tanh": bounded}


def describe_attention(attention: Attention, numbers: Numbers) -> Json:
    """Returns a kind of attention as JSON, its linear layers by their names."""
    found: Json = {
        name: numbers.linear(part)
        for name, part in attention.named_children()
        if isinstance(part, nn.Linear)
    }
    if isinstance(attention, LocalAttention):
        place = [numbers.linear(cast(nn.Linear, attention.place[index])) for index in (0, 2)]
        found |= {"place": place, "window": attention.window}
    if isinstance(attention, MultiHeadAttention):
        found["heads"] = attention.heads
    return {
        "kind": ATTENTIONS[type(attention)],
        "scale": attention.scale,
        "cover": numbers.vector(attention.cover),
        **found,
    }
