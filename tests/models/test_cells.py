"""The cells: the formula, the fused kernel and an independent computation are one function."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seq2seq.models.cells import CELLS, ElmanCell, GRUCell, LSTMCell

BUILDERS: dict[str, Any] = {
    "elman": ElmanCell,
    "elman-relu": partial(ElmanCell, nonlinearity="relu"),
    "gru": GRUCell,
    "lstm": LSTMCell,
}
every_cell = pytest.mark.parametrize("name", BUILDERS)


def make(name: str, bias: bool = True) -> Any:
    """A float64 cell from 3 inputs to 4 units, with random weights and biases."""
    cell = BUILDERS[name](3, 4, bias=bias).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight.copy_(torch.randn(weight.shape))
    return cell


def random_state(cell: Any, rows: int) -> tuple[torch.Tensor, ...]:
    zeros = cell.zero_state(torch.zeros(rows, 3, dtype=torch.float64))
    return tuple(torch.randn_like(part, requires_grad=True) for part in zeros)


def step_by_step(cell: Any, inputs: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
    """What `sequence` promises, from `step` alone: a row that has ended stands still."""
    outputs = []
    for position in range(inputs.shape[1]):
        output, after = cell.step(inputs[:, position], state)
        live = (position < lengths).unsqueeze(1)
        outputs.append(torch.where(live, output, 0.0))
        state = tuple(torch.where(live, new, old) for new, old in zip(after, state, strict=True))
    return torch.stack(outputs, dim=1), state


def test_settings_names_build_these_cells() -> None:
    assert list(CELLS) == [*BUILDERS, "lstm-norm"]
    inputs = torch.randn(2, 5, 3)
    for name in BUILDERS:
        cell, other = CELLS[name](3, 4), BUILDERS[name](3, 4)
        other.load_state_dict(cell.state_dict())
        outputs, other_outputs = (
            c.sequence(inputs, c.zero_state(inputs[:, 0]))[0] for c in (cell, other)
        )
        torch.testing.assert_close(outputs, other_outputs)


@every_cell
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("lengths", [None, [6, 6, 6, 6], [2, 6, 1, 4], [3, 1, 4, 4]])
def test_steps_equal_the_kernel_forward_and_backward(
    name: str, bias: bool, lengths: list[int] | None
) -> None:
    cell = make(name, bias)
    assert len(list(cell.parameters())) == (4 if bias else 2)
    inputs = torch.randn(4, 6, 3, dtype=torch.float64, requires_grad=True)
    state = random_state(cell, 4)
    given = None if lengths is None else torch.tensor(lengths)
    fused = cell.sequence(inputs, state, given)
    stepped = step_by_step(cell, inputs, state, torch.tensor(lengths or [6] * 4))
    weights = [torch.randn_like(part) for part in (fused[0], *fused[1])]
    gradients = []
    for outputs, final in (fused, stepped):
        total = sum((w * x).sum() for w, x in zip(weights, (outputs, *final), strict=True))
        gradients.append(torch.autograd.grad(total, [inputs, *state, *cell.parameters()]))
    torch.testing.assert_close(fused, stepped)
    torch.testing.assert_close(*gradients)


@every_cell
def test_first_part_of_the_state_is_the_output(name: str) -> None:
    cell = make(name)
    output, state = cell.step(torch.randn(2, 3, dtype=torch.float64), random_state(cell, 2))
    assert torch.equal(output, state[0])


@every_cell
def test_one_product_of_the_concatenation_equals_the_two_products(name: str) -> None:
    cell = make(name)
    kernel = cell.kernel
    inputs, hidden = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64)
    stacked = torch.cat([kernel.weight_ih_l0, kernel.weight_hh_l0], dim=1)
    joined = F.linear(
        torch.cat([inputs, hidden], dim=1), stacked, kernel.bias_ih_l0 + kernel.bias_hh_l0
    )
    torch.testing.assert_close(cell.project(inputs) + cell.recur(hidden), joined)


def by_hand(name: str, weights: dict[str, Any], x: Any, state: list[Any]) -> list[Any]:
    """One step of one row as the textbooks print it, in numpy, gate by gate."""
    h = state[0]
    gates = {"gru": 3, "lstm": 4}.get(name, 1)
    from_input, from_state, bias, other_bias = (
        np.split(weights[f"{kind}_l0"], gates)
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )

    def gate(k: int) -> Any:
        return from_input[k] @ x + bias[k] + from_state[k] @ h + other_bias[k]

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    if name == "gru":
        r, z = sigmoid(gate(0)), sigmoid(gate(1))
        n = np.tanh(from_input[2] @ x + bias[2] + r * (from_state[2] @ h + other_bias[2]))
        return [(1 - z) * n + z * h]
    if name == "lstm":
        i, f, g, o = sigmoid(gate(0)), sigmoid(gate(1)), np.tanh(gate(2)), sigmoid(gate(3))
        memory = f * state[1] + i * g
        return [o * np.tanh(memory), memory]
    return [np.maximum(gate(0), 0) if name == "elman-relu" else np.tanh(gate(0))]


@every_cell
def test_a_step_equals_the_formula_by_hand(name: str) -> None:
    cell = make(name)
    inputs, state = torch.randn(1, 3, dtype=torch.float64), random_state(cell, 1)
    weights = {key: weight.detach().numpy() for key, weight in cell.kernel.named_parameters()}
    before = [part[0].detach().numpy() for part in state]
    expected = by_hand(name, weights, inputs[0].numpy(), before)
    _, after = cell.step(inputs, state)
    assert len(after) == len(expected)
    for part, wanted in zip(after, expected, strict=True):
        np.testing.assert_allclose(part[0].detach().numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    ("order", "sums"),
    [([1, 1, 2], [4, 12, 32]), ([2, 1, 1], [8, 20, 44]), ([1, 2, 1], [4, 16, 36])],
)
def test_the_lecture_network_with_all_weights_1_sums_to(order: list[int], sums: list[int]) -> None:
    """Hung-yi Lee's example: two inputs, two units, all weights 1; the order of inputs matters."""
    cell = ElmanCell(2, 2, nonlinearity="relu", bias=False)
    with torch.no_grad():
        for weight in cell.parameters():
            weight.fill_(1.0)
    inputs = torch.tensor([[[x, x] for x in order]], dtype=torch.float)
    state = cell.zero_state(inputs[:, 0])
    outputs, _ = cell.sequence(inputs, state)
    assert outputs.sum(-1).tolist() == [sums]
    for position, wanted in enumerate(sums):
        output, state = cell.step(inputs[:, position], state)
        assert output.sum().item() == wanted


def test_the_forget_gate_starts_open_and_the_others_half_open() -> None:
    cell = LSTMCell(3, 4)
    memory = torch.randn(2, 4)
    hidden, (_, after) = cell.step(torch.zeros(2, 3), (torch.zeros(2, 4), memory))
    torch.testing.assert_close(after, torch.sigmoid(torch.tensor(1.0)) * memory)
    torch.testing.assert_close(hidden, 0.5 * torch.tanh(after))


@pytest.mark.parametrize("name", CELLS)
def test_recurrent_weights_start_orthogonal_in_each_gate(name: str) -> None:
    weight = CELLS[name](3, 6).kernel.weight_hh_l0
    for gate in weight.split(6):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6))
