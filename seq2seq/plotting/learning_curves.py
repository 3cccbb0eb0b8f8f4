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
    """Draws perplexity, BLEU, learning rate and sampling rate over the steps of a run, as a PNG.

    Raises:
        SettingsError: matplotlib is not installed.
        RunError: the run has no metrics.
    """
    check_figure_path(run.curves)
    rows = read_metrics(run.metrics)
    validated = [row.get("bleu") for row in rows if row["kind"] == "validation"]
    # Of each panel: what it shows of lines of which kind.
    panels = {"perplexity": ("perplexity", ["training", "validation", "mean"])}
    if not validated or any(bleu is not None for bleu in validated):
        panels["validation BLEU (greedy)"] = ("bleu", ["validation", "mean"])
    panels["learning rate"] = ("learning_rate", ["training"])
    if any(row.get("sampling_rate") for row in rows if row["kind"] == "training"):
        panels["sampling rate"] = ("sampling_rate", ["training"])
    figure = new_figure(figsize=(4.2 * len(panels), 3.6), layout="constrained")
    figure.subplots(1, len(panels))
    for axis, (title, (key, kinds)) in zip(figure.axes, panels.items(), strict=True):
        for kind in kinds:
            shown = [row for row in rows if row["kind"] == kind and row.get(key) is not None]
            if shown:
                label = "mean of checkpoints" if kind == "mean" else kind
                marker = "." if len(shown) < 40 else ""
                steps, values = [row["step"] for row in shown], [row[key] for row in shown]
                axis.plot(steps, values, label=label, marker=marker)
        axis.set_title(title)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        if title == "perplexity":
            axis.set_yscale("log")
            if axis.lines:
                axis.legend()
    figure.suptitle(run.path.name)
    return save_figure(figure, run.curves)
