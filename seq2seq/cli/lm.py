"""``seq2seq lm train | score | generate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tyro

from seq2seq.cli.options import (
    Device,
    FileOption,
    RunArgument,
    drop_prefix,
    input_lines,
    parse_again,
    parse_command,
    print_figures,
    print_json,
)
from seq2seq.cli.parse import parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.language_model import GenerationSettings, LanguageExperiment

if TYPE_CHECKING:
    from seq2seq.language_modeling.model import LanguageModel

TRAIN_HELP = """Train a language model on running text or sentences; or continue with --resume.

A first run: seq2seq lm train --data.train book.txt --training.minutes 10 --run runs/book

To continue: seq2seq lm train --run runs/book --resume

To see what either would do, and write nothing: the same with --dry-run
"""


@dataclass(frozen=True)
class LanguageModelCommand:
    """A command that uses a trained language model."""

    run: RunArgument
    """The run directory."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def load(self) -> LanguageModel:
        """Loads the language model in the run directory."""
        from seq2seq.language_modeling.model import LanguageModel

        return LanguageModel.load(self.run, self.device)


@dataclass(frozen=True)
class Score(LanguageModelCommand):
    """Print how well a language model predicts a text: perplexity by token, word and character.

    Words are what stands between white space; a line's end counts as a word and as a character.
    """

    text: FileOption = ""
    """The text (.gz too). Empty: standard input."""
    by_line: bool = False
    """Score each line by itself: its log-probability, a tab, and the mean over its tokens."""
    json: bool = False
    """Print JSON; with --by-line, a JSON line each, with the log-probability of each token."""


@dataclass(frozen=True)
class Generate(LanguageModelCommand):
    """Make up text; it appears token by token."""

    generation: tyro.conf.OmitArgPrefixes[GenerationSettings] = field(
        default_factory=GenerationSettings
    )
    """How; the defaults are the run's."""


def train_command(arguments: list[str]) -> None:
    """Train a language model, or continue with --resume."""
    experiment = parse_experiment(
        LanguageExperiment(), arguments, "seq2seq lm train", TRAIN_HELP, text_given=False
    )
    from seq2seq.language_modeling.train import train_language_model

    finish_training(train_language_model(experiment), experiment)


def score_command(arguments: list[str]) -> None:
    """Print how well a language model predicts a text."""
    command = parse_command(Score, arguments, "seq2seq lm score")
    model = command.load()
    lines = list(input_lines(command.text or "-"))
    if command.by_line:
        for line in lines:
            score = model.score(line)
            if command.json:
                print_json({"text": line, **score._asdict()})
            else:
                mean = score.log_probability / max(1, len(score.tokens))
                print(f"{score.log_probability:.4f}\t{mean:.4f}")
        return
    summary = model.evaluate_lines(lines).summary()
    if command.json:
        print_json(summary)
    else:
        print_figures(summary)


def generate_command(arguments: list[str]) -> None:
    """Make up text with a language model."""
    prog = "seq2seq lm generate"
    arguments = [drop_prefix(argument, "generation") for argument in arguments]
    command = parse_command(Generate, arguments, prog)
    model = command.load()
    model.settings = parse_again(command, arguments, prog, generation=model.settings).generation
    for piece in model.stream():
        print(piece, end="", flush=True)
    print()
