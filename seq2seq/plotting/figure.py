"""What all pictures share: a matplotlib figure, panels of lines, and the file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq.errors import DataError, SettingsError
from seq2seq.plotting.fonts import displayable
from seq2seq.runs.files import write_atomically

FORMATS = ("png", "pdf", "svg")
DOTS_PER_INCH = 120


def new_figure(**options: Any) -> Any:
    """Returns an empty matplotlib Figure, which belongs to no window.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError('plots need matplotlib: pip install "seq2seq[plots]"') from error
    return Figure(**options)


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
        xlabel: what whole numbers the lines are over.
        first: the number of a curve's first value.
        figsize: width and height in inches.
        ncols: columns of the legend.
        style: of the lines, as for matplotlib's `plot`.
    """
    figure = new_figure(figsize=figsize, layout="constrained")
    lines: list[Any] = []
    curves: Sequence[Curve] = ()
    for axes, (title, curves) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        lines = []
        for curve in curves:
            places = range(first, first + len(curve.values))
            color = f"C{curve.color % 10}"
            lines += axes.plot(places, curve.values, curve.style, color=color, **style)
        axes.set_title(title)
        axes.set_xlabel(xlabel)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if title == "accuracy":
            axes.set_ylim(bottom=0)
    labels, families = displayable(curve.label for curve in curves)
    legend = figure.legend(lines, labels, loc="outside lower center", ncols=ncols)
    for text in legend.get_texts():
        text.set_fontfamily(families)
        text.set_parse_math(False)
    return figure


def check_figure_path(path: str | Path) -> str:
    """Returns the format that a picture's name asks for, before any work is done for it.

    Raises:
        SettingsError: the name does not end in .png, .pdf or .svg; or matplotlib is missing.
        DataError: its folder does not exist or can't be written to, or it is a folder.
    """
    path = Path(path)
    ending = path.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise SettingsError(f"{path} must end in .{', .'.join(FORMATS)}: that is its format")
    if not path.parent.is_dir():
        raise DataError(f"{path} can't be written: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise DataError(f"{path} can't be written: give another name or folder")
    new_figure()
    return ending


def save_figure(figure: Any, path: str | Path, **options: Any) -> Path:
    """Writes a figure, in the format of its name; arguments as for `Figure.savefig`.

    Raises:
        SettingsError, DataError: as `check_figure_path`.
        RunError: the disk is full.
    """
    path = Path(path)
    options = {"dpi": DOTS_PER_INCH, "format": check_figure_path(path), **options}
    write_atomically(path, partial(figure.savefig, **options))
    return path
