"""The worked numbers that `by_hand.py` and `gradients.py` print, each beside its known value."""

import math
import re
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.pictures import picture

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
BY_HAND = runpy.run_path(str(RECIPES / "by_hand.py"))
GRADIENTS = runpy.run_path(str(RECIPES / "gradients.py"))
Command = Callable[..., subprocess.CompletedProcess[bytes]]


def lines(recipe: dict[str, Any], section: str) -> list[str]:
    """What a section prints, with one space between words."""
    return [" ".join(line.split()) for line in recipe[section]()]


def numbers(line: str) -> list[float]:
    """The numbers that end a line."""
    words = re.search(r"(?:(?:^| )-?[\d,]+(?:\.\d+)?(?:e[+-]\d+)?)+$", line)
    assert words, line
    return [float(word.replace(",", "")) for word in words[0].split()]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("one_hot", "one-hot of 0 and 2 [[1, 0, 0, 0], [0, 0, 1, 0]]"),
        ("one_hot", "their product with E [[10, 11], [30, 31]]"),
        ("one_hot", "E[0] and E[2] [[10, 11], [30, 31]]"),
        ("elman", "(1, 1) (1, 1) (2, 2) [4, 12, 32] [4, 4, 8]"),
        ("elman", "(2, 2) (1, 1) (1, 1) [8, 20, 44] [8, 4, 4]"),
        ("elman", "(1, 1) (2, 2) (1, 1) [4, 16, 36] [4, 8, 4]"),
        (
            "directions",
            "h = x + h' over [1, 2, 3] side by side (1, 6) (3, 5) (6, 3) summed [7, 8, 9]",
        ),
        (
            "directions",
            "h = x + h' over [1, 2, 30] side by side (1, 33) (3, 32) (33, 30) summed [34, 35, 63]",
        ),
        ("gru", "by hand r = 0.5, z = 0.75, n = 0.9051, h = 0.6013"),
        ("gru", "cell gru h = 0.6013"),
        ("lstm", "x1, x2, x3 3, 1, 0 4, 1, 0 2, 0, 0 1, 0, 1 3, -1, 0"),
        ("lstm", "memory c 3 7 7 7 0"),
        ("lstm", "output h 0 0 0 7 0"),
        ("sizes", "cell elman 36 40 with the second bias that torch's kernels have"),
        ("sizes", "cell gru 108 120 with the second bias that torch's kernels have"),
        ("sizes", "cell lstm 144 160 with the second bias that torch's kernels have"),
        ("steps_ahead", "weights exact, one by one 2 4 8"),
        ("steps_ahead", "weights exact, at once 2 4 8"),
        ("steps_ahead", "weights 10 % larger, one by one 2.2 4.84 10.65"),
        ("steps_ahead", "weights 10 % larger, at once 2.2 4.4 8.8"),
        ("vocabulary", "[[10, 5, 4, 6, 8], [9, 5, 4, 7]] Vocab.build"),
        ("vocabulary", "[[3, 1, 2, 4, 5], [6, 1, 2, 7]] from 1 on, as the Tokenizer of Keras"),
        ("counting", "order 1 3/5 · 2/3 · 1 · 3/5 · 1 = 0.24 machine learning is hard: 0.08"),
        ("counting", "order 2 3/5 · 2/3 · 1 · 3/4 · 1 = 0.30 machine learning is hard: 0.10"),
        ("counting", "order 3 3/5 · 2/3 · 1 · 1/2 · 1 = 0.20 machine learning is hard: 0.00"),
    ],
)
def test_a_line_of_what_networks_and_counts_give(section: str, expected: str) -> None:
    assert expected in lines(BY_HAND, section)


def test_one_product_or_two() -> None:
    _, two, one = lines(BY_HAND, "concatenation")
    # Row 1: 1 · (1, 2, 3, 4), and (0, 4, 8, 12) and (3, 7, 11, 15) of the state's units.
    assert two.startswith("two products [[4, 13, 22, 31], ")
    assert one.split(" ", 2)[2] == two.split(" ", 2)[2]


def test_a_first_state_is_forgotten() -> None:
    first, *_, last = distances = numbers(lines(BY_HAND, "first_state")[1])
    assert len(distances) == 4
    assert distances == sorted(distances, reverse=True)
    assert last < first / 100


def test_a_table_of_ngrams_grows_and_a_network_does_not() -> None:
    said = " ".join(lines(BY_HAND, "counting"))
    assert f"{28**2} pairs, and 17,210,368 sequences of five" in said
    assert f"{256 * 28 + 256 * 256 + 2 * 256:,} weights" in said


