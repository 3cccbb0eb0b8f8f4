"""What all pictures share: matplotlib, where it is installed, and the file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seq2seq.errors import DataError, SettingsError
from seq2seq.runs.files import write_atomically

FORMATS = ("png", "pdf", "svg")
DOTS_PER_INCH = 120


def new_figure(**options: Any) -> Any:
    """An empty matplotlib Figure, which belongs to no window.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError('plots need matplotlib: pip install "seq2seq[plots]"') from error
    return Figure(**options)


def legend_below(
    figure: Any, lines: Sequence[Any], labels: Sequence[str], families: list[str], ncols: int = 1
) -> None:
    """One legend for all panels, below them, with names as they are, of any script.

    Args:
        figure: with a constrained layout.
        lines: what matplotlib drew.
        labels: a name for each.
        families: fonts that have their characters, see `fonts.readable`.
        ncols: columns.
    """
    legend = figure.legend(lines, labels, loc="outside lower center", ncols=ncols)
    for text in legend.get_texts():
        text.set_fontfamily(families)
        text.set_parse_math(False)


def check_figure_path(path: str | Path) -> str:
    """The format that a picture's name asks for, before any work is done for it.

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
