"""Pictures of analyses: what they show, not their pixels."""

import math
from collections import Counter
from pathlib import Path

import pytest
import torch

from seq2seq.evaluation.exposure_bias import ExposureBias, PositionScores
from seq2seq.evaluation.gradient_flow import GradientFlow
from seq2seq.evaluation.multi_step import MultiStepScores, StepScores
from seq2seq.evaluation.zipf import Ngrams, text_statistics
from seq2seq.plotting.analyses import (
    exposure_figure,
    gradient_flow_figure,
    multi_step_figure,
    zipf_figure,
)
from seq2seq.plotting.figure import save_figure
from tests.support.pictures import picture

pytest.importorskip("matplotlib")

LINES = [["a", "b", "a", "b", "a", "c"], ["a", "b", "d"]]


def falling(tokens: list[int], base: float) -> ExposureBias:
    """Exposure with so many tokens at each position."""
    positions = [
        PositionScores(count, 0, base, base / place, -base, -base * place)
        for place, count in enumerate(tokens, start=1)
    ]
    return ExposureBias(positions, positions[0])


def test_exposure_has_two_panels_a_colour_for_a_run_and_dashes_for_its_own_history(
    tmp_path: Path,
) -> None:
    exposures = {"runs/a": falling([50, 40, 30, 19, 1], 0.8), "runs/$b$": falling([50, 40], 0.6)}
    figure = exposure_figure(exposures)
    accuracy, log_probability = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        *("accuracy", "mean log-probability (nats)")
    ]
    for axes in figure.axes:
        lines = axes.get_lines()
        assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
        colours = [line.get_color() for line in lines]
        assert colours[0] == colours[1] != colours[2] == colours[3]
        assert list(lines[0].get_xdata()) == [1, 2, 3], "positions of fewer than 20 are left out"
    assert list(accuracy.get_lines()[1].get_ydata()) == pytest.approx([0.8, 0.4, 0.8 / 3])
    assert list(log_probability.get_lines()[3].get_ydata()) == pytest.approx([-0.6, -1.2])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        *("runs/a, reference history", "runs/a, own history"),
        *("runs/$b$, reference history", "runs/$b$, own history"),
    ]
    width, height = picture(save_figure(figure, tmp_path / "gap.png"))
    assert width > 1.5 * height


def test_a_small_text_is_drawn_whole() -> None:
    lines = exposure_figure({"run": falling([3, 2, 1], 0.5)}).axes[0].get_lines()
    assert list(lines[0].get_xdata()) == [1, 2, 3]


def test_prediction_ahead_has_a_line_for_each_run_in_both_panels(tmp_path: Path) -> None:
    steps = [StepScores(0.5 / k, -float(k)) for k in (1, 2, 3)]
    found = {"runs/a": MultiStepScores(9, steps), "runs/$b$": MultiStepScores(9, steps[:2])}
    figure = multi_step_figure(found)
    accuracy, log_probability = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        *("accuracy", "mean log-probability (nats)")
    ]
    assert [list(line.get_xdata()) for line in accuracy.get_lines()] == [[1, 2, 3], [1, 2]]
    assert list(accuracy.get_lines()[0].get_ydata()) == pytest.approx([0.5, 0.25, 0.5 / 3])
    assert list(log_probability.get_lines()[1].get_ydata()) == [-1, -2]
    legend = figure.legends[0].get_texts()
    assert [text.get_text() for text in legend] == ["runs/a", "runs/$b$"]
    assert not any(text.get_parse_math() for text in legend)
    assert save_figure(figure, tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def flow(hidden: list[float], memory: list[float] | None = None) -> GradientFlow:
    return GradientFlow(
        torch.tensor(hidden, dtype=torch.float64),
        None if memory is None else torch.tensor(memory, dtype=torch.float64),
    )


def test_gradient_flow_has_a_line_for_each_tensor_over_steps_back_in_powers_of_10(
    tmp_path: Path,
) -> None:
    flows = {"$elman$": flow([1e-3, 1e-2, 1.0]), "lstm": flow([0.1, 0.2, 0.5], [0.5, 0.75, 1.0])}
    figure = gradient_flow_figure(flows)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "steps back from the loss"
    elman, hidden, memory = axes.get_lines()
    assert list(elman.get_xdata()) == [0, 1, 2]
    assert list(elman.get_ydata()) == [1.0, 1e-2, 1e-3]
    assert list(memory.get_ydata()) == [1.0, 0.75, 0.5]
    assert [line.get_linestyle() for line in (elman, hidden, memory)] == ["-", "-", "--"]
    assert elman.get_color() != hidden.get_color() == memory.get_color()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["$elman$", "lstm, h", "lstm, c"]
    path = save_figure(figure, tmp_path / "flow.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_line_ends_where_nothing_arrives_or_all_is_lost_to_infinity(tmp_path: Path) -> None:
    flows = {"dead": flow([0.0, 0.0, 1.0]), "wild": flow([math.inf, 5.0, 1.0])}
    dead, wild = gradient_flow_figure(flows).axes[0].get_lines()
    assert list(dead.get_ydata()) == pytest.approx([1.0, math.nan, math.nan], nan_ok=True)
    assert list(wild.get_ydata()) == pytest.approx([1.0, 5.0, math.nan], nan_ok=True)
    none = {"none": flow([0.0, 0.0])}
    save_figure(gradient_flow_figure({**flows, **none}), tmp_path / "flow.svg")
    save_figure(gradient_flow_figure(none), tmp_path / "flow.pdf")


def test_zipf_s_law_has_a_line_for_each_order_on_logarithmic_axes(tmp_path: Path) -> None:
    ngrams = text_statistics(LINES).ngrams
    figure = zipf_figure(ngrams)
    (axes,) = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rank", "frequency")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"{each.name} (exponent {each.zipf_exponent:.2f})" for each in ngrams]
    unigrams = axes.get_lines()[0]
    assert list(unigrams.get_xdata()) == [1, 2, 3, 4]
    assert list(unigrams.get_ydata()) == [4, 3, 1, 1]
    path = save_figure(figure, tmp_path / "zipf.png")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_of_equal_frequencies_only_the_first_and_last_are_drawn() -> None:
    counts = Counter({(str(n),): 3 if n < 5 else 1 for n in range(1000)})
    (line,) = zipf_figure([Ngrams(1, counts)]).axes[0].get_lines()
    points = zip(line.get_xdata(), line.get_ydata(), strict=True)
    assert list(points) == [(1, 3), (5, 3), (6, 1), (1000, 1)]


def test_what_does_not_occur_is_left_out() -> None:
    axes = zipf_figure(text_statistics([["a"]]).ngrams).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["unigrams"]
    assert axes.get_lines()[0].get_marker() == ".", "a single point can be seen"
