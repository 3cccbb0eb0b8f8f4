"""Pictures of analyses: exposure bias, prediction several tokens ahead, gradient flow, Zipf's law.

Each function returns a matplotlib Figure, for `seq2seq.plotting.figure.save_figure`, and raises
SettingsError if matplotlib is missing. Results of several runs are given by the names of the runs,
and each run has its color.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from seq2seq.plotting.figure import new_figure
from seq2seq.plotting.fonts import displayable

if TYPE_CHECKING:
    from torch import Tensor

    from seq2seq.evaluation.exposure_bias import ExposureBias
    from seq2seq.evaluation.gradient_flow import GradientFlow
    from seq2seq.evaluation.multi_step import MultiStepScores
    from seq2seq.evaluation.zipf import Ngrams

SCORES = {"accuracy": "accuracy", "mean log-probability (nats)": "log_probability"}
"""Titles of panels, and what they show: how well true tokens are predicted."""

MIN_TOKENS = 20
"""Positions that fewer references have are not drawn: the mean of a few tokens is mostly noise."""

MIN_POINTS = 40
"""A line of fewer points has a mark at each: a single point has no line."""


class Curve(NamedTuple):
    """A line of a panel.

    Attributes:
        label: in the legend; any characters.
        values: its heights, at neighbouring whole numbers.
        color: the number of its color.
        style: "-" or "--".
    """

    label: str
    values: Sequence[float]
    color: int
    style: str = "-"


def line_panels(
    panels: Mapping[str, Sequence[Curve]],
    xlabel: str,
    *,
    first: int,
    figsize: tuple[float, float],
    ncols: int = 1,
    **style: Any,
) -> Any:
    """Draws panels of lines side by side, with one legend for all of them below.

    Args:
        panels: the curves of each panel by its title; each panel has curves of the same labels.
        first: the number of a curve's first value.
        figsize: width and height in inches.
        style: of the lines, as for matplotlib's `plot`.
    """
    figure = new_figure(figsize=figsize, layout="constrained")
    figure.subplots(1, len(panels))
    for axes, (title, curves) in zip(figure.axes, panels.items(), strict=True):
        for curve in curves:
            places = range(first, first + len(curve.values))
            axes.plot(places, curve.values, curve.style, color=f"C{curve.color}", **style)
        axes.set_title(title)
        axes.set_xlabel(xlabel)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if title == "accuracy":
            axes.set_ylim(bottom=0)
    labels, families = displayable(curve.label for curve in next(iter(panels.values())))
    lines = figure.axes[0].get_lines()
    legend = figure.legend(lines, labels, loc="outside lower center", ncols=ncols)
    for text in legend.get_texts():
        text.set_fontfamily(families)
        text.set_parse_math(False)
    return figure


def exposure_figure(exposures: Mapping[str, ExposureBias]) -> Any:
    """Draws accuracy and log-probability over the position, dashed for a run's own history.

    Positions that fewer than 20 references have are left out, unless there are no others.
    """
    panels: dict[str, list[Curve]] = {title: [] for title in SCORES}
    for number, (name, found) in enumerate(exposures.items()):
        often = [each for each in found.positions if each.tokens >= MIN_TOKENS] or found.positions
        for title, field in SCORES.items():
            for history, style in (("reference", "-"), ("own", "--")):
                values = [getattr(position, f"{history}_{field}") for position in often]
                panels[title].append(Curve(f"{name}, {history} history", values, number, style))
    size = (10, 4.2 + 0.2 * len(exposures))
    xlabel = "target position (tokens)"
    return line_panels(panels, xlabel, first=1, figsize=size, ncols=2, marker=".", markersize=4)


def multi_step_figure(found: Mapping[str, MultiStepScores]) -> Any:
    """Draws accuracy and log-probability over the steps ahead."""
    panels = {
        title: [
            Curve(name, [getattr(step, field) for step in each.steps], number)
            for number, (name, each) in enumerate(found.items())
        ]
        for title, field in SCORES.items()
    }
    size = (9, 4 + 0.2 * len(found))
    return line_panels(panels, "steps ahead (tokens)", first=1, figsize=size, marker=".")


def gradient_flow_figure(flows: Mapping[str, GradientFlow]) -> Any:
    """Draws the norm of the gradient over the steps back from the loss, dashed for a memory cell.

    Norms are in powers of 10; a line ends where its norm is zero or not finite.
    """
    curves = [
        Curve(label, drawn(norms), number, style)
        for number, (name, flow) in enumerate(flows.items())
        for (label, norms), style in zip(flow.by_name(name).items(), ("-", "--"), strict=False)
    ]
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


def zipf_figure(ngrams: Sequence[Ngrams]) -> Any:
    """Draws frequency over rank, both logarithmic: a line for each order of n-grams that occur.

    The legend has the exponents of Zipf's law.
    """
    figure = new_figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for each in ngrams:
        points = corners(each.frequencies)
        if points:
            exponent = each.zipf_exponent
            law = "" if exponent is None else f" (exponent {exponent:.2f})"
            marker = "." if len(points) < MIN_POINTS else ""
            axes.plot(*zip(*points, strict=True), marker=marker, label=each.name + law)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rank")
    axes.set_ylabel("frequency")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def corners(frequencies: Sequence[int]) -> list[tuple[int, int]]:
    """Returns rank and frequency where a run of equal frequencies begins or ends.

    The line through these points is the same. Most n-grams occur once or twice, so that of a
    million points some thousands are left.
    """
    points = enumerate(frequencies, start=1)
    found: list[tuple[int, int]] = []
    for _, equals in groupby(points, key=itemgetter(1)):
        first, *rest = equals
        found += [first, *rest[-1:]]
    return found
