"""Jordan, leaky and echo-state cells: formulas by hand, time constants, a reservoir's promises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import make_batch
from seq2seq.errors import SettingsError
from seq2seq.models.cells.elman import EchoStateCell, ElmanCell, JordanCell, LeakyCell
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.rnn import EncoderStack, RecurrentStack
from seq2seq.models.translation import TranslationModel
from seq2seq.runs.checkpoint import load_weights, named_weights
from seq2seq.runs.tensors import load_tensors, save_tensors
from seq2seq.training.averaging import MovingAverage, mean_weights, swapped_weights
from seq2seq.training.optimizer import build_optimizer, clip_gradients

Build = Callable[..., TranslationModel]
BATCH = make_batch([[4, 5, 6], [7, 8, 4, 9, 10]], [[6, 7, 6, 8], [4]])


def randomized(cell: Any) -> Any:
    """The cell in float64, with random weights and biases."""
    with torch.no_grad():
        for weight in cell.double().parameters():
            weight.copy_(torch.randn(weight.shape))
    return cell


def values(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


def numbers(cell: Any) -> dict[str, Any]:
    """All weights by name, in numpy."""
    return {name: weight.detach().numpy() for name, weight in cell.named_parameters()}


def weighted_sum(weights: dict[str, Any], x: Any, before: Any) -> Any:
    """W x + b + U h + c of one row, in numpy."""
    return (
        weights["kernel.weight_ih_l0"] @ x
        + weights["kernel.bias_ih_l0"]
        + weights["kernel.weight_hh_l0"] @ before
        + weights["kernel.bias_hh_l0"]
    )


def inner(weights: dict[str, Any], x: Any, before: Any) -> Any:
    """tanh(W x + b + U h + c) of one row, in numpy."""
    return np.tanh(weighted_sum(weights, x, before))


# Formulas.


def test_a_jordan_cell_feeds_its_output_back() -> None:
    cell = randomized(JordanCell(3, 4))
    weights, inputs, state = numbers(cell), values(1, 5, 3), (values(1, 4),)
    outputs, final = cell.sequence(inputs, state)
    expected = state[0][0].numpy()
    for position in range(5):
        hidden = inner(weights, inputs[0, position].numpy(), expected)
        expected = np.tanh(weights["output.weight"] @ hidden + weights["output.bias"])
        np.testing.assert_allclose(outputs[0, position].detach(), expected, rtol=1e-12)
    assert len(final) == 1
    assert torch.equal(final[0], outputs[:, -1])


@pytest.mark.parametrize(
    ("nonlinearity", "function"),
    [("sigmoid", lambda total: 1 / (1 + np.exp(-total))), ("linear", lambda total: total)],
)
def test_an_elman_network_with_other_units(
    nonlinearity: Any, function: Callable[[Any], Any]
) -> None:
    cell = randomized(ElmanCell(3, 4, nonlinearity=nonlinearity))
    weights, inputs, state = numbers(cell), values(1, 5, 3), (values(1, 4),)
    outputs, _ = cell.sequence(inputs, state)
    expected = state[0][0].numpy()
    for position in range(5):
        expected = function(weighted_sum(weights, inputs[0, position].numpy(), expected))
        np.testing.assert_allclose(outputs[0, position].detach(), expected, rtol=1e-12)


def test_the_sigmoid_network_is_one_that_settings_name() -> None:
    cell = CELLS["elman-sigmoid"](3, 4)
    output, _ = cell.step(torch.zeros(1, 3), cell.zero_state(torch.zeros(1, 3)))
    assert output.tolist() == [[0.5] * 4]
    with pytest.raises(SettingsError, match="'sigmoids' is not one of tanh, relu, sigmoid, linear"):
        ElmanCell(3, 4, nonlinearity="sigmoids")  # type: ignore[arg-type]


def test_a_leaky_cell_mixes_old_and_new_by_its_rates() -> None:
    cell = randomized(LeakyCell(3, 4))
    weights, inputs, state = numbers(cell), values(1, 5, 3), (values(1, 4),)
    outputs, final = cell.sequence(inputs, state)
    rates = 1 / (1 + np.exp(-weights["rate_logits"]))
    np.testing.assert_allclose(cell.rates.detach(), rates, rtol=1e-12)
    expected = state[0][0].numpy()
    for position in range(5):
        new = inner(weights, inputs[0, position].numpy(), expected)
        expected = (1 - rates) * expected + rates * new
        np.testing.assert_allclose(outputs[0, position].detach(), expected, rtol=1e-12)
    assert torch.equal(final[0], outputs[:, -1])


def test_a_leaky_cell_with_rates_of_1_is_an_elman_cell() -> None:
    cell, elman = randomized(LeakyCell(3, 4)), ElmanCell(3, 4).double()
    with torch.no_grad():
        cell.rate_logits.fill_(50.0)
    elman.kernel.load_state_dict(cell.kernel.state_dict())
    inputs, state = values(2, 5, 3), (values(2, 4),)
    torch.testing.assert_close(cell.sequence(inputs, state), elman.sequence(inputs, state))


# Time constants.


@pytest.mark.parametrize("size", [1, 2, 3, 64, 2048])
def test_time_constants_start_evenly_over_the_scales_from_1_step_to_100(size: int) -> None:
    constants = 1 / LeakyCell(3, size).double().rates.detach()
    assert (constants > 1).all()
    assert (constants < 100).all()
    for low, high in ((1, 10), (10, 100)):
        inside = ((constants > low * 0.999) & (constants < high * 1.001)).sum().item()
        assert abs(inside - size / 2) <= 1
    torch.testing.assert_close(
        constants.log().mean(), torch.tensor(10.0, dtype=torch.float64).log(), rtol=1e-4, atol=0
    )


def test_a_unit_without_drive_decays_by_its_time_constant() -> None:
    cell = LeakyCell(3, 8).double()
    with torch.no_grad():
        cell.weight("weight_hh_l0").zero_()
    steps = 200
    _, (state,) = cell.sequence(
        torch.zeros(1, steps, 3).double(), (torch.ones(1, 8, dtype=torch.float64),)
    )
    torch.testing.assert_close(state[0], (1 - cell.rates) ** steps)
    assert state[0, -1] > 0.05 > 1e-9 > state[0, 0]  # the slow one still knows, the fast one not


@pytest.mark.parametrize(("wanted", "sign"), [(0, -1), (-1, 1)])
def test_a_rate_falls_to_hold_the_first_input_and_rises_to_show_the_last(
    wanted: int, sign: int
) -> None:
    cell = LeakyCell(1, 1)
    with torch.no_grad():
        cell.weight("weight_hh_l0").zero_()
        cell.weight("weight_ih_l0").fill_(1.0)
    inputs = torch.zeros(64, 30, 1)
    inputs[:, [0, -1]] = torch.randn(64, 2, 1)
    outputs, _ = cell.sequence(inputs, cell.zero_state(inputs[:, 0]))
    seen = (outputs[:, -1] * inputs[:, wanted]).sum()
    assert torch.autograd.grad(seen, cell.rate_logits)[0].sign().item() == sign


# The reservoir.


def radius_of(cell: Any) -> float:
    """From numpy's eigenvalues."""
    return float(np.abs(np.linalg.eigvals(numbers(cell)["kernel.weight_hh_l0"])).max())


