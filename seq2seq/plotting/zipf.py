"""Zipf's law: how often n-grams occur over their rank, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import new_figure, save_figure

if TYPE_CHECKING:
    from seq2seq.evaluation.zipf import Ngrams

MIN_POINTS = 40


def plot_zipf(ngrams: Sequence[Ngrams], path: str | Path) -> Path:
    """Draws frequency over rank, both logarithmic, a line for each order of n-grams.

    Args:
        ngrams: as in `evaluation.zipf.TextStatistics`; those that do not occur are left out.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(zipf_figure(ngrams), path)


def zipf_figure(ngrams: Sequence[Ngrams]) -> Any:
    """Draws the figure of `plot_zipf`; the legend has the exponents of Zipf's law."""
    figure = new_figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for each in ngrams:
        points = corners(each.frequencies)
        if points:
            exponent = each.zipf_exponent
            law = "" if exponent is None else f" (exponent {exponent:.2f})"
            marker = "." * (len(points) < MIN_POINTS)  # a single point has no line
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
