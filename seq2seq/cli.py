"""The command line: ``seq2seq train | translate | evaluate | plot``, and what recipes share.

stdout carries results, stderr the rest. A known error is one message and exit code 2; an unknown
one, that is a bug, keeps its traceback.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, NoReturn, TypeVar

import tyro

import seq2seq
from seq2seq.errors import Seq2SeqError, SettingsError
from seq2seq.settings import DecodingSettings, Experiment
from seq2seq.training.checkpoint import RunDirectory

INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ended, by convention 128 + SIGINT."""

ExperimentT = TypeVar("ExperimentT", bound=Experiment)
CommandT = TypeVar("CommandT", bound="DecodingCommand")


@dataclass(frozen=True)
class DecodingCommand:
    """What commands that translate have in common."""

    run: Annotated[str, tyro.conf.Positional]
    """The run directory."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""
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

    source: str = ""
    """The source sentences, a line each (.gz too)."""
    reference: tuple[str, ...] = ()
    """The references, line-aligned with the source; several files if there are several."""
    tokenize: str = "13a"
    """sacreBLEU's tokenization: 13a, zh, ja-mecab, char, none, …"""
    lowercase: bool = False
    """Score without case."""
    output: str = ""
    """Write the translations to this file."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True)
class Plot:
    """Draw a run's learning curves as a PNG in its directory (extra `plots`)."""

    run: Annotated[str, tyro.conf.Positional]
    """The run directory."""


def train_command(arguments: list[str]) -> None:
    """Train a translation model, or continue with --resume."""
    from seq2seq.experiment import train

    experiment = parse_experiment(Experiment(), arguments, prog="seq2seq train")
    finish(train(experiment), experiment)


def translate_command(arguments: list[str]) -> None:
    """Translate stdin to stdout, a line for each line."""
    from seq2seq.text.corpus import iter_lines
    from seq2seq.translator import Translator

    command = parse_decoding(Translate, arguments, "seq2seq translate")
    translator = Translator.load(command.run, command.device)
    translator.settings = command.decoding
    lines = iter_lines(sys.stdin.buffer, "standard input")
    if command.n_best > 1:
        for line in lines:
            for candidate in translator.candidates(line, command.n_best):
                write_line(json.dumps({"source": line, **candidate._asdict()}, ensure_ascii=False))
        return
    for translation in translator.translate_lines(lines):
        write_line(translation)


def evaluate_command(arguments: list[str]) -> None:
    """Translate a source file and score the result against references."""
    from seq2seq.evaluation.translation import check_lengths, evaluate
    from seq2seq.text.corpus import read_lines
    from seq2seq.translator import Translator

    command = parse_decoding(Evaluate, arguments, "seq2seq evaluate")
    if not command.source or not command.reference:
        raise SettingsError("give --source FILE and --reference FILE")
    sources = read_lines(command.source)
    streams = [read_lines(path) for path in command.reference]
    for stream in streams:
        check_lengths(len(sources), len(stream))
    translator = Translator.load(command.run, command.device)
    translator.settings = command.decoding
    hypotheses = translator.translate(sources)
    if command.output:
        with open(command.output, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{hypothesis}\n" for hypothesis in hypotheses)
    references = [list(entry) for entry in zip(*streams, strict=True)]
    scores = evaluate(
        hypotheses, references, tokenize=command.tokenize, lowercase=command.lowercase
    )
    if command.json:
        print(json.dumps({name: score._asdict() for name, score in scores._asdict().items()}))
        return
    for name, score in (("BLEU", scores.bleu), ("chrF", scores.chrf), ("TER", scores.ter)):
        print(f"{name:5} {score}")


def plot_command(arguments: list[str]) -> None:
    """Draw a run's learning curves as a PNG in its directory."""
    from seq2seq.plots import plot_learning_curves

    command = tyro.cli(Plot, prog="seq2seq plot", args=arguments)
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
        close = difflib.get_close_matches(given, COMMANDS, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        fail(f"unknown command {given}{hint}\n\n{usage()}" if given else usage())


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


def write_line(text: str) -> None:
    """A line to stdout, in UTF-8 whatever the locale, at once."""
    sys.stdout.buffer.write(text.encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()


def parse_experiment(
    default: ExperimentT, arguments: Sequence[str] | None = None, prog: str | None = None
) -> ExperimentT:
    """An experiment from the command line, over the defaults of a recipe.

    With --resume the defaults are those of the run itself, so only what changes has to be given;
    a change that the run's weights would not fit is refused.
    """
    from seq2seq.experiment import load_experiment

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    kind = type(default)
    stored = None
    if "--resume" in arguments:
        stored = load_experiment(RunDirectory(given_value("--run", arguments) or default.run), kind)
        default = stored
    experiment = tyro.cli(
        kind, prog=prog, description=kind.__doc__, args=arguments, default=default
    )
    if stored is not None:
        refuse_changes(stored, experiment)
    return experiment


def given_value(option: str, arguments: Sequence[str]) -> str | None:
    """The value of an option that others depend on, before they can be read."""
    for position, argument in enumerate(arguments):
        if argument == option and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith(f"{option}="):
            return argument.removeprefix(f"{option}=")
    return None


def refuse_changes(stored: Experiment, experiment: Experiment) -> None:
    """Raises SettingsError if a continued run is to have another model, text or seed."""
    changed = [
        name
        for name in ("seed", "data", "model")
        if getattr(stored, name) != getattr(experiment, name)
    ]
    if changed:
        raise SettingsError(
            f"--resume continues a run with its own settings; {', '.join(changed)} can't change "
            "(--training.… can, and --decoding.…)"
        )


def parse_decoding(kind: type[CommandT], arguments: list[str], prog: str) -> CommandT:
    """A command that translates; what is not given on the command line is as the run says."""
    from seq2seq.experiment import load_experiment

    command = tyro.cli(kind, prog=prog, args=arguments)
    stored = load_experiment(RunDirectory(command.run), Experiment).decoding
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
