"""The cells: the formula, the fused kernel and an independent computation are one function."""

from functools import partial
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seq2seq.config.model import ModelSettings
from seq2seq.errors import SettingsError
from seq2seq.models.cells.elman import ElmanCell
from seq2seq.models.cells.gated import GRUCell, LSTMCell, NormalizedLSTMCell
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.dropout import NO_DROPOUT, DropoutMasks, dropout_mask
from tests.support.models import drops_state, drops_weights

BUILDERS: dict[str, Any] = {
    "elman": ElmanCell,
    "elman-relu": partial(ElmanCell, nonlinearity="relu"),
    "gru": GRUCell,
    "lstm": LSTMCell,
}
every_cell = pytest.mark.parametrize("name", BUILDERS)
all_cells = pytest.mark.parametrize("name", CELLS)  # those, too, that no kernel computes
with_recurrent_weight = pytest.mark.parametrize("name", [*filter(drops_weights, CELLS)])
LENGTHS = torch.tensor([2, 6, 1, 4])


def make(name: str, bias: bool = True) -> Any:
    """A float64 cell from 3 inputs to 4 units, with random weights and biases."""
    cell = BUILDERS[name](3, 4, bias=bias).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight.copy_(torch.randn(weight.shape))
    return cell


def make_any(name: str) -> Any:
    """The same for every cell that settings name."""
    cell = CELLS[name](3, 4).double()
    with torch.no_grad():
        for weight in cell.parameters():
            weight.copy_(torch.randn(weight.shape))
    return cell


def learned(cell: Any) -> list[torch.Tensor]:
    """The weights that training changes: a reservoir has none."""
    return [weight for weight in cell.parameters() if weight.requires_grad]


def random_state(cell: Any, rows: int) -> tuple[torch.Tensor, ...]:
    zeros = cell.zero_state(torch.zeros(rows, 3, dtype=torch.float64))
    return tuple(torch.randn_like(part, requires_grad=True) for part in zeros)


def step_by_step(
    cell: Any, inputs: Any, state: Any, lengths: Any, noise: DropoutMasks = NO_DROPOUT
) -> tuple[Any, Any]:
    """What `sequence` promises, from `step` alone: a row that has ended stands still."""
    outputs = []
    for position in range(inputs.shape[1]):
        output, after = cell.step(inputs[:, position], state, noise)
        live = (position < lengths).unsqueeze(1)
        outputs.append(torch.where(live, output, 0.0))
        state = tuple(torch.where(live, new, old) for new, old in zip(after, state, strict=True))
    return torch.stack(outputs, dim=1), state


def test_settings_names_build_these_cells() -> None:
    assert CELLS.keys() == set(get_args(get_type_hints(ModelSettings)["cell"]))
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


@all_cells
def test_other_shapes_are_refused_with_the_shapes_that_are_expected(name: str) -> None:
    cell = CELLS[name](3, 4)
    step, sequence = torch.zeros(2, 3), torch.zeros(2, 5, 3)
    state = cell.zero_state(step)
    time_first = sequence.transpose(0, 1)
    for run, inputs, given in [
        (cell.step, step, state[0]),
        (cell.step, step, [*state]),
        (cell.step, step, (*state, state[0])),
        (cell.step, step, (torch.zeros(2, 3),) * len(state)),
        (cell.step, sequence, state),
        (cell.step, step[0], state),
        (cell.sequence, sequence, state[0]),
        (cell.sequence, time_first, state),
        (cell.sequence, step, state),
        (cell.sequence, sequence, tuple(part.unsqueeze(0) for part in state)),
    ]:
        with pytest.raises(SettingsError, match=r"\(batch_size, 4\)") as caught:
            run(inputs, given)
        length = "length, " if run == cell.sequence else ""
        assert f"(batch_size, {length}input_size)" in str(caught.value)
        assert str(tuple(inputs.shape)) in str(caught.value)


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
    torch.testing.assert_close(cell.project_inputs(inputs) + cell.project_state(hidden), joined)


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


