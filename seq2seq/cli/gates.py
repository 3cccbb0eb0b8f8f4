"""``seq2seq gates``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seq2seq.cli.options import (
    Device,
    FileOption,
    RunArgument,
    open_run,
    parse_command,
    print_json,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.config.experiment import Experiment
from seq2seq.plotting.figure import check_figure_path
from seq2seq.training.preflight import device_problems


@dataclass(frozen=True)
class Gates:
    """Show the gates of a model's cells while it reads a sentence.

    Printed is the mean of each gate over the units of a layer, at each token: 0 is closed, 1 is
    open. The picture has every unit. A language model reads the sentence from a fresh state; of a
    translation model it is the encoder that reads it. What a gate does is the cell's formula: an
    LSTM's forget gate at 1 keeps the memory, and a GRU's update gate at 1 keeps the state, while a
    minimal GRU's at 1 takes a new one.

    seq2seq gates runs/book "The Time Traveller smiled." --plot gates.png
    """

    run: RunArgument
    """The run directory, of a recurrent language model or a translation model."""
    sentence: Annotated[str, tyro.conf.arg(metavar="TEXT")] = ""
    """What is read."""
    plot: FileOption = ""
    """Draw the gates of all units: a file .png, .pdf or .svg."""
    json: bool = False
    """Print one JSON object, with the gates of all units."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.sentence:
            yield 'give RUN and a sentence: seq2seq gates RUN "a sentence"'
        elif Path(self.sentence).is_file():
            yield f"{self.sentence} is a file, and a sentence is read: give it in quotation marks"
        yield from device_problems(self.device)


def gates_command(arguments: list[str]) -> None:
    """Show the gates of a model's cells while it reads a sentence."""
    command = parse_command(Gates, name_after_run(arguments, "--sentence"), "seq2seq gates")
    if command.plot:
        check_figure_path(command.plot)
    run = open_run(command.run)
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.translation.gates import read_gates
    from seq2seq.translation.translator import Translator

    kind: type[Translator] | type[LanguageModel]
    kind = Translator if run.kind == Experiment.KIND else LanguageModel
    found = read_gates(kind.load(run, command.device), command.sentence)
    if command.plot:
        found.plot(command.plot)
    if command.json:
        print_json(found.as_dict())
    else:
        print(found.as_table())
