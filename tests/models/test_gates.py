"""The gates of a cell are those of its step: the next state, computed from them, is the step's."""

from typing import Any

import pytest
import torch

from seq2seq.errors import SettingsError
from seq2seq.models.cells.gated import GRUCell
from seq2seq.models.cells.registry import CELLS

GATES = {
    "gru": ["reset", "update"],
    "lstm": ["input", "forget", "output"],
    "lstm-norm": ["input", "forget", "output"],
    "sru": ["forget", "reset"],
    "mingru": ["update"],
}
gated_cells = pytest.mark.parametrize("name", GATES)


def make(name: str) -> tuple[Any, torch.Tensor, tuple[torch.Tensor, ...]]:
    """A float64 cell from 3 inputs to 4 units with random weights; inputs and a state of 5 rows."""
    cell = CELLS[name](3, 4).double().requires_grad_(False)
    for weight in cell.parameters():
        weight.copy_(torch.randn(weight.shape))
    inputs = torch.randn(5, 3, dtype=torch.float64)
    return cell, inputs, tuple(torch.randn_like(part) for part in cell.zero_state(inputs))


def next_state(name: str, cell: Any, inputs: Any, state: Any, gates: Any) -> tuple[Any, ...]:
    """The formula of each class, with the gates given."""
    projected = cell.project_inputs(inputs)
    if name == "mingru":
        _, new = projected.chunk(2, dim=-1)
        return ((1 - gates["update"]) * state[0] + gates["update"] * new,)
    if name == "sru":
        new, _, _, highway = projected.chunk(4, dim=-1)
        memory = gates["forget"] * state[1] + (1 - gates["forget"]) * new
        return gates["reset"] * memory + (1 - gates["reset"]) * highway, memory
    recurrent = cell.project_state(state[0])
    if name == "gru":
        new = torch.tanh(projected[:, 8:] + gates["reset"] * recurrent[:, 8:])
        return ((1 - gates["update"]) * new + gates["update"] * state[0],)
    new = torch.tanh((projected + recurrent)[:, 8:12])
    memory = gates["forget"] * state[1] + gates["input"] * new
    return gates["output"] * torch.tanh(cell.normalize_memory(memory)), memory


@gated_cells
def test_the_next_state_follows_from_the_gates(name: str) -> None:
    cell, inputs, state = make(name)
    gates = cell.gates(inputs, state)
    assert list(gates) == GATES[name]
    for values in gates.values():
        assert values.shape == (5, 4)
        assert ((values > 0) & (values < 1)).all()
    _, after = cell.step(inputs, state)
    torch.testing.assert_close(next_state(name, cell, inputs, state, gates), after)
    for gate, values in gates.items():  # each of them counts
        other = next_state(name, cell, inputs, state, {**gates, gate: 1 - values})
        assert not all(map(torch.allclose, other, after)), gate


@pytest.mark.parametrize("name", [name for name in CELLS if name not in GATES])
def test_cells_without_gates_have_none(name: str) -> None:
    cell, inputs, state = make(name)
    assert cell.gates(inputs, state) == {}


@gated_cells
def test_gates_are_those_of_one_step(name: str) -> None:
    cell, inputs, state = make(name)
    with pytest.raises(SettingsError, match=r"takes inputs \(batch_size, input_size\)"):
        cell.gates(inputs.unsqueeze(1), state)


@pytest.mark.parametrize("bias", [0.0, 2.0])
def test_a_gru_keeps_the_more_of_its_state_the_higher_its_update_gate_starts(bias: float) -> None:
    cell, state = GRUCell(3, 4, update_bias=bias), torch.randn(2, 4)
    gates = cell.gates(torch.zeros(2, 3), (torch.zeros(2, 4),))
    kept = torch.sigmoid(torch.tensor(bias))
    torch.testing.assert_close(gates["update"], kept.expand(2, 4))
    torch.testing.assert_close(gates["reset"], torch.full((2, 4), 0.5))
    with torch.no_grad():
        cell.recurrent_weight().zero_()
        _, (after,) = cell.step(torch.zeros(2, 3), (state,))
    torch.testing.assert_close(after, kept * state)
