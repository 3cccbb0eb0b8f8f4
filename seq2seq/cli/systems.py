"""Systems to be judged: run directories, which translate, and files of translations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import tyro

from seq2seq.cli.options import Device, FileOption, check_aligned, open_run
from seq2seq.config.experiment import Experiment, Tokenization
from seq2seq.errors import SettingsError
from seq2seq.training.preflight import device_problems

SystemArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|FILE")]
SystemsArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN|FILE")
]

if TYPE_CHECKING:
    from seq2seq.runs.run import Run


@dataclass(frozen=True)
class JudgingCommand:
    """A command that judges systems by references."""

    source: FileOption = ""
    """The source sentences, a line each (.gz too): what runs translate; files of translations must
    have as many lines."""
    reference: tuple[FileOption, ...] = ()
    """The references, line-aligned with the source; several files if there are several."""
    tokenize: Tokenization | None = None
    """sacreBLEU's tokenization, which says what a word is. None: the first run's own, or 13a."""
    lowercase: bool = False
    """Score without case; always so if a run was trained on lower-cased text."""
    device: Device = "auto"
    """Where a run translates; auto takes what is there."""
    json: bool = False
    """Print one JSON object."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.reference:
            yield "give --reference FILE"
        yield from device_problems(self.device)


class JudgedText(NamedTuple):
    """Translations, and what they are judged by.

    Attributes:
        sources: the source sentences; none if no source was given, where none is needed.
        systems: each system's name, which is how it was given, and its translations.
        references: all references of each sentence.
        tokenize: sacreBLEU's tokenization.
        lowercase: whether to score without case.
    """

    sources: list[str]
    systems: dict[str, list[str]]
    references: list[list[str]]
    tokenize: str
    lowercase: bool


def read_systems(command: JudgingCommand, names: Sequence[str]) -> JudgedText:
    """Reads all files, checks them, and then translates with the runs.

    Raises:
        SettingsError: a run has no source to translate, a device is named for no run, or the
            tokenization is impossible.
        DataError: a file is missing, or has another number of lines than the others.
        RunError: a directory is no run, or its run is damaged.
    """
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.data.tokenizers.normalization import to_nfc
    from seq2seq.evaluation.metrics import bleu_metric

    opened = {name: open_run(name) for name in names if Path(name).is_dir()}
    runs = {name: run.experiment(Experiment) for name, run in opened.items()}
    if runs and not command.source:
        raise SettingsError(f"{next(iter(runs))} is a run: give --source FILE for it to translate")
    if not runs and command.device != "auto":
        raise SettingsError(f"--device {command.device} is for runs, and none is given")
    own = next((each.tokenize for each in runs.values()), "13a")
    tokenize = command.tokenize or own
    bleu_metric(tokenize)
    sources = read_lines(command.source) if command.source else []
    streams = {path: read_lines(path) for path in dict.fromkeys(command.reference)}
    systems = {name: [] if name in runs else read_lines(name) for name in names}
    files = {command.source: sources} if command.source else {}
    files |= streams | {name: lines for name, lines in systems.items() if name not in runs}
    check_aligned(files)
    for name, run in opened.items():
        systems[name] = translate(run, sources, command.device)
    # Translators write NFC, and scores compare code points.
    systems = {name: list(map(to_nfc, lines)) for name, lines in systems.items()}
    streams = {path: list(map(to_nfc, lines)) for path, lines in streams.items()}
    references = [list(entry) for entry in zip(*map(streams.get, command.reference), strict=True)]
    lowercase = command.lowercase or any(each.data.lowercase for each in runs.values())
    return JudgedText(sources, systems, references, tokenize, lowercase)


def translate(run: Run, sources: list[str], device: str) -> list[str]:
    """Translates with a run and its own decoding settings."""
    from seq2seq.translation.translator import Translator

    return Translator.load(run, device).translate(sources)
