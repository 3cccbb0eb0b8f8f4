"""``seq2seq lm gradients``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import tyro

from seq2seq.cli.exposure import RunsArgument
from seq2seq.cli.options import FileArgument
from seq2seq.cli.systems import check_distinct
from seq2seq.config.base import check_min, check_unused, did_you_mean, raise_problems
from seq2seq.config.model import NetworkSettings
from seq2seq.errors import DataError

if TYPE_CHECKING:
    from seq2seq.evaluation.gradient_flow import GradientFlow

GRADIENTS_HELP = """Measure how far back in time recurrent language models can learn.

Printed is the norm of the gradient of a token's loss at the state of the top layer, so many steps
back: it tends to vanish or to explode (Bengio et al. 1994). It is the mean over windows that are
spread evenly over a text, each read from a state of zeros. An LSTM hands on h, and c, its memory.
Steps are tokens of the run: compare runs that have the same.

seq2seq lm gradients runs/elman runs/lstm --text book.txt --plot flow.png

Without a run, networks that have learned nothing read the text's characters:

seq2seq lm gradients --text book.txt --cells elman gru lstm --size 128
"""


@dataclass(frozen=True)
class Gradients:
    """Measure how far back in time recurrent language models can learn."""

    runs: RunsArgument = ()
    """Run directories of recurrent language models; none: fresh networks."""
    text: FileArgument = ""
    """The text to read (.gz too)."""
    steps: int = 100
    """The tokens of a window; the loss is that of the token after them."""
    places: int = 32
    """How many windows."""
    cells: tuple[str, ...] = ("elman", "gru", "lstm")
    """Of fresh networks: their cells, as for --model.cell."""
    size: int = 128
    """Of fresh networks: the width of embedding and state."""
    seed: int = 1
    """Of fresh networks: where their weights come from."""
    plot: FileArgument = ""
    """Draw all of them in one picture: a file .png, .pdf or .svg (extra `plots`)."""
    json: bool = False
    """Print one JSON object: for each run or cell the norms, first step first."""


def gradients_command(arguments: list[str]) -> None:
    """Measure how far back in time recurrent language models can learn."""
    command = tyro.cli(
        Gradients, prog="seq2seq lm gradients", description=GRADIENTS_HELP, args=arguments
    )
    raise_problems(problems(command))
    check_distinct(command.runs or command.cells)
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.evaluation.gradient_flow import as_json, as_table
    from seq2seq.plotting.figure import check_figure_path
    from seq2seq.plotting.gradient_flow import plot_gradient_flow

    if command.plot:
        check_figure_path(command.plot)
    lines = read_lines(command.text)
    flows = flows_of_runs(command, lines) if command.runs else flows_of_cells(command, lines)
    if command.plot:
        plot_gradient_flow(flows, command.plot)
    if command.json:
        names = command.runs or command.cells
        rows = zip(names, flows.values(), strict=True)
        print(json.dumps({name: as_json(flow) for name, flow in rows}))
        return
    print(as_table(flows))


def problems(command: Gradients) -> list[str]:
    """A line for each mistake in the options."""
    cells = list(get_args(get_type_hints(NetworkSettings)["cell"]))
    found = [] if command.text else ["give --text FILE"]
    for name in ("steps", "places", "size"):
        found += check_min(f"--{name}", getattr(command, name), 1)
    found += check_min("--seed", command.seed, 0)
    if not command.runs and not command.cells:
        found.append("--cells is empty: give the names of cells, or RUN")
    for cell in command.cells:
        if cell not in cells:
            found.append(f"--cells {cell} is no cell{did_you_mean(cell, cells)}")
    fresh = dict.fromkeys(("cells", "size", "seed"), not command.runs)
    found += check_unused(command, "--", fresh, "RUN")
    return found


def flows_of_runs(command: Gradients, lines: list[str]) -> dict[str, GradientFlow]:
    """The gradient flow of each run, by the run's name and its cell."""
    from seq2seq.config.language_model import LanguageExperiment
    from seq2seq.evaluation.gradient_flow import text_gradient_flow, windows
    from seq2seq.language_modeling.loading import load_network
    from seq2seq.runs.run import Run

    flows = {}
    for run, name in zip(command.runs, short_names(command.runs), strict=True):
        opened = Run(run)
        cell = opened.experiment(LanguageExperiment).model.cell
        network, text, _ = load_network(opened)
        rows = text.rows(text.clean("\n".join(lines)).split("\n"))
        try:
            ids = windows(rows, command.steps, command.places)
        except DataError as error:
            raise DataError(f"{run}: {error}") from error
        flows[f"{name} ({cell})"] = text_gradient_flow(network, ids)
    return flows


def flows_of_cells(command: Gradients, lines: list[str]) -> dict[str, GradientFlow]:
    """The gradient flow of fresh networks, by their cells; they read characters."""
    from seq2seq.config.data import DataSettings
    from seq2seq.data.token_stream import TokenStream
    from seq2seq.data.tokenizers.pipeline import build_pipeline
    from seq2seq.evaluation.gradient_flow import fresh_network, text_gradient_flow, windows

    pipeline, ids = build_pipeline(lines, DataSettings(), "character", 8000)
    rows = TokenStream(pipeline, False).rows_from_ids(ids)
    pieces = windows(rows, command.steps, command.places)
    return {
        cell: text_gradient_flow(
            fresh_network(cell, command.size, len(pipeline.vocab), command.seed), pieces
        )
        for cell in command.cells
    }


def short_names(runs: Sequence[str]) -> list[str]:
    """The name of each run's folder; the whole path, where two have the same.

    >>> short(["runs/gru", "runs/lstm"]), short(["a/gru", "b/gru"])
    (['gru', 'lstm'], ['a/gru', 'b/gru'])
    """
    names = [Path(run).resolve().name for run in runs]
    return list(runs) if len(set(names)) < len(names) else names
