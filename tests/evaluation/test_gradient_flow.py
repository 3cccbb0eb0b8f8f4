"""Gradient flow: textbook numbers, Jacobians multiplied out, each state handed in by itself."""

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.gradient_flow import (
    GradientFlow,
    as_table,
    gradient_flow,
    steps_back,
)
from seq2seq.models.cells.base import Cell
from seq2seq.models.cells.elman import ElmanCell
from seq2seq.models.cells.gated import LSTMCell
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.rnn import RecurrentStack


def total(output: Tensor) -> Tensor:
    """The sum of a row's last output."""
    return output.sum(dim=-1)


def randomized(cell: Any) -> Any:
    """The cell in float64, with random weights and biases."""
    with torch.no_grad():
        for weight in cell.double().parameters():
            weight.copy_(0.6 * torch.randn(weight.shape))
    return cell


def scalar(weight: float, length: int) -> tuple[ElmanCell, Tensor]:
    """h_t = w h_{t-1}, and inputs that make h_1 = 1: rectified units are linear above 0."""
    cell = ElmanCell(1, 1, nonlinearity="relu", bias=False).double()
    with torch.no_grad():
        cell.weight("weight_ih_l0").fill_(1.0)
        cell.weight("weight_hh_l0").fill_(weight)
    inputs = torch.zeros(1, length, 1, dtype=torch.float64)
    inputs[:, 0] = 1.0
    return cell, inputs


@pytest.mark.parametrize(
    ("weight", "expected"), [(1.0, 1.0), (1.01, 20959.155637813845), (0.99, 4.317124741065786e-05)]
)
def test_the_textbook_scalar_network_over_1000_steps(weight: float, expected: float) -> None:
    """Hung-yi Lee's example: w = 1 gives 1, a hundredth more 20,959, a hundredth less almost 0."""
    flow = gradient_flow(*scalar(weight, 1001), total)
    assert flow.hidden.shape == (1001,)
    assert flow.memory is None
    assert flow.hidden[0].item() == pytest.approx(expected, rel=1e-12)
    wanted = [weight**back for back in range(1000, -1, -1)]
    torch.testing.assert_close(flow.hidden, torch.tensor(wanted, dtype=torch.float64))


def test_an_elman_cell_multiplies_jacobians() -> None:
    cell = randomized(ElmanCell(3, 4))
    inputs = torch.randn(2, 6, 3, dtype=torch.float64)
    recurrent = cell.weight("weight_hh_l0").detach()
    states = cell.sequence(inputs, cell.zero_state(inputs[:, 0]))[0].detach()
    goal = torch.randn(2, 4, dtype=torch.float64)
    expected = []
    for row in range(2):
        gradient = 2 * (states[row, -1] - goal[row])
        norms = [gradient.norm()]
        for position in range(5, 0, -1):
            jacobian = torch.diag(1 - states[row, position] ** 2) @ recurrent  # ∂h_t/∂h_{t-1}
            gradient = jacobian.T @ gradient
            norms.insert(0, gradient.norm())
        expected.append(torch.stack(norms))
    flow = gradient_flow(cell, inputs, lambda last: (last - goal).square().sum(dim=-1))
    torch.testing.assert_close(flow.hidden, torch.stack(expected).mean(dim=0))


def from_step(cell: Cell, inputs: Tensor, state: Any) -> tuple[Tensor, ...]:
    """∂loss/∂ each part of a state that is given, and from which the inputs are read to the end."""
    given = tuple(part.detach().clone().requires_grad_() for part in state)
    output, state = given[0], given
    for vectors in inputs.unbind(1):
        output, state = cell.step(vectors, state)
    return torch.autograd.grad(total(output).sum(), given, materialize_grads=True)


@pytest.mark.parametrize("name", CELLS)
def test_each_norm_is_that_of_a_state_which_is_handed_in(name: str) -> None:
    cell = randomized(CELLS[name](3, 4))
    inputs = torch.randn(3, 7, 3, dtype=torch.float64)
    flow = gradient_flow(cell, inputs, total)
    state = cell.zero_state(inputs[:, 0])
    for position, vectors in enumerate(inputs.unbind(1)):
        before = tuple(part.detach().requires_grad_() for part in state)
        state = cell.step(vectors, before)[1]
        later = from_step(cell, inputs[:, position + 1 :], state)
        # One part may be made of another, as h_t of c_t: what arrives at h_t goes on to c_t.
        whole = torch.autograd.grad(state, state, later)
        for norms, gradient in zip(flow, whole, strict=False):
            assert norms[position].item() == pytest.approx(gradient.norm(dim=-1).mean().item())
    assert (flow.memory is None) == (len(state) == 1)


def test_what_arrives_at_the_hidden_state_of_an_lstm_goes_on_to_its_memory_cell() -> None:
    """At the last step: ∂loss/∂c is o times the slope of tanh, by the formula."""
    cell = randomized(LSTMCell(3, 4))
    inputs = torch.randn(3, 1, 3, dtype=torch.float64)
    output_gate = torch.sigmoid(
        (cell.project_inputs(inputs[:, 0]) + cell.project_state(torch.zeros(3, 4).double()))[:, 12:]
    )
    _, (_, memory) = cell.step(inputs[:, 0], cell.zero_state(inputs[:, 0]))
    flow = gradient_flow(cell, inputs, total)
    expected = output_gate * (1 - torch.tanh(memory) ** 2)
    assert flow.memory is not None
    assert flow.memory.item() == pytest.approx(expected.norm(dim=-1).mean().item())
    assert flow.hidden.item() == pytest.approx(2.0)  # of four ones


