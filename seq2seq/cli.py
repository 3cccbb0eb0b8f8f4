"""The command line: ``seq2seq train | translate | evaluate | plot``, and what recipes share.

stdout carries results, stderr the rest. A known error is one message and exit code 2; an unknown
one, that is a bug, keeps its traceback. What takes long to import is imported when all the options
are known to be right: help and mistakes are answered at once.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Literal, NoReturn, TypeAlias, TypeVar

import tyro

import seq2seq
from seq2seq.arguments import load, parse_experiment
from seq2seq.errors import DataError, Seq2SeqError, SettingsError
from seq2seq.settings import DecodingSettings, Experiment
from seq2seq.training.run_directory import RunDirectory

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, by convention 128 + SIGINT."""

TRAIN_HELP = """Train a translation model on pairs of sentences; or continue with --resume.

A first run: seq2seq train --data.train pairs.tsv --training.minutes 20 --run runs/mine

To continue: seq2seq train --run runs/mine --resume
"""

RunArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
FileArgument: TypeAlias = Annotated[str, tyro.conf.arg(metavar="FILE")]
CommandT = TypeVar("CommandT", bound="DecodingCommand")


@dataclass(frozen=True)
class DecodingCommand:
    """What commands that translate have in common."""

    run: RunArgument
    """The run directory."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    """How to search; the defaults are the run's."""


@dataclass(frozen=True)
class Translate(DecodingCommand):
    """Translate stdin to stdout, a line for each line."""

    n_best: int = 1
    """Print so many translations of each line, as JSON lines with their scores, if above 1."""


@dataclass(frozen=True)
class Evaluate(DecodingCommand):
    """Translate a source file and score the result: BLEU, chrF and TER with their signatures."""

    source: FileArgument = ""
    """The source sentences, a line each (.gz too)."""
    reference: tuple[FileArgument, ...] = ()
    """The references, line-aligned with the source; several files if there are several."""
    tokenize: str = "13a"
    """sacreBLEU's tokenization: 13a, zh, ja-mecab, char, none, …"""
    lowercase: bool = False
    """Score without case; always so for a run that was trained with --data.lowercase."""
    output: FileArgument = ""
    """Write the translations to this file."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Plot:
    """Draw a run's learning curves as a PNG in its directory (extra `plots`)."""

    run: RunArgument
    """The run directory."""


def train_command(arguments: list[str]) -> None:
    """Train a translation model, or continue with --resume."""
    experiment = parse_experiment(
        Experiment(), arguments, prog="seq2seq train", description=TRAIN_HELP
    )
    from seq2seq.experiment import train

    finish(train(experiment), experiment)


def translate_command(arguments: list[str]) -> None:
    """Translate stdin to stdout, a line for each line."""
    command = parse_decoding(Translate, arguments, "seq2seq translate")
    if command.n_best < 1:
        raise SettingsError(f"--n-best {command.n_best} must be at least 1")
    from seq2seq.text.corpus import iter_lines
    from seq2seq.translator import Translator

    translator = Translator.load(command.run, command.device)
    translator.settings = replace(
        command.decoding,
        beam_size=max(command.n_best, command.decoding.beam_size),
        # Whoever types wants an answer to each line; from a file, lines of like length go together.
        batch_size=1 if sys.stdin.isatty() else command.decoding.batch_size,
    )
    lines = iter_lines(sys.stdin.buffer, "standard input")
    for line, candidates in translator.search_lines(lines):
        if command.n_best == 1:
            print(candidates[0].text, flush=True)
            continue
        for candidate in candidates[: command.n_best]:
            row = {"source": line, **candidate._asdict()}
            print(json.dumps(row, ensure_ascii=False), flush=True)


