"""The recipe of a numeric series: what it predicts, and how errors grow."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from recipes import sine
from tests.support.pictures import picture

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def test_windows_and_what_follows_them() -> None:
    examples = sine.make_examples(torch.arange(6.0), window=3, outputs=2)
    assert [(window.tolist(), after.tolist()) for window, after in examples] == [
        ([0, 1, 2], [3, 4]),
        ([1, 2, 3], [4, 5]),
    ]


def test_predictions_are_read_in_the_place_of_values() -> None:
    class Sum(nn.Module):
        def forward(self, windows: torch.Tensor) -> torch.Tensor:
            return windows.sum(dim=1, keepdim=True)

    # Fibonacci's numbers: 1 and 1 alone are true.
    predictions = sine.predict_ahead(Sum(), torch.tensor([[1.0, 1.0]]), horizon=5)
    assert predictions.tolist() == [[2, 3, 5, 8, 13]]


@pytest.mark.parametrize("c", [0.5, 1.1])
def test_the_growth_of_errors_is_found_again(c: float) -> None:
    errors = [0.5]
    for _ in range(20):
        errors.append(0.1 + c * errors[-1])
    assert sine.fit_growth(torch.tensor(errors)) == pytest.approx((0.1, c), rel=1e-3)


def test_the_recipe(
    command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    place = tmp_path / "pictures" / "sine.png"
    result = command(RECIPES / "sine.py", "--epochs", "8", "--plot", place)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    rows = re.findall(r"^ +(1|4|16|64) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+)$", out, re.MULTILINE)
    assert [row[0] for row in rows] == ["1", "4", "16", "64"]
    one, *_, far = ([float(error) for error in row[1:]] for row in rows)
    # The noise of 0.2 can't be predicted; 0.7 is the error of predicting 0.
    assert all(0.19 < error < 0.35 for error in one[:2])
    assert all(near < away for near, away in zip(one[:2], far[:2], strict=True))
    assert len(re.findall(r"c = \d\.\d{3}: ", out)) == 2
    width, height = picture(place)
    assert width > 800
    assert height > 600


def test_what_is_impossible_is_named(
    command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    arguments = ["--cell", "lstn", "--window", "500", "--noise", "-1", "--plot", "a.png"]
    result = command(RECIPES / "sine.py", *arguments, cwd=tmp_path)
    said = result.stderr.decode()
    assert result.returncode == 2
    parts = ("--cell lstn is no cell: take one of elman,", "--window 500", "--noise -1")
    assert all(part in said for part in parts)
    assert "Traceback" not in said
