"""``seq2seq lm gradients``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.cli.analyses import AnalysisCommand, open_runs, show
from seq2seq.cli.options import FileOption, parse_command, repeated_names
from seq2seq.config.base import did_you_mean
from seq2seq.config.changes import check_unused
from seq2seq.config.fields import NonNegativeInt, PositiveInt, allowed_names
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.config.model import CellName
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.errors import DataError
from seq2seq.plotting.analyses import gradient_flow_figure

if TYPE_CHECKING:
    from seq2seq.evaluation.gradient_flow import GradientFlow
    from seq2seq.runs.run import Run

EXPLANATION = """\
Each number is the norm of the gradient of one token's loss at the state so many steps before it:
how much the loss would change with that state. A step back multiplies the gradient by the
derivatives of the step. Where they shrink it, it vanishes, and nothing is learned from that far
back; where they stretch it, it explodes, and has to be clipped. An Elman cell multiplies it by U
and the slope of tanh at every step; where a gate keeps the old state (the update gate of a GRU, the
forget gate of an LSTM in its memory c), it is multiplied by the gate, and passes as that nears 1.
In a fresh GRU the gate is near σ(0) = 0.50, in a fresh LSTM near σ(1) = 0.73; training moves it.\
"""
"""What is printed below the table."""


@dataclass(frozen=True)
class Gradients(AnalysisCommand):
    """Measure how far back in time recurrent language models can learn.

    Printed is the norm of the gradient of a token's loss at the state of the top layer, so many
    steps back: it tends to vanish or to explode (Bengio et al. 1994). It is the mean over windows
    that are spread evenly over a text, each read from a state of zeros. An LSTM hands on h, and c,
    its memory; an SRU c alone. Steps are tokens of the run: compare runs that have the same.

    seq2seq lm gradients runs/elman runs/lstm --text book.txt --plot flow.png

    Without a run, networks that have learned nothing read the text's characters:

    seq2seq lm gradients --text book.txt --cells elman gru lstm --size 128
    """

    text: FileOption = ""
    """The text to read (compressed too)."""
    steps: PositiveInt = 100
    """The tokens of a window; the loss is that of the token after them."""
    places: PositiveInt = 32
    """How many windows."""
    cells: tuple[str, ...] = ("elman", "gru", "lstm")
    """Of fresh networks: their cells, as for --model.cell."""
    size: PositiveInt = 128
    """Of fresh networks: the width of embedding and state."""
    seed: NonNegativeInt = 1
    """Of fresh networks: where their weights come from."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        cells = list(allowed_names(CellName))
        if not self.text:
            yield "give --text FILE"
        yield from super().problems()
        yield from repeated_names(self.cells)
        if not self.runs and not self.cells:
            yield "--cells is empty: give the names of cells, or RUN"
        for cell in self.cells:
            if cell not in cells:
                yield f"--cells {cell} is no cell{did_you_mean(cell, cells)}"
        fresh = dict.fromkeys(("cells", "size", "seed"), not self.runs)
        yield from check_unused(self, "--", fresh, "RUN")


def gradients_command(arguments: list[str]) -> None:
    """Measure how far back in time recurrent language models can learn."""
    command = parse_command(Gradients, arguments, "seq2seq lm gradients")
    runs = open_runs(command, LanguageExperiment)
    from seq2seq.evaluation.gradient_flow import as_table

    lines = read_plain_lines(command.text)
    flows = flows_of_runs(command, runs, lines) if runs else flows_of_cells(command, lines)
    found = dict(zip(command.runs or command.cells, flows.values(), strict=True))
    table = f"{as_table(flows)}\n\n{EXPLANATION}"
    show(command, found, table, lambda: gradient_flow_figure(flows))


def flows_of_runs(
    command: Gradients, runs: Mapping[str, Run], lines: list[str]
) -> dict[str, GradientFlow]:
    """Measures the gradient flow of each run, by the run's name and its cell."""
    from seq2seq.evaluation.gradient_flow import text_gradient_flow, windows
    from seq2seq.language_modeling.loading import load_network

    flows = {}
    for (path, run), name in zip(runs.items(), short_names(command.runs), strict=True):
        cell = run.experiment(LanguageExperiment).model.cell
        network, text, _ = load_network(run)
        rows = text.rows(text.clean("\n".join(lines)).split("\n"))
        try:
            ids = windows(rows, command.steps, command.places)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        flows[f"{name} ({cell})"] = text_gradient_flow(network, ids)
    return flows


def flows_of_cells(command: Gradients, lines: list[str]) -> dict[str, GradientFlow]:
    """Measures the gradient flow of fresh networks, by their cells; they read characters."""
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
    """Returns the name of each run's folder; the whole path, where two have the same.

    >>> short_names(["runs/gru", "runs/lstm"]), short_names(["a/gru", "b/gru"])
    (['gru', 'lstm'], ['a/gru', 'b/gru'])
    """
    names = [Path(run).resolve().name for run in runs]
    return list(runs) if len(set(names)) < len(names) else names
