"""The picture of gradient flow: what it shows, not its pixels."""

import math
from pathlib import Path

import pytest
import torch

from seq2seq.errors import SettingsError
from seq2seq.evaluation.gradient_flow import GradientFlow
from seq2seq.plotting.gradient_flow import gradient_flow_figure, plot_gradient_flow

pytest.importorskip("matplotlib")


def flow(hidden: list[float], memory: list[float] | None = None) -> GradientFlow:
    return GradientFlow(
        torch.tensor(hidden, dtype=torch.float64),
        None if memory is None else torch.tensor(memory, dtype=torch.float64),
    )


def test_a_line_for_each_tensor_over_steps_back_in_powers_of_10(tmp_path: Path) -> None:
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
    path = plot_gradient_flow(flows, tmp_path / "flow.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_line_ends_where_nothing_arrives_or_all_is_lost_to_infinity(tmp_path: Path) -> None:
    flows = {"dead": flow([0.0, 0.0, 1.0]), "wild": flow([math.inf, 5.0, 1.0])}
    dead, wild = gradient_flow_figure(flows).axes[0].get_lines()
    assert list(dead.get_ydata()) == pytest.approx([1.0, math.nan, math.nan], nan_ok=True)
    assert list(wild.get_ydata()) == pytest.approx([1.0, 5.0, math.nan], nan_ok=True)
    plot_gradient_flow({**flows, "none": flow([0.0, 0.0])}, tmp_path / "flow.svg")
    plot_gradient_flow({"none": flow([0.0, 0.0])}, tmp_path / "flow.pdf")


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must end in"):
        plot_gradient_flow({"elman": flow([1.0])}, tmp_path / "flow.gif")
