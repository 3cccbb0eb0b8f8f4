"""The recurrent cells: one step by the formula, and whole sequences.

The formula is a step of the decoder, and the body of a loop over the source. ONNX has operators for
whole sequences of some cells; the loop is as quick, and it is one way for all of them. Compare
`seq2seq.models.cells`, whose functions have the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from torch.nn import functional as F

from seq2seq.errors import SettingsError
from seq2seq.export.graph import (
    Value,
    chunk,
    concat,
    flatten,
    layer_norm,
    positions,
    relu,
    scan,
    sigmoid,
    size,
    tanh,
    unsqueeze,
    where,
    zeros,
)
from seq2seq.export.weights import linear
from seq2seq.models.cells import elman, gated
from seq2seq.models.cells.base import Cell
from seq2seq.models.cells.elman import EchoStateCell, ElmanCell, JordanCell, LeakyCell
from seq2seq.models.cells.fused import FusedCell
from seq2seq.models.cells.gated import GRUCell, LSTMCell, NormalizedLSTMCell
from seq2seq.models.cells.parallel import MinGRUCell, SRUCell

State: TypeAlias = tuple[Value, ...]

ELMAN_FUNCTIONS: dict[object, Callable[[Value], Value]] = {
    elman.ACTIVATIONS["tanh"]: tanh,
    elman.ACTIVATIONS["relu"]: relu,
    elman.ACTIVATIONS["sigmoid"]: sigmoid,
    elman.ACTIVATIONS["linear"]: lambda values: values,
}
"""What an Elman network puts its sum through."""
LSTM_FUNCTIONS: dict[object, Callable[[Value], Value]] = {
    gated.ACTIVATIONS["tanh"]: tanh,
    gated.ACTIVATIONS["linear"]: lambda values: values,
}
"""What an LSTM puts its candidate and its memory through."""


def project_fused(cell: FusedCell, inputs: Value) -> Value:
    """Writes W x + b."""
    return linear(inputs, cell.weight("weight_ih_l0"), cell.bias("bias_ih_l0"))


def project_state(cell: FusedCell, hidden: Value) -> Value:
    """Writes U h + c."""
    return linear(hidden, cell.weight("weight_hh_l0"), cell.bias("bias_hh_l0"))


def update_elman(cell: ElmanCell, projected: Value, state: State) -> State:
    """Writes the formula of `ElmanCell`."""
    activation = ELMAN_FUNCTIONS[cell.activation]
    return (activation(projected + project_state(cell, state[0])),)


def update_jordan(cell: JordanCell, projected: Value, state: State) -> State:
    """Writes the formula of `JordanCell`."""
    hidden = tanh(projected + project_state(cell, state[0]))
    return (tanh(linear(hidden, cell.output.weight, cell.output.bias)),)


def update_leaky(cell: LeakyCell, projected: Value, state: State) -> State:
    """Writes the formula of `LeakyCell`."""
    new = tanh(projected + project_state(cell, state[0]))
    rates = cell.rates.detach()
    return (state[0] * (1 - rates) + new * rates,)


def update_gru(cell: GRUCell, projected: Value, state: State) -> State:
    """Writes the formula of `GRUCell`."""
    reset_input, update_input, new_input = chunk(projected, 3)
    reset_state, update_state, new_state = chunk(project_state(cell, state[0]), 3)
    reset = sigmoid(reset_input + reset_state)
    update = sigmoid(update_input + update_state)
    new = tanh(new_input + reset * new_state)
    return ((1.0 - update) * new + update * state[0],)


def update_lstm(cell: LSTMCell, projected: Value, state: State) -> State:
    """Writes the formula of `LSTMCell`."""
    activation = LSTM_FUNCTIONS[cell.activation]
    input_gate, forget_gate, new, output_gate = chunk(projected + project_state(cell, state[0]), 4)
    memory = sigmoid(forget_gate) * state[1] + sigmoid(input_gate) * activation(new)
    return sigmoid(output_gate) * activation(memory), memory


def project_normalized(cell: NormalizedLSTMCell, inputs: Value) -> Value:
    """Writes LN(W x) + b."""
    norm = cell.norm_input
    product = linear(inputs, cell.weight("weight_ih_l0"), None)
    return layer_norm(product, norm.weight, None, norm.eps) + cell.weight("bias_ih_l0")


def update_normalized(cell: NormalizedLSTMCell, projected: Value, state: State) -> State:
    """Writes the formula of `NormalizedLSTMCell`."""
    norm, memory_norm = cell.norm_state, cell.norm_memory
    product = linear(state[0], cell.weight("weight_hh_l0"), None)
    recurrent = layer_norm(product, norm.weight, None, norm.eps) + cell.weight("bias_hh_l0")
    input_gate, forget_gate, new, output_gate = chunk(projected + recurrent, 4)
    memory = sigmoid(forget_gate) * state[1] + sigmoid(input_gate) * tanh(new)
    normalized = layer_norm(memory, memory_norm.weight, memory_norm.bias, memory_norm.eps)
    return sigmoid(output_gate) * tanh(normalized), memory


def project_sru(cell: SRUCell, inputs: Value) -> Value:
    """Writes W x, W x + b of f and of r, and α x or V x side by side."""
    hidden, weight = cell.hidden_size, cell.input.weight
    product = linear(inputs, weight, F.pad(cell.bias, (hidden, len(weight) - 3 * hidden)))
    if cell.projects_highway:
        return product
    return concat([product, inputs * cell.HIGHWAY_SCALE])


def update_sru(cell: SRUCell, projected: Value, state: State) -> State:
    """Writes the formula of `SRUCell`."""
    candidate, forget_gate, reset_gate, highway = chunk(projected, 4)
    forget, reset = sigmoid(forget_gate), sigmoid(reset_gate)
    memory = forget * state[1] + (1.0 - forget) * candidate
    return reset * memory + (1.0 - reset) * highway, memory


def project_mingru(cell: MinGRUCell, inputs: Value) -> Value:
    """Writes W x + b of gate and candidate."""
    return linear(inputs, cell.input.weight, cell.input.bias)


def update_mingru(cell: MinGRUCell, projected: Value, state: State) -> State:
    """Writes the formula of `MinGRUCell`."""
    gate, candidate = chunk(projected, 2)
    update = sigmoid(gate)
    return ((1.0 - update) * state[0] + update * candidate,)


class CellWriter(NamedTuple):
    """How a kind of cell is written.

    Attributes:
        project: what needs no state.
        update: the next state, from that and the state before.
    """

    project: Callable[[Any, Value], Value]
    update: Callable[[Any, Value, State], State]


WRITERS: dict[type[Cell], CellWriter] = {
    ElmanCell: CellWriter(project_fused, update_elman),
    EchoStateCell: CellWriter(project_fused, update_elman),
    JordanCell: CellWriter(project_fused, update_jordan),
    LeakyCell: CellWriter(project_fused, update_leaky),
    GRUCell: CellWriter(project_fused, update_gru),
    LSTMCell: CellWriter(project_fused, update_lstm),
    NormalizedLSTMCell: CellWriter(project_normalized, update_normalized),
    SRUCell: CellWriter(project_sru, update_sru),
    MinGRUCell: CellWriter(project_mingru, update_mingru),
}


def writer(cell: Cell) -> CellWriter:
    """Returns how a cell is written; SettingsError if nothing here knows it."""
    if type(cell) not in WRITERS:
        known = ", ".join(each.__name__ for each in WRITERS)
        raise SettingsError(
            f"a cell of the class {type(cell).__name__} can't be exported to ONNX, where there is "
            f"a way for these: {known}"
        )
    return WRITERS[type(cell)]


def update(cell: Cell, projected: Value, state: State) -> State:
    """Writes the next state, with what zoneout is in evaluation."""
    after = writer(cell).update(cell, projected, state)
    if not cell.zoneout:
        return after
    kept = cell.zoneout
    return tuple(kept * old + (1 - kept) * new for old, new in zip(state, after, strict=True))


def step(cell: Cell, inputs: Value, state: State) -> State:
    """Writes one step; the first part of the new state is the output."""
    return update(cell, writer(cell).project(cell, inputs), state)


def sequence(cell: Cell, inputs: Value, lengths: Value) -> tuple[Value, State]:
    """Writes a whole sequence from a zero state, step after step; see `Cell.sequence`.

    Args:
        inputs: time first, ``(length, batch_size, input_size)``.
        lengths: ``(batch_size,)``.

    Returns:
        Outputs ``(length, batch_size, hidden_size)``, zero on pads, and the state after each last
        token.
    """
    graph, rows = inputs.graph, size(inputs, 1)
    initial = zeros(rows, graph.value(np.array([cell.hidden_size])))
    states = scan(
        lambda state, projected: update(cell, projected, tuple(state)),
        [initial] * cell.state_tensors,
        writer(cell).project(cell, inputs),
    )
    # What was computed from pads is left out here, and not step by step.
    last = (lengths - np.array(1)) * rows + positions(rows)
    final = (graph.node("Gather", flatten(state), last, axis=0) for state in states)
    times = unsqueeze(positions(size(inputs, 0)), 1)  # (length, 1)
    live = unsqueeze(graph.node("Less", times, lengths), 2)  # (length, batch_size, 1)
    return where(live, states[0], 0.0), tuple(final)


def sequence_backwards(cell: Cell, inputs: Value, lengths: Value) -> tuple[Value, State]:
    """Writes the same from the last token to the first; outputs stay where their tokens are."""
    outputs, final = sequence(cell, reverse(inputs, lengths), lengths)
    return reverse(outputs, lengths), final


def reverse(inputs: Value, lengths: Value) -> Value:
    """Turns each row's tokens round, not its pads: ``(length, batch_size, size)``."""
    return inputs.graph.node("ReverseSequence", inputs, lengths, time_axis=0, batch_axis=1)
