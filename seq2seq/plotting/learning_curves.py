"""The learning curves of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seq2seq.errors import RunError
from seq2seq.plotting.figure import check_figure_path, new_figure, save_figure
from seq2seq.runs.directory import RunDirectory

NORM_TITLE = "gradient norm before clipping"
LOGARITHMIC = ("perplexity", NORM_TITLE)
"""Titles of the panels whose vertical axis is logarithmic."""

FEW, MANY = 40, 300
"""A line of fewer points has a mark at each; one of more is thin, so that it shows every jag."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Reads the lines of a metrics.jsonl, but for a last one that a crash has cut off.

    Raises:
        RunError: it is missing, empty or damaged; the line is named.
    """
    if not path.is_file():
        raise RunError(f"{path} is missing: nothing has been logged yet; see --training.log-every")
    rows = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RunError(f"{path}, line {number} is damaged: {error}") from error
        if not isinstance(row, dict) or not {"kind", "step"} <= row.keys():
            raise RunError(f"{path}, line {number} is damaged: it has no kind and step")
        rows.append(row)
    if not rows:
        raise RunError(f"{path} is empty: nothing has been logged yet; see --training.log-every")
    return rows


def plot_learning_curves(run: RunDirectory) -> Path:
    """Draws the metrics of a run, see `curves_figure`, as a PNG in its directory.

    Raises:
        SettingsError: matplotlib is not installed.
        RunError: the run has no metrics, or its experiment.json is damaged.
    """
    check_figure_path(run.curves)
    rows = read_metrics(run.metrics)
    return save_figure(curves_figure(rows, read_clip_norm(run), run.path.name), run.curves)


def curves_figure(rows: Sequence[Mapping[str, Any]], clip_norm: float, title: str) -> Any:
    """Draws metrics over the steps: a panel for each of which there is something to show.

    They are perplexity, BLEU, the learning rate, the norm of the gradient before it is clipped,
    with a line where it is, and the rate of scheduled sampling.

    Args:
        rows: as `read_metrics` returns them.
        clip_norm: what gradients are clipped to; 0 if they are not.
        title: of all.
    """
    panels = choose_panels(rows)
    columns = 2 if len(panels) in (2, 4) else 3
    lines = math.ceil(len(panels) / columns)
    figure = new_figure(figsize=(4.2 * columns, 3.6 * lines), layout="constrained")
    figure.subplots(lines, columns)
    for axes, (name, (key, kinds)) in zip(figure.axes, panels.items(), strict=False):
        for kind in kinds:
            draw_curve(axes, [row for row in rows if row["kind"] == kind], key, kind)
        if clip_norm and name == NORM_TITLE:
            label = f"clipped to {clip_norm:g}"
            axes.axhline(clip_norm, color="C3", linestyle="--", label=label)
        axes.set_title(name)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if name in LOGARITHMIC:
            axes.set_yscale("log")
            if axes.lines:
                axes.legend()
    for axes in figure.axes[len(panels) :]:
        axes.remove()
    figure.suptitle(title)
    return figure


def choose_panels(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, list[str]]]:
    """Returns by the title of each panel which number it shows, of lines of which kinds."""
    training = [row for row in rows if row["kind"] == "training"]
    validated = [row.get("bleu") for row in rows if row["kind"] == "validation"]
    panels = {"perplexity": ("perplexity", ["training", "validation", "mean"])}
    if not validated or any(bleu is not None for bleu in validated):
        panels["validation BLEU (greedy)"] = ("bleu", ["validation", "mean"])
    panels["learning rate"] = ("learning_rate", ["training"])
    if any(row.get("gradient_norm") for row in training):
        panels[NORM_TITLE] = ("gradient_norm", ["training"])
    if any(row.get("sampling_rate") for row in training):
        panels["sampling rate"] = ("sampling_rate", ["training"])
    return panels


def draw_curve(axes: Any, rows: Sequence[Mapping[str, Any]], key: str, kind: str) -> None:
    """Draws a number of some lines over their steps; thin where there are many."""
    points = [(row["step"], row[key]) for row in rows if row.get(key) is not None]
    if not points:
        return
    label = "mean of checkpoints" if kind == "mean" else kind
    marker = "." if len(points) < FEW else ""
    width = 0.6 if len(points) > MANY else 1.5
    axes.plot(*zip(*points, strict=True), label=label, marker=marker, linewidth=width)


def read_clip_norm(run: RunDirectory) -> float:
    """Returns the norm that a run's gradients are clipped to; 0 if they are not, or none is known.

    Raises:
        RunError: experiment.json is damaged.
    """
    from seq2seq.runs.metadata import read_metadata  # it imports torch

    if not run.is_run():
        return 0.0
    return float(read_metadata(run)["experiment"]["training"].get("clip_norm", 0.0))
