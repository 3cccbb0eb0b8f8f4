"""The recipe of digits: read glimpse by glimpse, drawn row by row."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import seq2seq
from recipes import glimpses
from tests.support.pictures import picture

RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def test_an_image_is_cut_into_rows_or_patches() -> None:
    image = torch.arange(64.0).view(1, 8, 8)
    rows = glimpses.cut_glimpses(image, "rows")
    assert rows.shape == (1, 8, 8)
    assert rows[0, 1].tolist() == list(range(8, 16))
    patches = glimpses.cut_glimpses(image, "patches")
    assert patches.shape == (1, 4, 16)
    assert patches[0, 1, :5].tolist() == [4, 5, 6, 7, 12], "the upper right one"
    assert patches[0, 2, 0] == 32, "the lower left one"


def test_the_parts_share_no_image() -> None:
    digits = glimpses.read_digits(1)
    assert [len(part) for part in digits] == [1197, 300, 300]
    images = [tuple(image.flatten().tolist()) for part in digits for image, _ in part]
    assert len(set(images)) == 1797
    values = torch.tensor(images)
    assert (values.min(), values.max()) == (0, 1)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_drawing_is_what_teacher_forcing_predicts_after_the_same_rows(cell: str) -> None:
    drawer = glimpses.Drawer(cell, 12).eval()
    numbers = torch.arange(10)
    drawn = drawer.draw(numbers)
    with torch.no_grad():
        forced = torch.sigmoid(drawer(drawn, numbers))
    torch.testing.assert_close(drawn, forced)


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(seq2seq.SettingsError, match=r"pip install -e \"\.\[digits\]\""):
        glimpses.read_digits(1)


@pytest.mark.parametrize(("glimpse", "steps"), [("rows", 8), ("patches", 4)])
def test_the_recipe(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
    tmp_path: Path,
    glimpse: str,
    steps: int,
) -> None:
    place = tmp_path / "digits.png"
    arguments = ["--epochs", "8", "--glimpse", glimpse, "--plot", place]
    result = command(RECIPES / "glimpses.py", *arguments)
    out = result.stdout.decode()
    assert result.returncode == 0, result.stderr.decode()
    lines = re.findall(r"^  loss at .*?((?: +[\d.]+)+)$", out, re.MULTILINE)
    last, every = ([float(share) for share in line.split()] for line in lines)
    assert len(last) == len(every) == steps
    assert last[-1] > 85
    assert every[-1] > 70
    half = steps // 2 - 1
    assert every[0] < every[half] < every[-1], "the more is seen, the better"
    assert every[half] > last[half] + 20, "it has learnt to answer early"
    read = re.search(r"is read as (\d(?: \d)*): (\d+) of 10", out)
    assert read
    assert int(read[2]) >= 7
    width, height = picture(place)
    assert width > 800
    assert height > 700
