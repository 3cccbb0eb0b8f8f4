"""The recipes of the textbooks' history: Hopfield's network, and cells."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from recipes import history, hopfield
from seq2seq import CELLS
from seq2seq.models.cells.base import Cell
from tests.support.pictures import picture

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
Command = Callable[..., subprocess.CompletedProcess[bytes]]


def test_hopfield_recalls_what_is_stored_and_its_energy_falls() -> None:
    found = hopfield.recall_all(hopfield.letters(), 0.2, torch.Generator().manual_seed(1))
    assert len(found) == 3
    for each in found:
        assert not torch.equal(each.noisy, each.pattern)
        assert each.is_whole
        falls = np.diff(each.energies)
        assert len(falls) >= 20, "a fifth of 144 units was turned over"
        assert (falls < 0).all()


def test_hopfield_s_energy_and_weights_by_hand() -> None:
    network = hopfield.Hopfield(torch.tensor([[1.0, -1.0, 1.0]]))
    weights = [[0, -1 / 3, 1 / 3], [-1 / 3, 0, -1 / 3], [1 / 3, -1 / 3, 0]]
    torch.testing.assert_close(network.weights, torch.tensor(weights))
    assert network.energy(torch.tensor([1.0, -1.0, 1.0])) == pytest.approx(-1)
    assert network.energy(torch.tensor([1.0, 1.0, 1.0])) == pytest.approx(1 / 3)


def test_a_stored_pattern_is_a_state_of_rest() -> None:
    (found, *_) = hopfield.recall_all(hopfield.letters(), 0, torch.Generator().manual_seed(1))
    assert found.is_whole
    assert len(found.energies) == 1


@pytest.mark.parametrize(("noise", "whole"), [(0, 3), (1, 0)])
def test_any_noise_is_reported(
    noise: float, whole: int, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = torch.Generator().manual_seed(1)
    hopfield.report(hopfield.recall_all(hopfield.letters(), noise, generator), noise, generator)
    assert f"{whole} come back whole" in capsys.readouterr().out


def test_the_hopfield_recipe(command: Command, tmp_path: Path) -> None:
    place = tmp_path / "hopfield.png"
    result = command(RECIPES / "hopfield.py", "--plot", place)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    assert "3 come back whole" in out
    shares = re.findall(r"^ +(\d+), [\d.]+ for each unit: +(\d+)$", out, re.MULTILINE)
    whole = {int(count): int(back) for count, back in shares}
    assert whole[5] == 5
    assert whole[40] == 0, "too many for 144 units"
    assert picture(place)[0] > 800


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def formula(name: str, cell: Cell, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """One step of a cell, by hand."""
    w = {key: weight.detach().numpy() for key, weight in cell.named_parameters()}
    if name == "second-order":
        units, symbols = range(len(h)), range(len(x))
        return sigmoid(
            np.array(
                [
                    sum(w["weight"][i, j, k] * h[j] * x[k] for j in units for k in symbols)
                    for i in units
                ]
            )
        )
    if name == "cascaded":
        matrix = (w["context.weight"] @ h + w["context.bias"]).reshape(len(h), len(x) + 1)
        return sigmoid(matrix @ np.append(x, 1))
    hidden = np.tanh(w["input.weight"] @ x + w["input.bias"] + w["recurrent.weight"] @ h)
    return np.tanh(w["output.weight"] @ hidden + w["output.bias"])


@pytest.mark.parametrize("name", history.OWN_CELLS)
def test_a_cell_equals_its_formula(name: str) -> None:
    cell = history.OWN_CELLS[name](3, 4).double()
    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    outputs, (last,) = cell.sequence(inputs, cell.zero_state(inputs))
    for row in range(2):
        h = cell.zero_state(inputs)[0][row].numpy()
        for step in range(5):
            h = formula(name, cell, inputs[row, step].numpy(), h)
            np.testing.assert_allclose(outputs[row, step].detach().numpy(), h, rtol=1e-10)
        np.testing.assert_allclose(last[row].detach().numpy(), h, rtol=1e-10)


def test_answers_about_strings() -> None:
    string = torch.tensor([1, 0, 0, 0, 1, 1])
    answers = {name: int(each.answer(string)) for name, each in history.QUESTIONS.items()}
    assert answers == {"parity": 1, "000": 1, "fourth": 0, "majority": 0}
    string = torch.tensor([0, 0, 1, 1, 0, 1, 1])
    answers = {name: int(each.answer(string)) for name, each in history.QUESTIONS.items()}
    assert answers == {"parity": 0, "000": 0, "fourth": 1, "majority": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "question", "least", "most"),
    [
        ("second-order", "parity", 0.95, 1),
        ("cascaded", "parity", 0.95, 1),
        ("leaky", "parity", 0.4, 0.6),
        ("echo-state", "parity", 0.4, 0.6),
        ("echo-state", "fourth", 0.95, 1),
    ],
)
def test_what_a_cell_learns(
    cell: str, question: str, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, kind in history.OWN_CELLS.items():
        monkeypatch.setitem(CELLS, name, kind)
    found = history.learn(cell, history.QUESTIONS[question], history.History())
    assert least <= found <= most


@pytest.mark.slow
def test_the_hierarchical_network_finds_what_is_too_far_back_for_letters() -> None:
    flat, levels = history.compare_hierarchical(history.History())
    assert flat < 0.5
    assert levels > 0.9


def test_the_recipe(command: Command, tmp_path: Path) -> None:
    place = tmp_path / "history.png"
    result = command(RECIPES / "history.py", "--strings", "60", "--epochs", "2", "--plot", place)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    rows = re.findall(r"^  ([\w-]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)  ", out, re.MULTILINE)
    assert [name for name, *_ in rows] == [*history.EXPLAINED]
    assert all(0 <= float(share) <= 100 for _, *shares in rows for share in shares)
    assert len(re.findall(r"^ +[\d.]+  .*(?:letters|words) back$", out, re.MULTILINE)) == 2
    assert picture(place)[0] > 800


def test_cells_of_one_s_own_are_of_the_recipe_alone() -> None:
    assert not set(history.OWN_CELLS) & set(CELLS)