@pytest.mark.parametrize("radius", [0.1, 0.9, 1.5])
def test_the_spectral_radius_is_what_was_asked_for(radius: float) -> None:
    cell = EchoStateCell(3, 20, radius=radius)
    assert radius_of(cell) == pytest.approx(radius, rel=1e-4)
    cell.set_radius(0.5)
    assert radius_of(cell) == pytest.approx(0.5, rel=1e-4)
    with torch.no_grad():
        cell.weight("weight_hh_l0").copy_(torch.randn(20, 20))  # one that is not orthogonal
    assert cell.radius == pytest.approx(radius_of(cell), rel=1e-4)
    cell.set_radius(radius)
    assert cell.radius == pytest.approx(radius, rel=1e-4)
    assert radius_of(CELLS["echo-state"](3, 20)) == pytest.approx(0.9, rel=1e-4)


@pytest.mark.parametrize("radius", [0.0, -0.5, float("inf"), float("nan")])
def test_an_impossible_radius_is_refused(radius: float) -> None:
    with pytest.raises(SettingsError, match=f"radius {radius} must be positive"):
        EchoStateCell(3, 4, radius=radius)
    cell = EchoStateCell(3, 4)
    with pytest.raises(SettingsError, match="must be positive"):
        cell.set_radius(radius)
    assert cell.radius == pytest.approx(0.9, rel=1e-4)