def test_the_textbook_lstm_with_hand_set_gates() -> None:
    """Hung-yi Lee's example: x2 = 1 writes x1, x2 = -1 forgets, x3 = 1 reads the memory out."""
    cell = LSTMCell(3, 1, activation="linear")
    inputs = torch.tensor([[[3, 1, 0], [4, 1, 0], [2, 0, 0], [1, 0, 1], [3, -1, 0]]]).float()
    with torch.no_grad():
        # Rows: input gate, forget gate, candidate, output gate.
        cell.weight("weight_ih_l0").copy_(
            torch.tensor([[0, 100, 0], [0, 100, 0], [1, 0, 0], [0, 0, 100]])
        )
        cell.bias("bias_ih_l0").copy_(torch.tensor([-10, 10, 0, -10]))
        cell.weight("weight_hh_l0").zero_()
    state = cell.zero_state(inputs[:, 0])
    outputs, (last, forgotten) = cell.sequence(inputs, state)
    memories = []
    for vector, expected in zip(inputs.unbind(1), outputs.unbind(1), strict=True):
        output, state = cell.step(vector, state)
        torch.testing.assert_close(output, expected)
        memories.append(state[1])
    # A closed gate lets σ(-10) = 0.00005 through.
    tolerance = {"rtol": 0, "atol": 2e-3}
    torch.testing.assert_close(outputs.flatten(), torch.tensor([0.0, 0, 0, 7, 0]), **tolerance)
    torch.testing.assert_close(
        torch.cat(memories).flatten(), torch.tensor([3.0, 7, 7, 7, 0]), **tolerance
    )
    torch.testing.assert_close((last, forgotten), state)


def test_a_linear_lstm_is_the_formula_without_tanh() -> None:
    cell = LSTMCell(3, 4, activation="linear").double()
    inputs, state = torch.randn(2, 3, dtype=torch.float64), random_state(cell, 2)
    i, f, g, o = (cell.project_inputs(inputs) + cell.project_state(state[0])).chunk(4, dim=-1)
    memory = f.sigmoid() * state[1] + i.sigmoid() * g
    torch.testing.assert_close(cell.step(inputs, state)[1], (o.sigmoid() * memory, memory))
    with pytest.raises(SettingsError, match="'relu' is not one of tanh, linear"):
        LSTMCell(3, 4, activation="relu")  # type: ignore[arg-type]


def test_the_forget_gate_starts_open_and_the_others_half_open() -> None:
    cell = LSTMCell(3, 4)
    memory = torch.randn(2, 4)
    hidden, (_, after) = cell.step(torch.zeros(2, 3), (torch.zeros(2, 4), memory))
    torch.testing.assert_close(after, torch.sigmoid(torch.tensor(1.0)) * memory)
    torch.testing.assert_close(hidden, 0.5 * torch.tanh(after))


@pytest.mark.parametrize("name", [*BUILDERS, "jordan", "leaky", "echo-state", "lstm-norm"])
def test_recurrent_weights_start_orthogonal_in_each_gate(name: str) -> None:
    weight = CELLS[name](3, 6).kernel.weight_hh_l0
    radius = 0.9 if name == "echo-state" else 1.0
    for gate in weight.split(6):
        torch.testing.assert_close(gate @ gate.T, radius**2 * torch.eye(6))


# What training hides.


def masks(cell: Any, rows: int, *names: str) -> DropoutMasks:
    """Masks of the named parts."""
    shapes = {"state": (rows, 4)}
    if "weights" in names:
        shapes["weights"] = tuple(cell.recurrent_weight().shape)
    return DropoutMasks(
        **{name: dropout_mask(0.4, shapes[name], torch.zeros(rows)) for name in names}
    )


