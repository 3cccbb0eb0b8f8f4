"""SRU and minGRU: formulas by hand, what they start with, what they refuse, low precision."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.config.model import UNWEIGHTED_CELLS, ModelSettings
from seq2seq.errors import SettingsError
from seq2seq.models.cells.parallel import MinGRUCell, SRUCell
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.dropout import DropoutMasks
from seq2seq.models.rnn import EncoderStack, RecurrentStack
from tests.support.models import drops_weights

LENGTHS = torch.tensor([2, 9, 1, 6])

every_cell = pytest.mark.parametrize("name", UNWEIGHTED_CELLS)


def randomized(cell: Any) -> Any:
    """The cell in float64, with random weights and biases."""
    with torch.no_grad():
        for weight in cell.double().parameters():
            weight.copy_(torch.randn(weight.shape))
    return cell


def numbers(cell: Any) -> dict[str, Any]:
    """All weights by name, in numpy."""
    return {name: weight.detach().numpy() for name, weight in cell.named_parameters()}


def values(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


# Formulas.


@pytest.mark.parametrize("input_size", [3, 4])
def test_an_sru_equals_the_formula_by_hand(input_size: int) -> None:
    cell = randomized(SRUCell(input_size, 4))
    weights, inputs, state = numbers(cell), values(1, 5, input_size), (values(1, 4), values(1, 4))
    candidate, forget, reset, *highway = np.split(
        weights["input.weight"], len(cell.input.weight) // 4
    )
    assert len(highway) == (input_size != 4)
    forget_bias, reset_bias = np.split(weights["bias"], 2)
    c = state[1][0].numpy()
    outputs, final = cell.sequence(inputs, state)
    for position, x in enumerate(inputs[0].numpy()):
        f, r = sigmoid(forget @ x + forget_bias), sigmoid(reset @ x + reset_bias)
        c = f * c + (1 - f) * (candidate @ x)
        h = r * c + (1 - r) * (highway[0] @ x if highway else math.sqrt(3) * x)
        np.testing.assert_allclose(outputs[0, position].detach().numpy(), h, rtol=1e-10)
    for part, wanted in zip(final, (h, c), strict=True):
        np.testing.assert_allclose(part[0].detach().numpy(), wanted, rtol=1e-10)


def test_a_minimal_gru_equals_the_formula_by_hand() -> None:
    cell = randomized(MinGRUCell(3, 4))
    weights, inputs, state = numbers(cell), values(1, 5, 3), (values(1, 4),)
    h = state[0][0].numpy()
    outputs, final = cell.sequence(inputs, state)
    for position, x in enumerate(inputs[0].numpy()):
        gate, candidate = np.split(weights["input.weight"] @ x + weights["input.bias"], 2)
        h = (1 - sigmoid(gate)) * h + sigmoid(gate) * candidate
        np.testing.assert_allclose(outputs[0, position].detach().numpy(), h, rtol=1e-10)
    np.testing.assert_allclose(final[0][0].detach().numpy(), h, rtol=1e-10)


def test_an_sru_reads_its_memory_and_not_its_output() -> None:
    cell = randomized(SRUCell(3, 4))
    inputs, (h, c) = values(2, 5, 3), (values(2, 4), values(2, 4))
    torch.testing.assert_close(cell.sequence(inputs, (h, c)), cell.sequence(inputs, (h + 1, c)))
    changed = cell.sequence(inputs, (h, c + 1))[0]
    assert not torch.allclose(cell.sequence(inputs, (h, c))[0], changed)


@every_cell
@pytest.mark.parametrize("input_size", [3, 4])
@pytest.mark.parametrize("length", [1, 2, 200])
def test_steps_equal_the_sequence_at_every_length(name: str, input_size: int, length: int) -> None:
    cell = randomized(CELLS[name](input_size, 4))
    inputs = values(2, length, input_size)
    state = first = tuple(values(2, 4) for _ in range(cell.state_tensors))
    expected, final = cell.sequence(inputs, first)
    for position in range(length):
        output, state = cell.step(inputs[:, position], state)
        torch.testing.assert_close(output, expected[:, position])
    torch.testing.assert_close(state, final)


# What they start with.


def test_an_sru_starts_with_outputs_that_vary_as_its_inputs() -> None:
    for input_size in (400, 300):
        cell, inputs = SRUCell(input_size, 400), torch.randn(20, 30, input_size)
        outputs, _ = cell.sequence(inputs, cell.zero_state(inputs[:, 0]))
        assert outputs.var().item() == pytest.approx(1, abs=0.25)
        variances = [part.var().item() for part in cell.input.weight.split(400)]
        expected = [1 / input_size] * 3 + [3 / input_size] * (input_size == 300)
        assert variances == pytest.approx(expected, rel=0.05)


def test_deep_stacks_of_srus_keep_the_size_of_what_they_read() -> None:
    stack, inputs = RecurrentStack("sru", 64, (64,) * 8), torch.randn(8, 20, 64)
    outputs, _ = stack.sequence(inputs, stack.zero_state(inputs[:, 0]))
    assert 0.3 < outputs.std().item() < 3


@every_cell
def test_gates_start_half_open(name: str) -> None:
    cell = CELLS[name](3, 4)
    before = tuple(torch.randn(2, 4) for _ in range(cell.state_tensors))
    _, after = cell.step(torch.zeros(2, 3), before)
    torch.testing.assert_close(after[-1], 0.5 * before[-1])


# What they refuse.


def test_these_are_the_cells_that_refuse_state_and_weight_dropout() -> None:
    inputs, noise = torch.zeros(1, 1), DropoutMasks(state=torch.ones(1, 1))
    for name, build in CELLS.items():
        cell = build(1, 1)
        unweighted = name in UNWEIGHTED_CELLS
        assert drops_weights(name) != unweighted
        for run, given in ((cell.step, inputs), (cell.sequence, inputs.unsqueeze(1))):
            if not unweighted:
                run(given, cell.zero_state(inputs), masks=noise)
                continue
            with pytest.raises(SettingsError, match=r"--model\.state-dropout would"):
                run(given, cell.zero_state(inputs), masks=noise)


@every_cell
@pytest.mark.parametrize("kind", [ModelSettings, LanguageModelSettings])
@pytest.mark.parametrize("dropout", ["state_dropout", "weight_dropout"])
def test_settings_refuse_them_before_a_training(name: str, kind: Any, dropout: str) -> None:
    flag = f"--model.{dropout.replace('_', '-')}"
    assert not list(kind(cell=name).problems())
    (found,) = kind(cell=name, **{dropout: 0.2}).problems()
    assert found.startswith(f"{flag} has no effect with --model.cell {name}")
    assert not list(kind(cell="gru", **{dropout: 0.2}).problems())


# Low precision, lengths, depth.


@every_cell
@pytest.mark.parametrize("input_size", [24, 32])
def test_under_autocast_the_recurrence_is_in_float32(name: str, input_size: int) -> None:
    cell, inputs = CELLS[name](input_size, 32), torch.randn(4, 100, input_size)
    exact, _ = cell.sequence(inputs, cell.zero_state(inputs[:, 0]))
    with torch.autocast("cpu", torch.bfloat16):
        outputs, state = cell.sequence(inputs, cell.zero_state(inputs[:, 0].bfloat16()))
        stepped = cell.zero_state(inputs[:, 0].bfloat16())
        for vectors in inputs.unbind(1):
            output, stepped = cell.step(vectors, stepped)
    assert {part.dtype for part in (outputs, output, *state, *stepped)} == {torch.float32}
    torch.testing.assert_close(outputs, exact, rtol=0, atol=0.05)  # products are less exact
    torch.testing.assert_close(output, outputs[:, -1], rtol=0, atol=0.05)
    outputs.sum().backward()
    assert all(weight.grad.dtype == torch.float32 for weight in cell.parameters())


@every_cell
def test_what_stands_on_pads_reaches_nothing(name: str) -> None:
    cell, inputs = randomized(CELLS[name](3, 4)), values(4, 9, 3)
    state = tuple(values(4, 4) for _ in range(cell.state_tensors))
    expected = cell.sequence(inputs, state, LENGTHS)
    pads = (torch.arange(9) >= LENGTHS.unsqueeze(1)).unsqueeze(-1)
    changed = torch.where(pads, 1e30, inputs).requires_grad_()
    outputs, final = cell.sequence(changed, state, LENGTHS)
    torch.testing.assert_close((outputs, final), expected)
    assert not outputs.masked_select(pads).any()
    (gradient,) = torch.autograd.grad(outputs.sum() + sum(part.sum() for part in final), changed)
    assert gradient.isfinite().all()
    assert not gradient.masked_select(pads).any()
    assert gradient.masked_select(~pads).all()


@every_cell
@pytest.mark.parametrize("residual", [False, True])
def test_stacks_are_deep_in_both_directions(name: str, residual: bool) -> None:
    stack = EncoderStack(name, 8, (4, 4, 4, 4), residual=residual).double()
    inputs = values(4, 9, 8)
    outputs, state = stack.sequence(inputs, LENGTHS)
    assert outputs.shape == (4, 9, 8)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, state_alone = stack.sequence(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        for layer, layer_alone in zip(state.layers, state_alone.layers, strict=True):
            for part, part_alone in zip(layer, layer_alone, strict=True):
                torch.testing.assert_close(part[row], part_alone[0])
