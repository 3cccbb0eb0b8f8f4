"""Stacks: depth and sizes, residual, dropout, both directions, and pads that reach nothing."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seq2seq.decoding.interface import select_rows
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.rnn import (
    EncoderStack,
    RecurrentStack,
    Regularization,
    reversed_positions,
)

SIZES = [(4,), (5, 5), (4, 7, 7, 3)]
LENGTHS = torch.tensor([3, 6, 1, 5])


def randomized(stack: Any) -> Any:
    """The stack in float64, biases not zero."""
    with torch.no_grad():
        for weight in stack.double().parameters():
            weight += 0.3 * torch.randn_like(weight)
    return stack.eval()


def values(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("residual", [False, True])
def test_a_stack_of_any_depth_and_sizes_runs_the_same_by_steps(
    cell: str, sizes: tuple[int, ...], residual: bool
) -> None:
    stack = randomized(RecurrentStack(cell, 4, sizes, residual=residual))
    inputs = values(3, 5, 4)
    state = stack.zero_state(inputs[:, 0])
    outputs, final = stack.sequence(inputs, state)
    assert stack.sizes[1:] == sizes
    assert [layer[0].shape[1] for layer in final.layers] == list(sizes)
    assert outputs.shape == (3, 5, stack.output_size)
    for position in range(5):
        output, state = stack.step(inputs[:, position], state)
        torch.testing.assert_close(output, outputs[:, position])
    torch.testing.assert_close(state, final)


@pytest.mark.parametrize("residual", [False, True])
def test_residual_adds_inputs_exactly_where_sizes_allow(residual: bool) -> None:
    stack = randomized(RecurrentStack("gru", 4, (4, 6, 6), residual=residual))
    current = inputs = values(2, 5, 4)
    state = stack.zero_state(inputs[:, 0])
    for cell, added in zip(stack.cells, (True, False, True), strict=True):
        outputs, _ = cell.sequence(current, cell.zero_state(current[:, 0]))
        current = outputs + current if residual and added else outputs
    torch.testing.assert_close(stack.sequence(inputs, state)[0], current)


def prepared(kind: str, sizes: tuple[int, ...], dropout: float) -> tuple[Any, Any]:
    """A stack, and a function that runs it on fixed inputs."""
    inputs = values(4, 6, 3)
    if kind == "encoder":
        encoder = randomized(EncoderStack("gru", 3, sizes, Regularization(dropout)))
        return encoder, lambda: encoder.sequence(inputs, LENGTHS)
    decoder = randomized(RecurrentStack("gru", 3, sizes, Regularization(dropout)))
    state = decoder.zero_state(inputs[:, 0])
    if kind == "step":
        return decoder, lambda: decoder.step(inputs[:, 0], state)
    return decoder, lambda: decoder.sequence(inputs, state)


@pytest.mark.parametrize("kind", ["encoder", "step", "sequence"])
def test_dropout_acts_in_training_only_and_between_layers_only(kind: str) -> None:
    stack, run = prepared(kind, (5,), dropout=0.9)
    expected = run()
    stack.train()
    torch.testing.assert_close(run(), expected)  # one layer: nothing is between layers

    stack, run = prepared(kind, (5, 5), dropout=0.5)
    outputs, final = run()
    torch.testing.assert_close(run()[0], outputs)
    stack.train()
    dropped, dropped_final = run()
    assert not torch.allclose(dropped, outputs)
    assert not torch.allclose(run()[0], dropped)
    torch.testing.assert_close(dropped_final.layers[0], final.layers[0])


@pytest.mark.slow
@pytest.mark.parametrize("garbage", [1e9, float("nan"), float("inf")])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("sizes", [(4,), (2, 2), (2, 4, 4)])
def test_what_stands_on_pads_reaches_no_output_and_no_state(
    cell: str, bidirectional: bool, residual: bool, sizes: tuple[int, ...], garbage: float
) -> None:
    stack = randomized(EncoderStack(cell, 4, sizes, bidirectional=bidirectional, residual=residual))
    inputs = values(4, 8, 4)  # longer than the longest row
    real = torch.arange(8) < LENGTHS.unsqueeze(1)
    clean = stack.sequence(inputs.masked_fill(~real.unsqueeze(-1), 0.0), LENGTHS)
    dirty = stack.sequence(inputs.masked_fill(~real.unsqueeze(-1), garbage), LENGTHS)
    torch.testing.assert_close(dirty, clean, rtol=0, atol=0)
    outputs, final = dirty
    assert outputs.shape[-1] == stack.output_size == stack.layer_sizes[-1]
    assert torch.equal(outputs[~real], torch.zeros_like(outputs[~real]))
    for row, length in enumerate(LENGTHS.tolist()):
        alone, alone_final = stack.sequence(inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        torch.testing.assert_close(select_rows(final, torch.tensor([row])), alone_final)


@pytest.mark.parametrize("sizes", [(4,), (4, 4, 4)])
@pytest.mark.parametrize(
    ("cell", "kind", "options"),
    [
        ("gru", nn.GRU, {}),
        ("lstm", nn.LSTM, {}),
        ("elman", nn.RNN, {}),
        ("elman-relu", nn.RNN, {"nonlinearity": "relu"}),
    ],
)
def test_both_directions_equal_torch_on_packed_sequences(
    cell: str, kind: Any, options: dict[str, Any], sizes: tuple[int, ...]
) -> None:
    stack = randomized(EncoderStack(cell, 3, sizes))
    other = kind(3, 4, len(sizes), batch_first=True, bidirectional=True, **options).double()
    weights = {
        f"{name.removesuffix('_l0')}_l{layer}{suffix}": weight
        for cells, suffix in ((stack.forwards, ""), (stack.backwards, "_reverse"))
        for layer, one in enumerate(cells)
        for name, weight in one.kernel.named_parameters()
    }
    other.load_state_dict(weights)
    inputs = values(4, 6, 3)
    packed = pack_padded_sequence(inputs, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, states = other(packed)
    outputs, final = stack.sequence(inputs, LENGTHS)
    torch.testing.assert_close(outputs, pad_packed_sequence(expected, batch_first=True)[0])
    for part, state in enumerate(states if cell == "lstm" else [states]):
        for layer, directions in enumerate(state.chunk(len(sizes))):
            torch.testing.assert_close(final.layers[layer][part], torch.cat([*directions], dim=-1))


def test_reversal_turns_tokens_round_and_leaves_pads() -> None:
    assert reversed_positions(torch.tensor([3, 2, 1]), 4).tolist() == [
        [2, 1, 0, 3],
        [1, 0, 2, 3],
        [0, 1, 2, 3],
    ]