@all_cells
@pytest.mark.parametrize("names", [(), ("state",), ("weights",), ("state", "weights")])
def test_steps_equal_the_sequence_under_masks_forward_and_backward(
    name: str, names: tuple[str, ...]
) -> None:
    if "weights" in names and not drops_weights(name):
        pytest.skip("it has no recurrent weight matrix, and refuses weight dropout")
    if "state" in names and not drops_state(name):
        pytest.skip("it multiplies its state with no weights, and refuses state dropout")
    cell = make_any(name)
    inputs = torch.randn(4, 6, 3, dtype=torch.float64, requires_grad=True)
    state, noise = random_state(cell, 4), masks(cell, 4, *names)
    fused = cell.sequence(inputs, state, LENGTHS, noise)
    stepped = step_by_step(cell, inputs, state, LENGTHS, noise)
    weights = [torch.randn_like(part) for part in (fused[0], *fused[1])]
    gradients = []
    for outputs, final in (fused, stepped):
        total = sum((w * x).sum() for w, x in zip(weights, (outputs, *final), strict=True))
        gradients.append(
            torch.autograd.grad(
                total,
                [inputs, *state, *learned(cell)],
                allow_unused=name == "sru",  # its state h is never read
                materialize_grads=name == "sru",
            )
        )
    torch.testing.assert_close(fused, stepped)
    torch.testing.assert_close(*gradients)
    for part in names:  # each mask makes a difference
        without = cell.sequence(inputs, state, LENGTHS, noise._replace(**{part: None}))
        assert not torch.allclose(without[0], fused[0])


@with_recurrent_weight
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_dropped_weights_are_those_the_kernel_runs_with(
    name: str, lengths: torch.Tensor | None
) -> None:
    cell, inputs = make_any(name), torch.randn(4, 6, 3, dtype=torch.float64)
    state, noise = random_state(cell, 4), masks(cell, 4, "weights")
    raw = cell.recurrent_weight()
    before = raw.detach().clone()
    dropped = cell.sequence(inputs, state, lengths, noise)
    sum((torch.randn_like(part) * part).sum() for part in (dropped[0], *dropped[1])).backward()
    assert cell.recurrent_weight() is raw
    assert torch.equal(raw, before)
    if raw.requires_grad:
        assert torch.equal(raw.grad != 0, noise.weights != 0)  # only what was kept learns
    with torch.no_grad():
        raw.mul_(noise.weights)
    torch.testing.assert_close(dropped, cell.sequence(inputs, state, lengths))


@with_recurrent_weight
def test_a_hidden_state_still_goes_on_to_what_needs_no_product(name: str) -> None:
    """The mask is on the state in U h, and nowhere else."""
    cell, inputs = make_any(name), torch.randn(4, 3, dtype=torch.float64)
    state = random_state(cell, 4)
    hidden = DropoutMasks(state=torch.zeros(4, 4))
    _, after = cell.step(inputs, state, hidden)
    with torch.no_grad():
        cell.recurrent_weight().zero_()
    torch.testing.assert_close(after, cell.step(inputs, state)[1])


@all_cells
def test_zoneout_moves_each_unit_by_its_expectation_in_evaluation(name: str) -> None:
    cell, inputs = make_any(name).eval(), torch.randn(4, 6, 3, dtype=torch.float64)
    state = random_state(cell, 4)
    _, plain = cell.step(inputs[:, 0], state)
    cell.zoneout = 0.3
    output, after = cell.step(inputs[:, 0], state)
    for old, new, got in zip(state, plain, after, strict=True):
        torch.testing.assert_close(got, 0.3 * old + 0.7 * new)
    assert torch.equal(output, after[0])
    found = cell.sequence(inputs, state, LENGTHS)
    torch.testing.assert_close(found, step_by_step(cell, inputs, state, LENGTHS))
    cell.zoneout = 0.0
    torch.testing.assert_close(cell.step(inputs[:, 0], state)[1], plain, rtol=0, atol=0)


