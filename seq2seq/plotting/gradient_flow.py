"""Gradient flow: how much of a loss arrives how many steps back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import Curve, line_panels, save_figure

if TYPE_CHECKING:
    from torch import Tensor

    from seq2seq.evaluation.gradient_flow import GradientFlow


def plot_gradient_flow(flows: Mapping[str, GradientFlow], path: str | Path) -> Path:
    """Draws the norm of the gradient over the number of steps back from the loss, in powers of 10.

    A line ends where its norm is zero or not finite.

    Args:
        flows: the name of each cell or run, and the result of `gradient_flow`.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(gradient_flow_figure(flows), path)


def gradient_flow_figure(flows: Mapping[str, GradientFlow]) -> Any:
    """Draws the figure of `plot_gradient_flow`: a color for each name, dashed for a memory cell."""
    curves: list[Curve] = []
    for number, (name, flow) in enumerate(flows.items()):
        if flow.memory is None:
            curves.append(Curve(name, drawn(flow.hidden), number))
        else:
            curves.append(Curve(f"{name}, h", drawn(flow.hidden), number))
            curves.append(Curve(f"{name}, c", drawn(flow.memory), number, "--"))
    narrow = max((len(curve.label) for curve in curves), default=0) <= 16
    figure = line_panels(
        {"how far back learning can reach": curves},
        "steps back from the loss",
        first=0,
        figsize=(7, 4.2 + 0.1 * len(flows)),
        ncols=4 if narrow else 2,
    )
    (axes,) = figure.axes
    axes.set_ylabel("norm of the gradient at the state")
    axes.set_yscale("log")
    return figure


def drawn(norms: Tensor) -> list[float]:
    """Returns norms ``(length,)`` from the last step back, NaN where there is no logarithm."""
    return [norm if 0 < norm < math.inf else math.nan for norm in reversed(norms.tolist())]
