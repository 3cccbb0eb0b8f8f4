"""``seq2seq lm ahead``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import tyro

from seq2seq.cli.exposure import RunsArgument
from seq2seq.cli.options import FileArgument
from seq2seq.cli.parse import load_settings
from seq2seq.cli.systems import check_distinct
from seq2seq.config.base import check_min, raise_problems
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.evaluation.multi_step import MultiStepScores

AHEAD_HELP = """Predict a text k steps ahead: how errors add up when a model reads its own words.

From many places of the text, after all that stands before, the model reads on in its own
predictions (the most probable token each time). For k = 1, 2, … : how often the true token k steps
ahead is the most probable one (accuracy), and the mean log-probability of the true token in nats.
k = 1 is prediction from true words alone. Steps count tokens of the run: compare runs that have the
same.

seq2seq lm ahead runs/elman runs/lstm --text held-out.txt --steps 10 --plot ahead.png
"""


@dataclass(frozen=True)
class LookAhead:
    """Predict a text k steps ahead."""

    runs: RunsArgument
    """Run directories."""
    text: FileArgument = ""
    """The text (.gz too)."""
    steps: int = 10
    """How many tokens to look ahead."""
    places: int = 1000
    """The most places of the text to look ahead from, spread evenly; more are more exact."""
    plot: FileArgument = ""
    """Draw accuracy and log-probability over k: a file .png, .pdf or .svg (extra `plots`)."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""
    json: bool = False
    """Print one JSON object."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible option."""
        if not self.runs or not self.text:
            yield "give RUN and --text FILE"
        yield from check_min("--steps", self.steps, 1)
        yield from check_min("--places", self.places, 1)
        yield from device_problems(self.device)


def ahead_command(arguments: list[str]) -> None:
    """Predict a text k steps ahead, the model reading its own words."""
    command = tyro.cli(LookAhead, prog="seq2seq lm ahead", description=AHEAD_HELP, args=arguments)
    raise_problems(command.problems())
    check_distinct(command.runs)
    for run in command.runs:
        load_settings(run, LanguageExperiment)
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.plotting.figure import check_figure_path
    from seq2seq.plotting.multi_step import plot_multi_step

    if command.plot:
        check_figure_path(command.plot)
    lines = read_lines(command.text)
    found = {
        run: LanguageModel.load(run, command.device).predict_ahead(
            lines, steps=command.steps, places=command.places
        )
        for run in command.runs
    }
    if command.plot:
        plot_multi_step(found, command.plot)
    if command.json:
        print(json.dumps({run: as_json(each) for run, each in found.items()}))
        return
    for run, each in found.items():
        print(run)
        print_ahead(each)
        print()


def as_json(found: MultiStepScores) -> dict[str, object]:
    """A run's places and steps."""
    steps = [{"k": k, **step._asdict()} for k, step in enumerate(found.steps, start=1)]
    return {"places": found.places, "steps": steps}


def print_ahead(found: MultiStepScores) -> None:
    """A table with a row for each k."""
    print(f"from {found.places:,} places")
    print(f"{'k':>4}{'accuracy':>10}{'log-probability':>18}")
    for k, step in enumerate(found.steps, start=1):
        print(f"{k:>4}{step.accuracy:>10.1%}{step.log_probability:>18.3f}")
