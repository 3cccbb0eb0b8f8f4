"""The encoder: source ids -> what a search begins with. Compare `seq2seq.models.encoder`."""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
from torch import nn

from seq2seq.errors import SettingsError
from seq2seq.export.cells import State, sequence, sequence_backwards
from seq2seq.export.graph import (
    INT,
    Graph,
    Value,
    concat,
    positions,
    size,
    tanh,
    transpose,
    unsqueeze,
    where,
)
from seq2seq.export.weights import linear, look_up
from seq2seq.models.bridge import Bridge
from seq2seq.models.cells.base import Cell
from seq2seq.models.encoder import Encoder, LearnedEmbedding, OneHotEmbedding
from seq2seq.models.rnn import EncoderStack


class Encoded(NamedTuple):
    """What the encoder hands over, as `seq2seq.models.encoder.EncoderOutput`; a row a sentence.

    Attributes:
        memory: all outputs, ``(sentences, source_length, output_size)``.
        pads: True where there is no source token, ``(sentences, source_length)``.
        context: the final states of every layer.
        embedded: the source as the lowest layer saw it.
    """

    memory: Value
    pads: Value
    context: list[State]
    embedded: Value


def embed(embedding: nn.Module, ids: Value) -> Value:
    """Writes the vectors of ids ``(…)``: ``(…, embedding_size)``."""
    if isinstance(embedding, LearnedEmbedding):
        return look_up(embedding.weight, ids)
    if isinstance(embedding, OneHotEmbedding):
        depth = np.array([embedding.num_embeddings])
        return ids.graph.node("OneHot", ids, depth, np.array([0.0, 1.0], np.float32))
    raise SettingsError(
        f"an embedding of the class {type(embedding).__name__} can't be exported to ONNX"
    )


def encode(graph: Graph, encoder: Encoder) -> Encoded:
    """Writes the encoder, with inputs "source" ``(sentences, source_length)`` and "lengths"."""
    source, lengths = graph.input("source", 2, INT), graph.input("lengths", 1, INT)
    embedded = embed(encoder.embedding, source)
    ends = unsqueeze(lengths, 1)
    pads = graph.node("GreaterOrEqual", positions(size(source, 1)), ends)
    outputs, context = read(encoder.stack, embedded, lengths, pads)
    return Encoded(outputs, pads, context, embedded)


def read(
    stack: EncoderStack, inputs: Value, lengths: Value, pads: Value
) -> tuple[Value, list[State]]:
    """Writes all layers over ``(sentences, length, input_size)``; see `EncoderStack.sequence`."""
    if stack.residual:  # else a pad's vector would be added to an output
        inputs = where(unsqueeze(pads, 2), 0.0, inputs)
    values = transpose(inputs, 1, 0, 2)
    context = []
    for index, forwards in enumerate(stack.forwards):
        outputs, final = sequence(cast(Cell, forwards), values, lengths)
        if stack.backwards:
            backwards = cast(Cell, stack.backwards[index])
            turned, turned_final = sequence_backwards(backwards, values, lengths)
            outputs = concat([outputs, turned])
            final = tuple(concat(parts) for parts in zip(final, turned_final, strict=True))
        same = stack.sizes[index] == stack.sizes[index + 1]
        values = outputs + values if stack.residual and same else outputs
        context.append(final)
    return transpose(values, 1, 0, 2), context


def bridge(maps: Bridge, context: list[State]) -> list[State]:
    """Writes the initial states of the decoder's layers from the encoder's final ones."""
    return [
        tuple(
            convert(module, values)
            for module, values in zip(cast(nn.ModuleList, modules), context[origin], strict=True)
        )
        for origin, modules in zip(maps.origins, maps.maps, strict=True)
    ]


def convert(module: nn.Module, values: Value) -> Value:
    """Writes one map of the bridge."""
    if isinstance(module, nn.Identity):
        return values
    if isinstance(module, nn.Linear):
        return linear(values, module.weight, module.bias)
    linear_map, bounded = cast(nn.Sequential, module)
    assert isinstance(bounded, nn.Tanh)
    return tanh(convert(linear_map, values))
