"""k-step-ahead prediction: accuracy and log-probability over the distance, as two panels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import legend_below, new_figure, save_figure
from seq2seq.plotting.fonts import displayable

if TYPE_CHECKING:
    from seq2seq.evaluation.multi_step import MultiStepScores

PANELS = (("accuracy", "accuracy"), ("mean log-probability (nats)", "log_probability"))


def plot_multi_step(found: Mapping[str, MultiStepScores], path: str | Path) -> Path:
    """Draws accuracy and log-probability over the steps ahead, a line for each run.

    Args:
        found: the name of each run, and what `evaluation.ahead` found for it.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(multi_step_figure(found), path)


def multi_step_figure(found: Mapping[str, MultiStepScores]) -> Any:
    """The picture of `plot_multi_step`."""
    figure = new_figure(figsize=(9, 4 + 0.2 * len(found)), layout="constrained")
    names, families = displayable(found)
    lines: list[Any] = []
    for axes, (title, field) in zip(figure.subplots(1, 2), PANELS, strict=True):
        lines = []
        for each in found.values():
            distances = range(1, len(each.steps) + 1)
            lines += axes.plot(distances, [getattr(step, field) for step in each.steps], marker=".")
        axes.set_title(title)
        axes.set_xlabel("steps ahead (tokens)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if title == "accuracy":
            axes.set_ylim(bottom=0)
    legend_below(figure, lines, names, families)
    return figure