@all_cells
def test_zoneout_keeps_units_or_moves_them_in_training(name: str) -> None:
    cell, inputs = make_any(name).train(), torch.randn(500, 3, dtype=torch.float64)
    state = random_state(cell, 500)
    _, plain = cell.step(inputs, state)
    cell.zoneout = 0.3
    _, after = cell.step(inputs, state)
    kept = []
    for old, new, got in zip(state, plain, after, strict=True):
        assert ((got == old) | (got == new)).all()
        kept.append(got == old)
        assert kept[-1].double().mean().item() == pytest.approx(0.3, abs=0.05)
        assert len(kept[-1].unique(dim=0)) > 8  # each sentence has its own
    assert len(kept) == 1 or not torch.equal(*kept)  # and each part of a state
    _, again = cell.step(inputs, state)
    assert not torch.equal(again[0] == state[0], kept[0])  # and each step


@all_cells
def test_zoneout_leaves_a_row_that_has_ended_alone(name: str) -> None:
    cell, inputs = make_any(name).train(), torch.randn(4, 6, 3, dtype=torch.float64)
    cell.zoneout = 0.3
    outputs, final = cell.sequence(inputs, random_state(cell, 4), LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        assert torch.equal(final[0][row], outputs[row, length - 1])
        assert not outputs[row, length:].any()


# The LSTM with layer normalization.


def test_the_normalized_lstm_equals_the_formula_by_hand() -> None:
    """Ba et al. (2016), equations 20 to 22, in numpy; one bias would do for the paper's three."""
    cell = make_any("lstm-norm")
    inputs, state = torch.randn(1, 3, dtype=torch.float64), random_state(cell, 1)
    weights = {name: weight.detach().numpy() for name, weight in cell.named_parameters()}
    h, c = (part[0].detach().numpy() for part in state)

    def normal(values: Any) -> Any:
        return (values - values.mean()) / np.sqrt(values.var() + 1e-5)

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    sums = (
        weights["norm_state.weight"] * normal(weights["kernel.weight_hh_l0"] @ h)
        + weights["norm_input.weight"] * normal(weights["kernel.weight_ih_l0"] @ inputs[0].numpy())
        + weights["kernel.bias_ih_l0"]
        + weights["kernel.bias_hh_l0"]
    )
    i, f, g, o = np.split(sums, 4)
    memory = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    shown = weights["norm_memory.weight"] * normal(memory) + weights["norm_memory.bias"]
    expected = [sigmoid(o) * np.tanh(shown), memory]
    _, after = cell.step(inputs, state)
    for part, wanted in zip(after, expected, strict=True):
        np.testing.assert_allclose(part[0].detach().numpy(), wanted, rtol=1e-10)


@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l0"])
def test_normalization_takes_the_size_of_the_weights_away(name: str) -> None:
    inputs = torch.randn(4, 6, 3, dtype=torch.float64)
    normalized, plain = make_any("lstm-norm"), make_any("lstm")
    state = random_state(plain, 4)
    found = []
    for cell in (normalized, plain):
        before = cell.sequence(inputs, state, LENGTHS)[0]
        with torch.no_grad():
            getattr(cell.kernel, name).mul_(10)
        after = cell.sequence(inputs, state, LENGTHS)[0]
        found.append((after - before).abs().max())
    assert found[0] < 1e-3 < 0.1 < found[1]  # but for the epsilon under the root


@all_cells
def test_gradients_stay_small_where_a_sentence_begins_with_dropped_words(name: str) -> None:
    cell = CELLS[name](8, 8)
    inputs = torch.randn(2, 40, 8)
    inputs[:, :35] = 0
    outputs, _ = cell.sequence(inputs.requires_grad_(), cell.zero_state(inputs[:, 0]))
    gradients = torch.autograd.grad(outputs[:, -1].sum(), learned(cell) or [inputs])
    assert max(gradient.abs().max() for gradient in gradients) < 1e3


def test_the_normalized_lstm_starts_with_the_forget_gate_open() -> None:
    cell = NormalizedLSTMCell(3, 4)
    memory, bias = torch.randn(2, 4), cell.kernel.bias_ih_l0.detach()[8:12]
    _, (_, after) = cell.step(torch.zeros(2, 3), (torch.zeros(2, 4), memory))
    expected = torch.sigmoid(torch.tensor(1.0)) * memory + 0.5 * torch.tanh(bias)
    torch.testing.assert_close(after, expected)
    assert len(bias.unique()) == 4
