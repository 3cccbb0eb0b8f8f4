"""The decoder: the state before the first token, and one step. Compare `seq2seq.models.decoder`.

The two graphs hand each other tensors by their names. "row.…" has a row for each hypothesis, and a
search selects among them; what a step makes anew is its output "next.row.…". "sentence.…" stands
there once for each sentence: the rows of a step are equally many for each, one after the other.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np

from seq2seq.export.attention import Memory, attend, keys_and_values
from seq2seq.export.cells import State, step
from seq2seq.export.encoder import Encoded, bridge, embed, encode
from seq2seq.export.graph import (
    BOOL,
    INT,
    Graph,
    Value,
    concat,
    flatten,
    size,
    tanh,
    zeros,
)
from seq2seq.export.weights import linear
from seq2seq.models.cells.base import Cell
from seq2seq.models.decoder import Decoder
from seq2seq.models.lexical import LexicalTranslation
from seq2seq.models.rnn import RecurrentStack
from seq2seq.models.translation import TranslationModel


class DecoderState(NamedTuple):
    """What the decoder carries from step to step, as `seq2seq.models.decoder.DecoderState`."""

    recurrent: list[State]
    context: Value | None = None
    memory: Memory | None = None
    source_embeddings: Value | None = None
    coverage: Value | None = None
    input_feed: Value | None = None

    def named(self) -> dict[str, Value]:
        """Returns the tensors that there are, by their names in the files."""
        memory = self.memory
        found = {
            "row.context": self.context,
            "row.coverage": self.coverage,
            "row.input_feed": self.input_feed,
            "sentence.values": memory and memory.values,
            "sentence.keys": memory and memory.keys,
            "sentence.pads": memory and memory.pads,
            "sentence.embeddings": self.source_embeddings,
        }
        for layer, parts in enumerate(self.recurrent):
            found |= {f"row.layer_{layer}.{part}": value for part, value in enumerate(parts)}
        return {name: value for name, value in found.items() if value is not None}


def write_encoder(model: TranslationModel, *, int8: bool = False) -> Graph:
    """Writes a graph from source ids to the state before the first token."""
    graph = Graph("encoder", int8=int8)
    state = start(model.decoder, encode(graph, model.encoder))
    for name, value in state.named().items():
        if name == "sentence.pads":
            graph.output(name, value, 2, BOOL)
        else:
            graph.output(name, value, 3 if name.startswith("sentence.") else 2)
    return graph


def start(decoder: Decoder, encoded: Encoded) -> DecoderState:
    """Writes the state before the first token, see `Decoder.start`."""
    vector = encoded.context[-1][0]
    rows = size(vector, 0)
    feeds = decoder.context != "initial" or decoder.context_to_output
    state = DecoderState(
        bridge(decoder.bridge, encoded.context)
        if decoder.bridge
        else [
            (zeros(rows, width(vector.graph, cast(Cell, cell).hidden_size)),)
            * cast(Cell, cell).state_tensors
            for cell in decoder.stack.cells
        ],
        vector if feeds else None,
    )
    attention = decoder.attention
    if attention is None:
        return state
    keys, values = keys_and_values(attention, encoded.memory)
    return state._replace(
        memory=Memory(values, keys, encoded.pads),
        source_embeddings=encoded.embedded if decoder.lexical else None,
        coverage=None if attention.cover is None else zeros(rows, size(encoded.pads, 1)),
        input_feed=zeros(rows, width(vector.graph, decoder.readout.out_features))
        if decoder.input_feeding
        else None,
    )


def width(graph: Graph, number: int) -> Value:
    """Returns a size as a value, ``(1,)``."""
    return graph.value(np.array([number]))


def write_step(model: TranslationModel, *, int8: bool = False) -> Graph:
    """Writes a graph of one step, from previous tokens to what a search needs of the next.

    Inputs are "tokens" ``(rows,)``, "wanted" ``(rows, any number)`` and "count" ``(1,)``, and the
    state. Outputs are the `count` most probable tokens of each row, "top.tokens", with their
    log-probabilities, "top.values", both ``(rows, count)`` and the best first; the
    log-probabilities of the wanted tokens, "wanted.values"; the "attention" ``(rows,
    source_length)``, if there is any; and the new state.
    """
    graph = Graph("step", int8=int8)
    decoder = model.decoder
    tokens, wanted = graph.input("tokens", 1, INT), graph.input("wanted", 2, INT)
    count = graph.input("count", 1, INT)
    pre_logits, weights, before, after = take_step(decoder, tokens, input_state(graph, decoder))
    logits = linear(pre_logits, decoder.output.weight, decoder.output.bias)
    log_probs = graph.node("LogSoftmax", logits, axis=-1)
    values, candidates = graph.node_with_outputs(2, "TopK", log_probs, count, axis=-1)
    graph.output("top.values", values)
    graph.output("top.tokens", candidates, 2, INT)
    graph.output("wanted.values", graph.node("GatherElements", log_probs, wanted, axis=1))
    if weights is not None:
        graph.output("attention", flatten(weights))
    known = before.named()
    for name, value in after.named().items():
        if value is not known[name]:
            graph.output(f"next.{name}", value)
    return graph


def input_state(graph: Graph, decoder: Decoder) -> DecoderState:
    """Adds the inputs that are the state before a step."""
    attention = decoder.attention
    feeds = decoder.context != "initial" or decoder.context_to_output
    memory = None
    if attention is not None:
        memory = Memory(
            graph.input("sentence.values", 3),
            graph.input("sentence.keys", 3),
            graph.input("sentence.pads", 2, BOOL),
        )
    return DecoderState(
        [
            tuple(
                graph.input(f"row.layer_{layer}.{part}")
                for part in range(cast(Cell, cell).state_tensors)
            )
            for layer, cell in enumerate(decoder.stack.cells)
        ],
        graph.input("row.context") if feeds else None,
        memory,
        graph.input("sentence.embeddings", 3) if decoder.lexical else None,
        graph.input("row.coverage") if attention and attention.cover is not None else None,
        graph.input("row.input_feed") if decoder.input_feeding and attention else None,
    )


def take_step(
    decoder: Decoder, tokens: Value, state: DecoderState
) -> tuple[Value, Value | None, DecoderState, DecoderState]:
    """Writes one step up to the pre-logits, see `Decoder.step_embedded`.

    Returns:
        The pre-logits ``(rows, readout_size)``, the weights of attention ``(sentences, each,
        source_length)``, and the states before and after.
    """
    before, attended, weights = state, None, None
    inputs = [embed(decoder.embedding, tokens)]
    if decoder.context != "initial":
        assert state.context is not None
        inputs.append(state.context)
    if state.input_feed is not None:
        inputs.append(state.input_feed)
    if decoder.attention is not None and decoder.attention_order == "bahdanau":
        attended, weights, state = look_back(decoder, state.recurrent[-1][0], state)
        inputs.append(attended)
    outputs, recurrent = step_stack(decoder.stack, concat(inputs), state.recurrent)
    state = state._replace(recurrent=recurrent)
    if decoder.attention is not None and attended is None:
        attended, weights, state = look_back(decoder, outputs, state)
    read = [outputs, *([] if attended is None else [attended])]
    if decoder.context_to_output:
        assert state.context is not None
        read.append(state.context)
    pre_logits = tanh(linear(concat(read), decoder.readout.weight, decoder.readout.bias))
    if decoder.lexical is not None:
        assert weights is not None
        assert state.source_embeddings is not None
        pre_logits = pre_logits + translate(decoder.lexical, weights, state.source_embeddings)
    if state.input_feed is not None:
        state = state._replace(input_feed=pre_logits)
    return pre_logits, weights, before, state


def step_stack(
    stack: RecurrentStack, inputs: Value, states: list[State]
) -> tuple[Value, list[State]]:
    """Writes one step of all layers, see `RecurrentStack.step`."""
    after = []
    for index, (cell, state) in enumerate(zip(stack.cells, states, strict=True)):
        after.append(step(cast(Cell, cell), inputs, state))
        same = stack.sizes[index] == stack.sizes[index + 1]
        inputs = after[-1][0] + inputs if stack.residual and same else after[-1][0]
    return inputs, after


def look_back(
    decoder: Decoder, queries: Value, state: DecoderState
) -> tuple[Value, Value, DecoderState]:
    """Writes attention with queries ``(rows, query_size)``, see `Decoder.attend`."""
    assert decoder.attention is not None
    assert state.memory is not None
    attended, weights = attend(decoder.attention, queries, state.memory, state.coverage)
    if state.coverage is not None:
        state = state._replace(coverage=state.coverage + flatten(weights))
    return attended, weights, state


def translate(lexical: LexicalTranslation, weights: Value, embedded: Value) -> Value:
    """Writes what the attended source words add to the pre-logits, see `LexicalTranslation`."""
    found = tanh(flatten(weights @ embedded))
    return found + tanh(linear(found, lexical.translate.weight, lexical.translate.bias))
