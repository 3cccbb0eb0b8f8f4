"""``seq2seq lm ahead``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seq2seq.cli.options import (
    AnalysisCommand,
    Device,
    FileOption,
    check_plot,
    emit,
    open_run,
    parse_command,
)
from seq2seq.config.fields import PositiveInt
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class LookAhead(AnalysisCommand):
    """Predict a text k steps ahead: how errors add up when a model reads its own words.

    From many places of the text, after all that stands before, the model reads on in its own
    predictions (the most probable token each time). For k = 1, 2, … : how often the true token k
    steps ahead is the most probable one (accuracy), and the mean log-probability of the true token
    in nats. k = 1 is prediction from true words alone. Steps count tokens of the run: compare runs
    that have the same.

    seq2seq lm ahead runs/elman runs/lstm --text held-out.txt --steps 10 --plot ahead.png
    """

    text: FileOption = ""
    """The text (.gz too)."""
    steps: PositiveInt = 10
    """How many tokens to look ahead."""
    places: PositiveInt = 1000
    """The most places of the text to look ahead from, spread evenly; more are more exact."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.runs or not self.text:
            yield "give RUN and --text FILE"
        yield from super().problems()
        yield from device_problems(self.device)


def ahead_command(arguments: list[str]) -> None:
    """Predict a text k steps ahead, the model reading its own words."""
    command = parse_command(LookAhead, arguments, "seq2seq lm ahead")
    runs = {name: open_run(name) for name in command.runs}
    for run in runs.values():
        run.experiment(LanguageExperiment)
    check_plot(command.plot)
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.plotting.multi_step import plot_multi_step

    lines = read_lines(command.text)
    models = {name: LanguageModel.load(run, command.device) for name, run in runs.items()}
    found = {
        run: model.predict_ahead(lines, steps=command.steps, places=command.places)
        for run, model in models.items()
    }
    emit(command, found, plot=plot_multi_step)
