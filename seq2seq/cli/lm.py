"""``seq2seq lm train | score | generate``, and a list of all that ``seq2seq lm`` can."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import tyro

from seq2seq.cli.lm_ahead import ahead_command
from seq2seq.cli.lm_gradients import gradients_command
from seq2seq.cli.lm_ngram import arpa_command, ngram_command
from seq2seq.cli.lm_stats import stats_command
from seq2seq.cli.options import FileArgument, RunArgument, print_figures
from seq2seq.cli.parse import parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.language_model import GenerationSettings, LanguageExperiment
from seq2seq.console import standard_input
from seq2seq.errors import SettingsError
from seq2seq.runs.files import finite_or_none

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
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""

    def load(self) -> LanguageModel:
        """The language model in the run directory."""
        from seq2seq.language_modeling.model import LanguageModel

        return LanguageModel.load(self.run, self.device)


@dataclass(frozen=True)
class Score(LanguageModelCommand):
    """Print how well a language model predicts a text: perplexity by token, word and character.

    Words are what stands between white space; a line's end counts as a word and as a character.
    """

    text: FileArgument = ""
    """The text (.gz too). Empty: standard input."""
    by_line: bool = False
    """Score each line by itself: its log-probability, a tab, and the mean over its tokens."""
    json: bool = False
    """Print JSON; with --by-line, a JSON line each, with the log-probability of each token."""


@dataclass(frozen=True)
class Generate(LanguageModelCommand):
    """Make up text; it appears token by token."""

    prefix: str | None = None
    """What it begins with (the run's own setting, if not given; so for all below)."""
    max_tokens: int | None = None
    """It has at most so many tokens more."""
    temperature: float | None = None
    """Below 1 nearer to the most probable, above 1 farther from it; 0: always the most probable."""
    top_k: int | None = None
    """From the so many most probable tokens only."""
    top_p: float | None = None
    """From the most probable tokens that have this much probability together."""
    seed: int | None = None
    """The same seed gives the same text."""


def train_command(arguments: list[str]) -> None:
    """Train a language model, or continue with --resume."""
    experiment = parse_experiment(
        LanguageExperiment(),
        arguments,
        prog="seq2seq lm train",
        description=TRAIN_HELP,
        text_given=False,
    )
    from seq2seq.language_modeling.train import train_language_model

    finish_training(train_language_model(experiment), experiment)


def score_command(arguments: list[str]) -> None:
    """Print how well a language model predicts a text."""
    command = tyro.cli(Score, prog="seq2seq lm score", args=arguments)
    from seq2seq.data.readers.lines import iter_lines, read_lines

    model = command.load()
    if command.text:
        lines = read_lines(command.text)
    else:
        lines = list(iter_lines(standard_input(), "standard input"))
    if command.by_line:
        for line in lines:
            score = model.score(line)
            if command.json:
                print(
                    json.dumps(
                        finite_or_none({"text": line, **score._asdict()}), ensure_ascii=False
                    )
                )
            else:
                mean = score.log_probability / max(1, len(score.tokens))
                print(f"{score.log_probability:.4f}\t{mean:.4f}")
        return
    print_figures(model.evaluate_lines(lines).summary(), as_json=command.json)


def generate_command(arguments: list[str]) -> None:
    """Make up text with a language model."""
    command = tyro.cli(Generate, prog="seq2seq lm generate", args=arguments)
    given = {
        name: value
        for name in GenerationSettings.__dataclass_fields__
        if (value := getattr(command, name)) is not None
    }
    model = command.load()
    try:
        pieces = model.stream(**given)
    except SettingsError as error:  # here the options have no group
        raise SettingsError(str(error).replace("--generation.", "--")) from error
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


LANGUAGE_COMMANDS = {
    "train": train_command,
    "score": score_command,
    "generate": generate_command,
    "stats": stats_command,
    "ngram": ngram_command,
    "arpa": arpa_command,
    "ahead": ahead_command,
    "gradients": gradients_command,
}