def test_the_textbook_lstm_remembers_in_its_memory_cell_alone() -> None:
    """Its gates do not look at h: nothing reaches h_t, and all of it c_t until it is forgotten."""
    cell = LSTMCell(3, 1, activation="linear")
    with torch.no_grad():
        cell.weight("weight_ih_l0").copy_(
            torch.tensor([[0, 100, 0], [0, 100, 0], [1, 0, 0], [0, 0, 100]])
        )
        cell.bias("bias_ih_l0").copy_(torch.tensor([-10, 10, 0, -10]))
        cell.weight("weight_hh_l0").zero_()
    inputs = torch.tensor([[[3, 1, 0], [3, -1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1]]]).float()
    flow = gradient_flow(cell, inputs, total)
    assert flow.memory is not None
    assert flow.hidden.tolist() == [0, 0, 0, 0, 1]
    assert flow.memory.tolist() == pytest.approx([0, 1, 1, 1, 1], abs=1e-3)


def test_an_lstm_with_open_forget_gates_passes_what_an_elman_cell_loses() -> None:
    inputs = torch.randn(8, 100, 5)
    lstm, elman = LSTMCell(5, 16), ElmanCell(5, 16)
    with torch.no_grad():
        lstm.bias("bias_ih_l0")[16:32] = 10.0
        for cell in (lstm, elman):
            cell.weight("weight_hh_l0").mul_(0.5)
    passed, lost = (gradient_flow(cell, inputs, total) for cell in (lstm, elman))
    assert passed.memory is not None
    assert passed.memory[0] > 0.5 * passed.memory[-1]
    assert 0 < lost.hidden[0] < 1e-25 * lost.hidden[-1]


def test_a_stack_shows_its_top_layer() -> None:
    stack = RecurrentStack("gru", 3, (4, 5)).double()
    inputs = torch.randn(2, 6, 3, dtype=torch.float64)
    lower, upper = stack.cells
    below = lower.sequence(inputs, lower.zero_state(inputs[:, 0]))[0]
    found = gradient_flow(stack, inputs, total)
    torch.testing.assert_close(found.hidden, gradient_flow(upper, below, total).hidden)


def test_norms_are_averaged_over_the_rows_of_a_batch() -> None:
    cell, inputs = LSTMCell(3, 4), torch.randn(5, 7, 3)
    together = gradient_flow(cell, inputs, total)
    alone = [gradient_flow(cell, inputs[row : row + 1], total) for row in range(5)]
    for part in (0, 1):
        mean = torch.stack([each[part] for each in alone]).mean(dim=0)
        torch.testing.assert_close(together[part], mean)


def test_the_layers_are_left_as_they_are_and_nothing_is_dropped() -> None:
    stack = RecurrentStack("gru", 3, (4, 4)).train()
    stack.regularization = stack.regularization._replace(dropout=0.5, state=0.5)
    inputs = torch.randn(2, 6, 3)
    with torch.no_grad():
        found = gradient_flow(stack, inputs, total)
        torch.testing.assert_close(gradient_flow(stack, inputs, total), found, rtol=0, atol=0)
    assert stack.training
    assert all(weight.dtype == torch.float32 for weight in stack.parameters())
    assert all(weight.requires_grad and weight.grad is None for weight in stack.parameters())
    assert not inputs.requires_grad


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((2, 3), {}, DataError, r"they are \(2, 3\)"),
        ((2, 0, 3), {}, DataError, r"they are \(2, 0, 3\)"),
        ((2, 5, 3), {"loss": torch.sum}, SettingsError, r"of 2 rows.* of shape \(\)"),
        ((2, 5, 3), {"loss": lambda last: torch.ones(2)}, SettingsError, "depend on it"),
    ],
)
def test_what_can_not_be_measured(
    shape: tuple[int, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    stack = RecurrentStack("elman", 3, (4, 4))
    with pytest.raises(error, match=message):
        gradient_flow(stack, torch.zeros(shape), **{"loss": total, **options})


# What is printed.


def powers(base: float, length: int) -> Tensor:
    return base ** torch.arange(length - 1, -1, -1, dtype=torch.float64)


def test_a_table_has_rows_by_steps_back_and_a_column_for_each_tensor() -> None:
    flows = {
        "elman": GradientFlow(powers(0.5, 13), None),
        "a long name": GradientFlow(powers(0.5, 3), powers(2.0, 3)),
    }
    assert as_table(flows).splitlines() == [
        "steps back      elman  a long name, h  a long name, c",
        "         0   1.00e+00        1.00e+00        1.00e+00",
        "         1   5.00e-01        5.00e-01        2.00e+00",
        "         2   2.50e-01        2.50e-01        4.00e+00",
        "         5   3.12e-02",
        "        10   9.77e-04",
        "        12   2.44e-04",
    ]


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, [0]),
        (2, [0, 1]),
        (30, [0, 1, 2, 5, 10, 20, 29]),
        (1001, [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
    ],
)
def test_rows_of_a_table(length: int, expected: list[int]) -> None:
    assert steps_back(length) == expected


def test_json_has_all_norms_and_no_number_that_json_does_not_know() -> None:
    flow = GradientFlow(torch.tensor([math.inf, 2.0]), torch.tensor([math.nan, 0.0]))
    found = json.loads(json.dumps(flow.as_dict(), allow_nan=False))
    assert found == {"hidden": [None, 2.0], "memory": [None, 0.0]}
    assert GradientFlow(powers(0.5, 2), None).as_dict() == {"hidden": [0.5, 1.0], "memory": None}