def evaluate_command(arguments: list[str]) -> None:
    """Translate a source file and score the result against references."""
    command = parse_decoding(Evaluate, arguments, "seq2seq evaluate")
    if not command.source or not command.reference:
        raise SettingsError("give --source FILE and --reference FILE")
    from seq2seq.evaluation.translation import bleu_metric, evaluate
    from seq2seq.text.corpus import read_lines
    from seq2seq.translator import Translator

    sources = read_lines(command.source)
    streams = [read_lines(path) for path in command.reference]
    for path, stream in zip(command.reference, streams, strict=True):
        if len(stream) != len(sources):
            raise DataError(
                f"{command.source} has {len(sources):,} lines, but {path} has {len(stream):,}: "
                "each line must have its reference on the same line"
            )
    if not sources:
        raise DataError(f"{command.source} is empty: there is nothing to translate and score")
    # What would go wrong after the work is found out before it.
    bleu_metric(command.tokenize)
    check_output(command.output, [command.source, *command.reference])
    translator = Translator.load(command.run, command.device)
    translator.settings = command.decoding
    hypotheses = translator.translate(sources)
    write_lines(command.output, hypotheses)
    references = [list(entry) for entry in zip(*streams, strict=True)]
    scores = evaluate(
        hypotheses,
        references,
        tokenize=command.tokenize,
        lowercase=command.lowercase or load(command.run, Experiment).data.lowercase,
    )
    if command.json:
        print(json.dumps({name: score._asdict() for name, score in scores._asdict().items()}))
        return
    for name, score in (("BLEU", scores.bleu), ("chrF", scores.chrf), ("TER", scores.ter)):
        print(f"{name:5} {score}")


def plot_command(arguments: list[str]) -> None:
    """Draw a run's learning curves as a PNG in its directory."""
    command = tyro.cli(Plot, prog="seq2seq plot", args=arguments)
    from seq2seq.plots import plot_learning_curves

    run = RunDirectory(command.run)
    run.check_exists()
    print(plot_learning_curves(run))


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "train": train_command,
    "translate": translate_command,
    "evaluate": evaluate_command,
    "plot": plot_command,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of ``seq2seq``; exits with 0, or 2 after a user's mistake."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in COMMANDS:
        guarded(partial(COMMANDS[arguments[0]], arguments[1:]))
    elif arguments and arguments[0] in ("--version", "-V"):
        print(f"seq2seq {seq2seq.__version__}")
    elif arguments and arguments[0] in ("--help", "-h"):
        print(usage())
    else:
        given = arguments[0] if arguments else ""
        close = difflib.get_close_matches(given, [*COMMANDS, "--version", "--help"], n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        what = f"unknown command {given}{hint}" if given else "no command given"
        fail(f"{what}\n\n{usage()}")


def usage() -> str:
    """The commands, a line each."""
    lines = [f"  seq2seq {name:10} {command.__doc__}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "seq2seq: recurrent sequence-to-sequence translation",
            "",
            *lines,
            "",
            "  seq2seq COMMAND --help   all of a command's options",
            "  seq2seq --version",
        ]
    )


def guarded(command: Callable[[], object]) -> None:
    """Runs a command, with every known error as one message and exit code 2."""
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper):  # text goes out in UTF-8, whatever the locale
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    try:
        command()
        sys.stdout.flush()
    except Seq2SeqError as error:
        fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(message: str) -> NoReturn:
    """Prints an error and exits with 2."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def check_output(path: str, inputs: Sequence[str]) -> None:
    """Raises DataError unless `path` can be written, and is none of the files that are read."""
    if any(os.path.realpath(path) == os.path.realpath(other) for other in inputs):
        raise DataError(f"--output {path} is one of the files to read: give another name")
    try:
        if path:
            with open(path, "a", encoding="utf-8"):
                pass
    except OSError as error:
        raise DataError(f"{path} could not be written: {error.strerror}") from error


def write_lines(path: str, lines: Sequence[str]) -> None:
    """Lines to a file, if there is one to write to."""
    if not path:
        return
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise DataError(f"{path} could not be written: {error.strerror}") from error


def parse_decoding(kind: type[CommandT], arguments: list[str], prog: str) -> CommandT:
    """A command that translates; what is not given on the command line is as the run says."""
    command = tyro.cli(kind, prog=prog, args=arguments)
    stored = load(command.run, Experiment).decoding
    command = tyro.cli(kind, prog=prog, args=arguments, default=replace(command, decoding=stored))
    if problems := list(command.decoding.problems()):
        raise SettingsError("\n".join(problems))
    return command


def finish(reason: str, experiment: Experiment) -> None:
    """After a training: draws its curves where matplotlib is, and sets the exit code."""
    from seq2seq.plots import plot_learning_curves
    from seq2seq.training.progress import say

    if reason == "interrupted":
        sys.exit(INTERRUPTED)
    try:
        say(f"Learning curves: {plot_learning_curves(RunDirectory(experiment.run))}")
    except SettingsError as error:
        say(f"No learning curves: {error}")
