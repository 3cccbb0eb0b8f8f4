"""Gradient flow: how much of a loss arrives how many steps back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import legend_below, new_figure, save_figure
from seq2seq.plotting.fonts import displayable

if TYPE_CHECKING:
    from seq2seq.evaluation.gradient_flow import GradientFlow


def plot_gradient_flow(flows: Mapping[str, GradientFlow], path: str | Path) -> Path:
    """Draws the norm of the gradient over the number of steps back from the loss, in powers of 10.

    A line ends where its norm is zero or not finite.

    Args:
        flows: the name of each cell or run, and what `evaluation.gradient_flow` found for it.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(gradient_flow_figure(flows), path)


def gradient_flow_figure(flows: Mapping[str, GradientFlow]) -> Any:
    """The picture of `plot_gradient_flow`: a colour for each name, dashed for a memory cell."""
    figure = new_figure(figsize=(7, 4.2 + 0.1 * len(flows)), layout="constrained")
    names, families = displayable(flows)
    axes = figure.subplots()
    lines: list[Any] = []
    labels: list[str] = []
    for number, (name, flow) in enumerate(zip(names, flows.values(), strict=True)):
        curves = [(name, flow.hidden, "-")]
        if flow.memory is not None:
            curves = [(f"{name}, h", flow.hidden, "-"), (f"{name}, c", flow.memory, "--")]
        for label, norms, style in curves:
            values = [
                norm if 0 < norm < math.inf else math.nan for norm in reversed(norms.tolist())
            ]
            lines += axes.plot(range(len(values)), values, style, color=f"C{number % 10}")
            labels.append(label)
    axes.set_title("how far back learning can reach")
    axes.set_xlabel("steps back from the loss")
    axes.set_ylabel("norm of the gradient at the state")
    axes.set_yscale("log")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    narrow = max(map(len, labels), default=0) <= 16
    legend_below(figure, lines, labels, families, ncols=4 if narrow else 2)
    return figure
