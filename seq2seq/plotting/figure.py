"""What all pictures share: a matplotlib figure, and its file."""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path
from typing import Any

from seq2seq.errors import DataError, SettingsError
from seq2seq.runs.files import system_errors, write_atomically

FORMATS = ("png", "pdf", "svg")
DOTS_PER_INCH = 120


def new_figure(**options: Any) -> Any:
    """Returns an empty matplotlib Figure, which belongs to no window; a notebook shows it.

    Raises:
        SettingsError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SettingsError("plots need matplotlib: pip install matplotlib") from error

    class NotebookFigure(Figure):
        """A figure that shows itself where it is the value of a notebook's cell."""

        def _repr_png_(self) -> bytes:
            picture = io.BytesIO()
            self.savefig(picture, format="png", dpi=DOTS_PER_INCH, bbox_inches="tight")
            return picture.getvalue()

    return NotebookFigure(**options)


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


def make_figure_folder(path: str | Path) -> None:
    """Makes the folder of a picture, and checks its name, before any work is done for it.

    Raises:
        RunError: the folder can't be made.
        SettingsError, DataError: as `check_figure_path`.
    """
    folder = Path(path).parent
    with system_errors(f"{folder} could not be made"):
        folder.mkdir(parents=True, exist_ok=True)
    check_figure_path(path)


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