def test_perplexity_is_the_geometric_mean() -> None:
    choices, found, geometric, harmonic, arithmetic, _ = lines(BY_HAND, "perplexities")
    assert numbers(choices.partition(", end")[2]) == [1.667, 1.5, 1, 1.667, 1]
    expected = 0.24 ** (-1 / 5)
    assert numbers(found) == numbers(geometric) == [pytest.approx(expected, rel=1e-3)]
    assert numbers(harmonic) == [pytest.approx(5 / (3 / 5 + 2 / 3 + 1 + 3 / 5 + 1), rel=1e-3)]
    assert numbers(arithmetic) == [pytest.approx((5 / 3 + 3 / 2 + 1 + 5 / 3 + 1) / 5, rel=1e-3)]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("bptt", "1. forwards h 1 1.5 2.75"),
        ("bptt", "(h - y)² / 2 0 0.125 0.2812 L = 0.4062"),
        ("bptt", "2. backwards g = h - y + u g'' 0.4375 0.875 0.75 g'' of the step after"),
        ("bptt", "3. sum g h' 0 0.875 1.125 dL/du = 2.0000"),
        ("bptt", "autograd through the cell: L = 0.4062, dL/du = 2.0000"),
        ("truncation", "whole 0.03125 0.0625 0.125 0.25 0.5 1 1.969"),
        ("truncation", "h3 detached at ┆ 0 0 0 0.25 0.5 1 1.969"),
        ("powers", "w = 0.99 0.000044 0.000043 0.043607"),
        ("powers", "w = 1.0 1 1 1,000"),
        ("powers", "w = 1.01 20,752 20,959 20,751,639"),
        ("cliff", "w 0.98 0.99 1 1.002 1.005 1.01"),
        ("cliff", "(w^1000 - 1)² 1 1 0 41 2.1e+04 4.4e+08"),
        ("cliff", "At w = 1.002 the gradient is 93,825. A step at the learning rate 0.001 leads"),
        ("cliff", "without clipping to w = -92.8, where the error is inf"),
        ("cliff", "clipped to norm 1 to w = 1.001, and the next one to w = 1.000"),
        ("clipping", "g = [30.0, 40.0] by norm (0.6, 0.8) by value (1, 1)"),
        ("clipping", "g = [30.0, 0.4] by norm (1, 0.0133) by value (1, 0.4)"),
        ("clipping", "g = [0.03, 0.04] by norm (0.03, 0.04) by value (0.03, 0.04)"),
        (
            "clipping",
            "from w = 0.001 a step of 0.1 · 2w leads to 0.0008, of 0.1 · 1 to -0.099.",
        ),
    ],
)
def test_a_line_of_what_gradients_do(section: str, expected: str) -> None:
    assert expected in lines(BY_HAND if section == "cliff" else GRADIENTS, section)


def test_a_sigmoid_layer_loses_more_of_the_gradient() -> None:
    gradients = {}
    for line in lines(GRADIENTS, "sigmoid")[1:4]:
        cell, name = line.split()[:2]
        assert cell == "cell"
        first, _, gradients[name] = numbers(line.removeprefix(f"cell {name} "))
        expected = {"elman-sigmoid": 1 / (1 + math.exp(-0.5)), "elman": math.tanh(0.5)}
        assert first == pytest.approx(expected.get(name, 0.5), rel=1e-3)
    assert gradients["elman-sigmoid"] == pytest.approx(3.483e-7)
    assert gradients["elman-sigmoid"] < 0.25**10 < gradients["elman"] < gradients["elman-relu"] == 1


def test_small_weights_forget() -> None:
    _, small, usual, _ = lines(GRADIENTS, "small_weights")
    assert numbers(small)[3] < 1e-12
    assert numbers(usual)[3] > 1e-3


@pytest.mark.parametrize(
    ("recipe", "longest"), [("by_hand.py", 110), ("gradients.py", 50)], ids=lambda value: str(value)
)
def test_the_page_is_short(command: Command, recipe: str, longest: int) -> None:
    result = command(RECIPES / recipe)
    assert (result.returncode, result.stderr) == (0, b"")
    page = result.stdout.decode().splitlines()
    assert 40 < len(page) <= longest
    assert all(len(line) <= 96 for line in page)
    assert sum(not line for line in page) >= 5  # between sections


def test_chosen_sections_and_misspelt_ones(command: Command) -> None:
    result = command(RECIPES / "by_hand.py", "--only", "lstm", "one-hot")
    assert result.returncode == 0, result.stderr.decode()
    assert re.findall(r"\[([a-z-]+)\]$", result.stdout.decode(), re.MULTILINE) == [
        "lstm",
        "one-hot",
    ]
    wrong = command(RECIPES / "by_hand.py", "--only", "lstn", "gru")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.decode().startswith("error: --only lstn is no section; there are one-hot, ")


def test_the_cliff_is_drawn(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "cliff.png"
    result = command(RECIPES / "by_hand.py", "--only", "cliff", "--plot", path)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"93,825" in result.stdout
    width, height = picture(path)
    assert width > 600 < 2 * height
    wrong = command(RECIPES / "by_hand.py", "--only", "cliff", "--plot", tmp_path / "cliff.doc")
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.decode().startswith(f"error: {tmp_path / 'cliff.doc'} must end in .png")
