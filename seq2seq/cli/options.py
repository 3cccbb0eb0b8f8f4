"""What several commands share: arguments, how they are parsed, how results are printed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from mimetypes import MimeTypes
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import tyro

from seq2seq.cli.torchrun import one_process
from seq2seq.cli.values import check_options
from seq2seq.config.base import validate
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.experiment import Device as Device
from seq2seq.config.fields import Range
from seq2seq.config.wording import counted
from seq2seq.console import standard_input
from seq2seq.data.readers.lines import ending
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.files import finite_or_none
from seq2seq.runs.hub import resolve
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from seq2seq.export.directory import Export
    from seq2seq.runs.run import Run
    from seq2seq.translation.translator import Translator

RunArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
RunOption: TypeAlias = Annotated[str, tyro.conf.arg(metavar="RUN")]
RunsOption: TypeAlias = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN [RUN ...]")]
FileArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
FileOption: TypeAlias = Annotated[str, tyro.conf.arg(metavar="FILE")]
InputArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[FILE]")]

Workers: TypeAlias = Annotated[int, Range(0, 1024)]
"""A number of processes: more than any machine has cores would only take its memory."""

ExperimentT = TypeVar("ExperimentT", bound=BaseExperiment)
CommandT = TypeVar("CommandT", bound="DataclassInstance")
DecodingT = TypeVar("DecodingT", bound="DecodingCommand")


@dataclass(frozen=True)
class ModelCommand:
    """A command that uses a trained translation model."""

    run: RunArgument
    """The run directory, or that of an export; or hf://user/name, a model on the Hugging Face Hub,
    hf://user/name@revision a version of it."""
    ensemble: RunsOption = ()
    """Other runs, or other exports, with the same target vocabulary: probabilities are averaged."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        runs = (self.run, *self.ensemble)
        if len({os.path.realpath(run) for run in runs}) < len(runs):
            yield (
                "--ensemble names a run twice (RUN is part of the ensemble itself): "
                f"{', '.join(runs)}"
            )
        for each in filter(os.path.isfile, self.ensemble):
            yield f"--ensemble {each} is a file, and a run is a directory: files go before options"
        yield from device_problems(self.device)


@dataclass(frozen=True)
class DecodingCommand(ModelCommand):
    """A command that translates."""

    decoding: tyro.conf.OmitArgPrefixes[DecodingSettings] = field(default_factory=DecodingSettings)
    """How to search; the defaults are the run's."""


def parse_command(kind: type[CommandT], arguments: Sequence[str], prog: str) -> CommandT:
    """Parses a command's arguments; its help is the docstring of its class.

    Raises:
        SettingsError: an option is unknown or impossible; all of them are in one message. Or
            torchrun has started several processes.
        SystemExit: help was asked for, or an argument is missing, or too many.
    """
    one_process(prog)
    check_options(kind, arguments)
    command = tyro.cli(kind, prog=prog, args=arguments)
    validate(command)
    return command


def parse_decoding(
    kind: type[DecodingT], arguments: Sequence[str], prog: str
) -> tuple[DecodingT, Run | Export]:
    """Parses a command that translates; what it does not say is as in the run, or the export.

    Returns:
        The command, and the run or the export, opened.

    Raises:
        SettingsError, SystemExit: as `parse_command`.
        RunError: there is no run, or it is damaged.
    """
    arguments = [drop_prefix(argument, "decoding") for argument in arguments]
    check_options(kind, arguments)
    command = tyro.cli(kind, prog=prog, args=arguments)
    from seq2seq.export.directory import open_export

    path = resolve(command.run)
    run = open_export(path) or open_run(path)
    stored = run.experiment(Experiment).decoding
    command = parse_again(command, arguments, prog, decoding=stored)
    validate(command)
    return command, run


def parse_again(command: CommandT, arguments: Sequence[str], prog: str, **stored: Any) -> CommandT:
    """Parses groups of options once more, with the defaults that a run has for them.

    Only these groups: with a default, RUN could be taken for one of several values before it.
    """
    default = replace(command, **stored)
    again = tyro.cli(type(command), prog=prog, args=arguments, default=default)
    return replace(command, **{name: getattr(again, name) for name in stored})


def drop_prefix(argument: str, group: str) -> str:
    """Returns an option without the name of its group.

    >>> drop_prefix("--decoding.beam-size", "decoding"), drop_prefix("a.txt", "decoding")
    ('--beam-size', 'a.txt')
    """
    prefix = f"--{group}."
    return f"--{argument.removeprefix(prefix)}" if argument.startswith(prefix) else argument


