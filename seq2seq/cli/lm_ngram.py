"""``seq2seq lm ngram`` and ``seq2seq lm arpa``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from seq2seq.cli.options import Device, FileArgument, RunArgument, parse_command, print_figures
from seq2seq.cli.parse import parse_experiment
from seq2seq.config.language_model import NGramExperiment, NGramSettings

NGRAM_HELP = """Estimate an n-gram model from a text, or take one from an ARPA file.

It is what recurrent language models are measured against. Its run is used as theirs are: by lm
score, lm generate, and translate with --language-model. Printed are how many n-grams there
are of each length, and how well they predict the validation text.

seq2seq lm ngram --data.train book.txt --order 5 --run runs/book-5gram

seq2seq lm ngram --from-arpa kenlm.arpa.gz --run runs/kenlm
"""


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
    """What to write; compressed if its name ends in .gz."""


def ngram_command(arguments: list[str]) -> None:
    """Estimate an n-gram model from a text, or take one from an ARPA file."""
    experiment = parse_experiment(
        NGram(), arguments, "seq2seq lm ngram", NGRAM_HELP, text_given=False
    )
    from seq2seq.language_modeling.train_ngram import train_ngram_model

    made = train_ngram_model(experiment)
    counts = {f"{length}-grams": size for length, size in enumerate(made.model.sizes, 1)}
    print_figures({**counts, **(made.held_out.summary() if made.held_out else {})})


def arpa_command(arguments: list[str]) -> None:
    """Write the n-gram model of a run as an ARPA file."""
    command = parse_command(Arpa, arguments, "seq2seq lm arpa")
    from seq2seq.language_modeling.loading import load_ngrams
    from seq2seq.models.ngram.arpa import write_arpa
    from seq2seq.runs.run import Run

    model, text, _ = load_ngrams(Run(command.run))
    write_arpa(command.file, model, text.pipeline.vocab)
