"""Multi-step-ahead prediction: accuracy and log-probability over the distance, as two panels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import Curve, line_panels, save_figure

if TYPE_CHECKING:
    from seq2seq.evaluation.multi_step import MultiStepScores

PANELS = (("accuracy", "accuracy"), ("mean log-probability (nats)", "log_probability"))


def plot_multi_step(found: Mapping[str, MultiStepScores], path: str | Path) -> Path:
    """Draws accuracy and log-probability over the steps ahead, a line for each run.

    Args:
        found: the name of each run, and the result of `predict_ahead`.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(multi_step_figure(found), path)


def multi_step_figure(found: Mapping[str, MultiStepScores]) -> Any:
    """Draws the figure of `plot_multi_step`."""
    panels = {
        title: [
            Curve(name, [getattr(step, field) for step in each.steps], number)
            for number, (name, each) in enumerate(found.items())
        ]
        for title, field in PANELS
    }
    size = (9, 4 + 0.2 * len(found))
    return line_panels(panels, "steps ahead (tokens)", first=1, figsize=size, marker=".")
