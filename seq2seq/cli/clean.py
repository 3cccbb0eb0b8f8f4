"""``seq2seq clean``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain, takewhile
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import tyro

from seq2seq.cli.options import Device, drop_prefix
from seq2seq.cli.values import check_options
from seq2seq.config.base import find_problems, raise_problems
from seq2seq.config.fields import NonNegativeInt
from seq2seq.config.filters import FilterSettings
from seq2seq.config.wording import counted
from seq2seq.console import write_stderr
from seq2seq.data.filters.cleaner import Cleaner
from seq2seq.data.filters.problems import filter_problems
from seq2seq.data.pairs import Pair
from seq2seq.data.readers.file_kinds import strip_compression
from seq2seq.data.readers.headers import Column, Columns, as_column
from seq2seq.data.readers.lines import TEXT_SUFFIX, ending, read_head
from seq2seq.data.readers.streams import PairRecord, expand_folders, group_files, stream_pairs
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.data.writers import Format, Write, compression_ending, write_format, write_like
from seq2seq.errors import DataError, Seq2SeqError, SettingsError
from seq2seq.runs.files import system_errors, write_together
from seq2seq.training.preflight import device_problems

FilesArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN")
]
_SHOWN = 120
"""So many characters of a side are shown."""
_REPORTED = 1_000_000
"""After so many pairs there is a line of progress, where there is no terminal."""


@dataclass(frozen=True)
class Clean:
    """Drop pairs that do harm from parallel text, and say which and why.

    IN are tables (.tsv, .csv, .jsonl, .parquet), folders of them, and text files in twos, source
    side first; compressed or not. What is left of each goes into DIR under the same name, in the
    same format, with all other columns as they are.

    Without other options, pairs with an empty side and repeated pairs are dropped, which is safe
    for every language; each other filter is switched on by its option. seq2seq train has the same
    filters, as --data.filters.NAME.

    seq2seq clean pairs.tsv --out clean --max-ratio 3 --source-script Latin

    seq2seq clean train.de train.en --held-out test.de test.en --dry-run
    """

    inputs: FilesArgument
    """The text to clean. Of several corpora, what is repeated stays in the first."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Where to write what is left; the directory is made."""
    filters: tyro.conf.OmitArgPrefixes[FilterSettings] = field(
        default_factory=lambda: FilterSettings(duplicates=True)
    )
    source: str = ""
    """Name or number (from 0) of the source column, as for seq2seq train."""
    target: str = ""
    """Name or number of the target column."""
    format: Literal["same", Format] = "same"
    """Another format to write: two columns, or two files of text."""
    examples: NonNegativeInt = 3
    """How many pairs to show of what each filter drops."""
    dry_run: bool = False
    """Count and show what would be dropped; nothing is written."""
    overwrite: bool = False
    """Replace files that are there."""
    device: Device = "auto"
    """Where models compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.inputs:
            yield "give the text to clean: a table, or two text files"
        if not self.out and not self.dry_run:
            yield "give --out DIR, where to write what is left, or --dry-run"
        if self.out and self.dry_run:
            yield f"--out {self.out} has no effect with --dry-run, which writes nothing"
        if bool(self.source) != bool(self.target):
            yield "--source and --target belong together: give both"
        yield from filter_problems(self.filters)
        yield from device_problems(self.device)


def clean_command(arguments: list[str]) -> None:
    """Drop pairs that do harm from parallel text, and say which and why."""
    with own_flags():
        for group in ("data.filters", "data"):
            arguments = [drop_prefix(argument, group) for argument in arguments]
        check_options(Clean, arguments)
        command = tyro.cli(Clean, prog="seq2seq clean", args=arguments)
        raise_problems(find_problems(command))
        corpora = list(expand_folders(group_files(command.inputs)))
        for path in chain.from_iterable(corpora):
            read_head(path)  # what is missing is told before models are loaded
        outputs = [] if command.dry_run else find_outputs(command, corpora)
        from seq2seq.translation.filters import make_filters

        source, target = as_column(command.source), as_column(command.target)
        load_pyarrow(command, corpora)
        filters = make_filters(command.filters, source=source, target=target, device=command.device)
        cleaning = Cleaning(Cleaner(filters), command.examples, source, target)
        if command.dry_run:
            for paths in corpora:
                cleaning.clean(paths)
        else:
            write_outputs(command, cleaning, corpora, outputs)
        cleaning.bar.close()
    print("\n".join(cleaning.report()))


def load_pyarrow(command: Clean, corpora: Sequence[Sequence[Path]]) -> None:
    """Imports what is needed later: where Ctrl-C interrupts an import, nothing is tidied up."""
    names = [path.name for path in chain.from_iterable(corpora)]
    if command.format == "parquet" or any(ending(name, (".parquet",)) for name in names):
        import_module("pyarrow.parquet")


@contextmanager
def own_flags() -> Iterator[None]:
    """Settings are called as `seq2seq train` calls them, and here without their groups."""
    try:
        yield
    except Seq2SeqError as error:
        message = re.sub(r"--(data\.)?(filters\.)?(?=\w)", "--", str(error))
        raise type(error)(message) from error


class Cleaning:
    """Corpora that are cleaned together, and what is to be said of it.

    Args:
        cleaner: knows the filters, and what was dropped by each.
        examples: how many pairs to keep of what each filter drops.
        source: the source column of tables, if it was given.
        target: the target column.
    """

    def __init__(
        self, cleaner: Cleaner, examples: int, source: Column | None, target: Column | None
    ) -> None:
        from tqdm import tqdm

        self.cleaner = cleaner
        self.most = examples
        given = None if source is None or target is None else (source, target)
        self.columns = Columns(("source", "target"), given)
        self.examples: dict[str, list[PairRecord]] = {reason: [] for reason in cleaner.dropped}
        self.bar = tqdm(unit=" pairs", disable=not sys.stderr.isatty(), file=sys.stderr)

    def clean(self, paths: Sequence[Path], write: Write | None = None) -> None:
        """Reads a corpus, and writes what is left of it.

        Raises:
            DataError: it can't be read, or has no pairs.
        """

        def pairs() -> Iterator[PairRecord]:
            for record in stream_pairs(paths, self.columns):
                if record.pair is not None:
                    yield record
                elif write is not None:
                    write(record)

        before = self.cleaner.read
        judged = self.cleaner.judged(pairs(), lambda record: record.pair or Pair("", ""))
        for number, (record, reason) in enumerate(judged, 1):
            self.bar.update()
            if self.bar.disable and number % _REPORTED == 0:
                write_stderr(f"{paths[0]}: {counted(number, 'pair')} read")
            if not reason:
                if write is not None:
                    write(record)
            elif len(self.examples[reason]) < self.most:
                self.examples[reason].append(record)
        if self.cleaner.read == before:
            raise DataError(f"{paths[0]} has no sentence pairs; is it the right file?")

    def report(self) -> Iterator[str]:
        """Yields the lines of a table: what was dropped by each filter, and what is left."""
        read, dropped = self.cleaner.read, self.cleaner.dropped
        width = len(f"{read:,}")

        def row(count: int, what: str) -> str:
            return f"{count:>{width},}  {count / read:8.2%}  {what}"

        for reason, count in dropped.items():
            yield row(count, f"dropped {reason}")
            for record in self.examples[reason]:
                sides = (repr(text[:_SHOWN]) for text in record.pair or ())
                yield f"{'':{width}}            {record.where}  {' | '.join(sides)}"
        yield row(read - sum(dropped.values()), "kept")
        yield row(read, "read")


def find_outputs(command: Clean, corpora: Sequence[Sequence[Path]]) -> list[list[Path]]:
    """Returns the files to write for each corpus.

    Raises:
        SettingsError: there would be two of one name, or one is there already.
    """
    folder = Path(command.out)
    outputs = [[folder / name for name in output_names(paths, command.format)] for paths in corpora]
    every = [*chain.from_iterable(outputs)]
    inputs = {path.resolve() for path in chain.from_iterable(corpora)}
    for path in dict.fromkeys(every):
        if every.count(path) > 1:
            raise SettingsError(f"{path} would be written twice: give the files one by one")
        if path.resolve() in inputs:
            raise SettingsError(f"{path} is read, too: give another directory with --out")
        if path.exists() and not command.overwrite:
            raise SettingsError(f"{path} is there already: give another --out, or --overwrite")
    return outputs


def output_names(paths: Sequence[Path], format: str) -> list[str]:
    """Returns the names of the files that a corpus is written to.

    >>> output_names([Path("train.de"), Path("train.en")], "same")
    ['train.de', 'train.en']

    Raises:
        SettingsError: the format of a script's own can be read, and not written.
    """
    names = [path.name for path in paths]
    if format == "same":
        kind = ending(names[0], TABLE_SUFFIXES)
        if len(paths) == 1 and kind not in ("", ".tsv", ".csv", ".json", ".jsonl", ".parquet"):
            raise SettingsError(f"{names[0]} can be read, but not written as it is: give --format")
        return names
    plain = [name[: len(strip_compression(name))] for name in names]
    same = takewhile(lambda both: len(set(both)) == 1, zip(*plain, strict=False))
    stem = "".join(letter for letter, *_ in same).rstrip(".-_") or plain[0]
    if kind := ending(stem, (*TABLE_SUFFIXES, TEXT_SUFFIX)):
        stem = stem[: -len(kind)]
    if format == "parquet":
        return [f"{stem}.parquet"]
    end = compression_ending(paths[0])
    if format == "text":
        return [f"{stem}.source{TEXT_SUFFIX}{end}", f"{stem}.target{TEXT_SUFFIX}{end}"]
    return [f"{stem}.{format}{end}"]


def write_outputs(
    command: Clean,
    cleaning: Cleaning,
    corpora: Sequence[Sequence[Path]],
    outputs: Sequence[Sequence[Path]],
) -> None:
    """Cleans corpora into files, all of which are there at the end, or none.

    Raises:
        DataError: text can't be read, or nothing is left of all.
        RunError: a file can't be written.
    """
    folder = Path(command.out)
    made = not folder.exists()
    with system_errors(f"{folder} could not be made"):
        folder.mkdir(parents=True, exist_ok=True)

    def write_all(temporary: list[Path]) -> None:
        """Cleans each corpus into its own of the files."""
        files = iter(temporary)
        for paths, names in zip(corpora, outputs, strict=True):
            written = [next(files) for _ in names]
            with ExitStack() as stack:
                if command.format == "same":
                    write = stack.enter_context(write_like(paths, written))
                else:
                    end = compression_ending(paths[0])
                    write = stack.enter_context(write_format(command.format, written, end))
                cleaning.clean(paths, write)
        if cleaning.cleaner.read == sum(cleaning.cleaner.dropped.values()):
            rows = "\n".join(cleaning.report())
            raise DataError(f"no pair is left, and nothing is written\n{rows}")

    try:
        write_together([*chain.from_iterable(outputs)], write_all)
    except BaseException:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise
