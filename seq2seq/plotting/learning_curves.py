"""The learning curves of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seq2seq.errors import RunError
from seq2seq.plotting.figure import check_figure_path, new_figure, save_figure
from seq2seq.runs.directory import RunDirectory


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
    """Draws perplexity, BLEU, learning rate and sampling rate over the steps of a run.

    Returns:
        The PNG file.

    Raises:
        SettingsError: matplotlib is not installed.
        RunError: the run has no metrics.
    """
    check_figure_path(run.curves)
    rows = read_metrics(run.metrics)
    training = [row for row in rows if row["kind"] == "training"]
    validation = [row for row in rows if row["kind"] == "validation"]
    means = [row for row in rows if row["kind"] == "mean"]
    translates = not validation or any(row.get("bleu") is not None for row in validation)
    panels: list[tuple[str, list[tuple[str, list[dict[str, Any]], str]]]] = [
        (
            "perplexity",
            [
                ("training", training, "perplexity"),
                ("validation", validation, "perplexity"),
                ("mean of checkpoints", means, "perplexity"),
            ],
        ),
        *[
            (
                "validation BLEU (greedy)",
                [("BLEU", validation, "bleu"), ("mean of checkpoints", means, "bleu")],
            )
        ]
        * translates,
        ("learning rate", [("learning rate", training, "learning_rate")]),
    ]
    if any(row.get("sampling_rate") for row in training):
        panels.append(("sampling rate", [("sampling rate", training, "sampling_rate")]))
    figure = new_figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, curves) in zip(axes, panels, strict=True):
        for label, values, key in curves:
            points = [(row["step"], row[key]) for row in values if row.get(key) is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=label, marker="." * (len(points) < 40))
        axis.set_title(title)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        if title == "perplexity":
            axis.set_yscale("log")
            if axis.lines:
                axis.legend()
    figure.suptitle(run.path.name)
    return save_figure(figure, run.curves)
