"""Exposure bias over the positions of a sentence, as two panels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import Curve, line_panels, save_figure

if TYPE_CHECKING:
    from seq2seq.evaluation.exposure_bias import ExposureBias

PANELS = (
    ("accuracy", "reference_accuracy", "own_accuracy"),
    ("mean log-probability (nats)", "reference_log_probability", "own_log_probability"),
)

HISTORIES = ("reference", "own")

MIN_TOKENS = 20
"""Positions that fewer references have are not drawn."""


def plot_exposure(exposures: Mapping[str, ExposureBias], path: str | Path) -> Path:
    """Draws accuracy and log-probability over the position, with either history.

    Positions that fewer than 20 references have are left out, unless there are no others: the mean
    of a few tokens is mostly noise.

    Args:
        exposures: the name of each run, and the result of `measure_exposure_bias`.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(exposure_figure(exposures), path)


def exposure_figure(exposures: Mapping[str, ExposureBias]) -> Any:
    """Draws the figure of `plot_exposure`: a color for each run, dashed for its own history."""
    panels: dict[str, list[Curve]] = {}
    for title, *fields in PANELS:
        panels[title] = []
        for number, (name, found) in enumerate(exposures.items()):
            often = [each for each in found.positions if each.tokens >= MIN_TOKENS]
            for field, history, style in zip(fields, HISTORIES, ("-", "--"), strict=True):
                values = [getattr(position, field) for position in often or found.positions]
                panels[title].append(Curve(f"{name}, {history} history", values, number, style))
    return line_panels(
        panels,
        "target position (tokens)",
        first=1,
        figsize=(10, 4.2 + 0.2 * len(exposures)),
        ncols=2,
        marker=".",
        markersize=4,
    )
