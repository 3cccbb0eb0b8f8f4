"""Exposure bias over the positions of a sentence, as two panels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.plotting.figure import legend_below, new_figure, save_figure
from seq2seq.plotting.fonts import displayable

if TYPE_CHECKING:
    from seq2seq.evaluation.exposure_bias import ExposureBias

PANELS = (
    ("accuracy", "reference_accuracy", "own_accuracy"),
    ("mean log-probability (nats)", "reference_log_probability", "own_log_probability"),
)

MIN_TOKENS = 20


def plot_exposure(exposures: Mapping[str, ExposureBias], path: str | Path) -> Path:
    """Draws accuracy and log-probability over the position, with either history.

    Positions that fewer than 20 references have are left out, unless there are no others: a few
    tokens make lines that jump and say nothing.

    Args:
        exposures: the name of each run, and what `evaluation.exposure` found for it.
        path: the file to write: .png, .pdf or .svg.

    Returns:
        The file.

    Raises:
        SettingsError: matplotlib is missing, or the file's name has another ending.
        DataError: the file's folder does not exist.
    """
    return save_figure(exposure_figure(exposures), path)


def exposure_figure(exposures: Mapping[str, ExposureBias]) -> Any:
    """The picture of `plot_exposure`: a colour for each run, dashed for its own history."""
    figure = new_figure(figsize=(10, 4.2 + 0.2 * len(exposures)), layout="constrained")
    names, families = displayable(exposures)
    lines: list[Any] = []
    for axes, (title, reference, own) in zip(figure.subplots(1, 2), PANELS, strict=True):
        lines = []
        for number, found in enumerate(exposures.values()):
            positions = [
                each for each in found.positions if each.tokens >= MIN_TOKENS
            ] or found.positions
            places = range(1, len(positions) + 1)
            for field, style in ((reference, "-"), (own, "--")):
                values = [getattr(position, field) for position in positions]
                lines += axes.plot(
                    places, values, style, color=f"C{number % 10}", marker=".", markersize=4
                )
        axes.set_title(title)
        axes.set_xlabel("target position (tokens)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if title == "accuracy":
            axes.set_ylim(bottom=0)
    labels = [f"{name}, {kind} history" for name in names for kind in ("reference", "own")]
    legend_below(figure, lines, labels, families, ncols=2)
    return figure