def open_run(path: str | Path) -> Run:
    """Opens a run.

    Raises:
        SettingsError: no run is named.
        RunError: there is no run, or it is damaged.
    """
    if not path:
        raise SettingsError("no run directory: give --run DIR")
    path = resolve(path)
    RunDirectory(path).check_exists()  # before torch is imported
    from seq2seq.runs.run import Run

    return Run(path)


def load_translator(command: ModelCommand, run: Run | Export | None = None) -> Translator:
    """Loads the translator that a command asks for, with its decoding settings if it has any.

    `run` is the command's, if it is open already.

    Raises:
        RunError, SettingsError: as `Translator.load`; or a setting needs attention, and there is
            none.
    """
    from seq2seq.translation.translator import Translator

    translator = Translator.load(run or command.run, command.device, ensemble=command.ensemble)
    if isinstance(command, DecodingCommand):
        translator.settings = command.decoding
        translator.with_settings({})  # found out before anything is read
    return translator


def input_lines(file: str) -> list[str]:
    """Returns the lines of a text file (compressed too), or for "-" those of standard input.

    Raises:
        DataError: there is no such file, it is damaged, or a table.
    """
    return [line for group in input_groups(file) for line in group]


def input_groups(file: str) -> Iterator[list[str]]:
    """Returns the lines of a text file as one group, or for "-" of standard input as they arrive.

    Raises:
        DataError: as `input_lines`; standard input is looked at when the first line is asked for.
    """
    if file == "-":
        return stdin_groups()
    try:
        return iter([read_plain_lines(file)])
    except DataError as error:
        if os.path.exists(file):
            raise
        hint = "text itself goes to standard input: echo TEXT | seq2seq COMMAND RUN"
        raise DataError(f"{error}; {hint}") from error


def stdin_groups() -> Iterator[list[str]]:
    """Yields the lines of standard input as they arrive."""
    from seq2seq.data.readers.lines import arriving_lines

    yield from arriving_lines(standard_input(), "standard input")


def repeated_names(names: Sequence[str]) -> Iterator[str]:
    """Yields a line for each run or file that is given twice: results are listed by name."""
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{name} is given twice: each system once"


def read_aligned(*paths: str) -> list[list[str]]:
    """Reads files whose lines belong together.

    Raises:
        DataError: a file can't be read, as `read_plain_lines`; or as `check_aligned`.
    """
    texts = [read_plain_lines(path) for path in paths]
    check_aligned(dict(zip(paths, texts, strict=True)))
    return texts


def is_other_kind(file: str, endings: Sequence[str]) -> bool:
    """Whether a file to be written is called as files of another kind are.

    >>> [is_other_kind(name, [".html"]) for name in ("a.pdf", "a.html", "runs/v1.2", "en.tr")]
    [True, False, False, False]
    """
    suffix = Path(file).suffix.lower()
    kinds = MimeTypes()  # those of Python, and not of this machine
    # Two letters may be a language: en.tr is no text for troff.
    known = len(suffix) > 3 and suffix in {**kinds.types_map[0], **kinds.types_map[1]}
    return (known or suffix in (".onnx", *kinds.encodings_map)) and suffix not in endings


def is_table(file: str) -> bool:
    """Whether a file is called as tables of pairs are."""
    return ending(Path(file).name, TABLE_SUFFIXES) != ""


def test_problems(source: str, references: Sequence[str]) -> Iterator[str]:
    """Yields a line unless a test text has both sides: two files or more, or a table alone."""
    if not source or not (references or is_table(source)):
        yield (
            "give --source FILE and --reference FILE; or, alone, a table of pairs "
            f"({', '.join(TABLE_SUFFIXES)})"
        )


def read_test(source: str, references: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Returns the files of a test text, and the sentences of each side, source first.

    Raises:
        DataError: as `read_aligned`, or as `ParallelCorpus.read` for a table, which stands alone.
    """
    if references:
        return [source, *references], read_aligned(source, *references)
    from seq2seq.data.parallel import ParallelCorpus

    pairs = ParallelCorpus.read(source, split="test")
    return [source], [pairs.sources, pairs.targets]


def check_aligned(files: Mapping[str, Sequence[str]]) -> None:
    """Raises DataError unless all files have the same number of lines, and at least one."""
    first, lines = next(iter(files.items()))
    for path, others in files.items():
        if len(others) != len(lines):
            raise DataError(
                f"{first} has {counted(len(lines), 'line')}, but {path} has {len(others):,}: "
                "line for line they must belong together"
            )
    if not lines:
        raise DataError(f"{first} is empty: there is nothing to score")


def print_json(value: object) -> None:
    """Prints a value as one line of JSON, at once; a number that JSON lacks becomes null."""
    print(json_line(value), flush=True)


def json_line(value: object) -> str:
    """Returns a value as one line of JSON; a number that JSON lacks becomes null."""
    return json.dumps(finite_or_none(value), ensure_ascii=False)