def test_below_1_a_reservoir_forgets_where_it_started_from() -> None:
    """The echo state property: two states come nearer by the radius or more at every step."""
    cell = EchoStateCell(3, 20).double()
    inputs = values(1, 200, 3)
    one, other = (cell.sequence(inputs, (values(1, 20),))[0] for _ in range(2))
    distances = (one - other).norm(dim=-1).squeeze(0).detach()
    assert (distances[1:] <= 0.9 * (1 + 1e-6) * distances[:-1] + 1e-15).all()
    assert distances[-1] < 1e-8 < distances[0]
    cell.set_radius(2.0)  # with a large radius and no inputs, it never settles to one state
    one, other = (cell.sequence(torch.zeros_like(inputs), (values(1, 20),))[0] for _ in range(2))
    assert (one - other).norm(dim=-1)[0, -1] > 0.1


def test_a_reservoir_draws_its_weights_once_for_each_cell() -> None:
    stack = EncoderStack("echo-state", 5, (6, 6))
    drawn = [cell.kernel.weight_hh_l0 for cell in (*stack.forwards, *stack.backwards)]
    for index, weight in enumerate(drawn):
        assert all(not torch.allclose(weight, other) for other in drawn[:index])
    assert not any(weight.requires_grad for weight in stack.parameters())
    assert len(named_weights(stack)) == 16  # W, U, b and c of four cells are saved and loaded


def updated(model: TranslationModel, average: MovingAverage) -> None:
    """Three updates of the weights, and of their average."""
    settings = TrainingSettings(
        max_steps=3, optimizer="adamw", weight_decay=0.1, learning_rate=1e-2, clip_norm=1.0
    )
    optimizer = build_optimizer(model, settings)
    for step in range(3):
        optimizer.zero_grad()
        logits = model.train()(BATCH.source, BATCH.source_lengths, BATCH.target_input)
        torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), BATCH.target_output.flatten()
        ).backward()
        assert clip_gradients(model.parameters(), settings) > 0
        optimizer.step()
        average.update(step + 1)


@pytest.mark.parametrize("options", [{}, {"decoder_sizes": (6, 6), "attention": "general"}])
def test_training_changes_all_but_the_reservoir_and_saves_it_with_the_rest(
    tiny_model: Build, options: dict[str, Any], tmp_path: Path
) -> None:
    model = tiny_model(cell="echo-state", **options)
    before = {name: weight.detach().clone() for name, weight in named_weights(model).items()}
    average = MovingAverage(model, 0.9)
    updated(model, average)
    for name, weight in named_weights(model).items():
        fixed = ".kernel." in name
        assert torch.equal(weight, before[name]) == fixed, name
        assert torch.equal(average.weights[name], before[name]) == fixed, name
    paths = [tmp_path / "one", tmp_path / "other"]
    for path, weights in zip(paths, (named_weights(model), average.weights), strict=True):
        save_tensors(path, weights, None)
    mean = mean_weights(paths)
    with swapped_weights(model, mean):
        for name, weight in named_weights(model).items():
            assert torch.equal(weight, before[name]) == (".kernel." in name), name
    other = tiny_model(cell="echo-state", **options)
    load_weights(other, load_tensors(paths[0])[0], paths[0])
    found = [
        each.eval()(BATCH.source, BATCH.source_lengths, BATCH.target_input)
        for each in (model, other)
    ]
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_a_readout_learns_to_recall_what_a_reservoir_has_heard() -> None:
    """Jaeger's memory task (2001b): a linear map of the state gives the input of 5 steps ago."""
    stack = RecurrentStack("echo-state", 1, (60,))
    inputs = 0.2 * torch.randn(1, 600, 1)
    with torch.no_grad():
        states = stack.sequence(inputs, stack.zero_state(inputs[:, 0]))[0][0, 50:].double()
    wanted = inputs[0, 45:-5].double()
    features = torch.cat([states, torch.ones(len(states), 1, dtype=torch.float64)], dim=1)
    learnt = torch.linalg.lstsq(features[:400], wanted[:400]).solution
    errors = features[400:] @ learnt - wanted[400:]
    assert errors.square().mean() < 0.05 * wanted[400:].square().mean()
