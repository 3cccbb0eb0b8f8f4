"""``seq2seq lm train | ngram | score | generate | arpa``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import tyro

from seq2seq.cli.options import (
    Device,
    FileArgument,
    FileOption,
    RunArgument,
    drop_prefix,
    input_lines,
    parse_again,
    parse_command,
    print_json,
)
from seq2seq.cli.parse import name_after_run, name_files, parse_experiment
from seq2seq.cli.train import finish_training
from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageExperiment,
    NGramExperiment,
    NGramSettings,
)

if TYPE_CHECKING:
    from seq2seq.language_modeling.model import LanguageModel

TRAIN_HELP = """Train a language model on running text or sentences; or continue with --resume.

A first run: seq2seq lm train book.txt --training.minutes 10 --run runs/book

To continue: seq2seq lm train --run runs/book --resume

Settings from a file: seq2seq lm train book.txt --config settings.toml --run runs/book

To see what either would do, and write nothing: the same with --dry-run
"""

NGRAM_HELP = """Estimate an n-gram model from a text, or take one from an ARPA file.

It is what recurrent language models are measured against. Its run is used as theirs are: by lm
score, lm generate, and translate with --language-model. Printed are how many n-grams there
are of each length, and how well they predict the validation text.

seq2seq lm ngram book.txt --order 5 --run runs/book-5gram

seq2seq lm ngram --from-arpa kenlm.arpa.gz --run runs/kenlm
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
    Tokens that the vocabulary lacks are scored as <unk>; perplexity is given without them, too.

    seq2seq lm score runs/book text.txt
    """

    text: FileOption = ""
    """The text (compressed too). Empty: standard input."""
    by_line: bool = False
    """Score each line by itself: its log-probability, a tab, and the mean over its tokens."""
    json: bool = False
    """Print JSON; with --by-line, a JSON line each, with the log-probability of each token."""


@dataclass(frozen=True)
class Generate(LanguageModelCommand):
    """Make up text; it appears token by token.

    seq2seq lm generate runs/book "Once upon a time"
    """

    generation: tyro.conf.OmitArgPrefixes[GenerationSettings] = field(
        default_factory=GenerationSettings
    )
    """How; the defaults are the run's."""


@dataclass(frozen=True)
class NGram(NGramExperiment):
    """An n-gram model's run as the command line has it: without what has no effect on it."""

    model: Annotated[NGramSettings, tyro.conf.arg(name="")] = field(default_factory=NGramSettings)
    seed: tyro.conf.SuppressFixed[tyro.conf.Fixed[int]] = 1
    resume: tyro.conf.SuppressFixed[tyro.conf.Fixed[bool]] = False
    device: tyro.conf.SuppressFixed[tyro.conf.Fixed[Device]] = "auto"


@dataclass(frozen=True)
class Arpa:
    """Write the n-gram model of a run as an ARPA file, which KenLM, SRILM and others read."""

    run: RunArgument
    """The run directory."""
    file: FileArgument
    """What to write; compressed if its name ends in .gz, .bz2 or .xz."""


def train_command(arguments: list[str]) -> None:
    """Train a language model, or continue with --resume."""
    arguments = name_files(arguments, "--data.train")
    experiment = parse_experiment(
        LanguageExperiment(), arguments, "seq2seq lm train", TRAIN_HELP, text_given=False
    )
    from seq2seq.language_modeling.train import train_language_model

    finish_training(train_language_model(experiment), experiment)


def ngram_command(arguments: list[str]) -> None:
    """Estimate an n-gram model from a text, or take one from an ARPA file."""
    arguments = name_files(arguments, "--data.train")
    experiment = parse_experiment(
        NGram(), arguments, "seq2seq lm ngram", NGRAM_HELP, text_given=False
    )
    from seq2seq.language_modeling.train_ngram import train_ngram_model

    made = train_ngram_model(experiment)
    counts = {f"{length}-grams": size for length, size in enumerate(made.model.sizes, 1)}
    print_figures({**counts, **(made.held_out.summary() if made.held_out else {})})


def score_command(arguments: list[str]) -> None:
    """Print how well a language model predicts a text."""
    arguments = name_after_run(arguments, "--text")
    command = parse_command(Score, arguments, "seq2seq lm score")
    model = command.load()
    lines = input_lines(command.text or "-")
    if command.by_line:
        for line in lines:
            score = model.score(line)
            if command.json:
                print_json({"text": line, **score.summary()})
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
    arguments = name_after_run(arguments, "--prefix")
    command = parse_command(Generate, arguments, prog)
    model = command.load()
    model.settings = parse_again(command, arguments, prog, generation=model.settings).generation
    for piece in model.stream():
        print(piece, end="", flush=True)
    print()


def arpa_command(arguments: list[str]) -> None:
    """Write the n-gram model of a run as an ARPA file."""
    command = parse_command(Arpa, arguments, "seq2seq lm arpa")
    from seq2seq.language_modeling.loading import load_ngrams
    from seq2seq.models.ngram.arpa import write_arpa
    from seq2seq.runs.run import Run

    model, text, _ = load_ngrams(Run(command.run))
    write_arpa(command.file, model, text.pipeline.vocab)


def print_figures(figures: Mapping[str, float | None]) -> None:
    """Prints a line for each figure, counts with commas; "-" for one that there is not."""
    for name, value in figures.items():
        shown = "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        print(f"{name.replace('_', ' '):27} {shown}")
