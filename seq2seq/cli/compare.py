"""``seq2seq compare`` and ``seq2seq analyze``: systems, judged by references.

A system is a run, which translates, or a file of translations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

import tyro

from seq2seq.cli.options import (
    Device,
    FileOption,
    check_aligned,
    open_run,
    parse_command,
    print_json,
    repeated_names,
)
from seq2seq.config.experiment import Experiment, Tokenization
from seq2seq.config.fields import PositiveInt, Range
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.errors import SettingsError
from seq2seq.runs.hub import is_hub_location
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.evaluation.breakdown import BreakdownRow

SystemArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN|FILE")]
SystemsArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN|FILE")
]


@dataclass(frozen=True)
class JudgingCommand:
    """A command that judges systems by references."""

    source: FileOption = ""
    """The source sentences, a line each (compressed too): what runs translate; files of
    translations must have as many lines."""
    reference: tuple[FileOption, ...] = ()
    """The references, line-aligned with the source; several files if there are several. An empty
    line beside others is no reference."""
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


@dataclass(frozen=True, kw_only=True)
class Compare(JudgingCommand):
    """Test whether systems differ from the first one by more than chance.

    Each system is a run directory, which translates --source with its own decoding settings, or a
    file with a translation on each line. Printed for each metric: the score, the mean of the
    bootstrap's resamples with half the width of the 95% confidence interval, and the p-value
    against the first system.

    seq2seq compare runs/a runs/b other.txt --source test.de --reference test.en
    """

    systems: SystemsArgument
    """At least two run directories or files of translations; the first is the baseline."""
    test: Literal["bootstrap", "randomization"] = "bootstrap"
    """Paired bootstrap resampling (Koehn 2004), or paired approximate randomization."""
    samples: Annotated[int | None, Range(1)] = None
    """How often to draw: None is 1000 for the bootstrap, 10000 for randomization."""
    seed: PositiveInt = 12345
    """Of the draws, from 1 on: the same seed, the same p. The default is sacreBLEU's own; its
    SACREBLEU_SEED in the environment is not looked at."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if len(self.systems) < 2:
            yield "give at least two systems: run directories or files of translations"
        yield from repeated_names(self.systems)
        yield from super().problems()


@dataclass(frozen=True, kw_only=True)
class Analyze(JudgingCommand):
    """Show where translations go wrong: BLEU by source length and by position.

    By position, translations and references are cut into four quarters of their words, and each
    quarter is compared with the same quarter of the references: compare quarters with each other,
    not with BLEU of whole sentences.

    seq2seq analyze runs/mine --source test.de --reference test.en
    """

    system: SystemArgument
    """A run directory or a file of translations."""
    bucket_size: Annotated[PositiveInt, tyro.conf.arg(metavar="WORDS")] = 5
    """How many source lengths go together: 5 makes 1-5, 6-10, …"""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.source:
            yield "give --source FILE: its lengths are wanted"
        yield from super().problems()


def compare_command(arguments: list[str]) -> None:
    """Test whether systems differ by more than chance."""
    command = parse_command(Compare, arguments, "seq2seq compare")
    from seq2seq.evaluation.metrics import METRICS
    from seq2seq.evaluation.significance import compare

    texts = read_systems(command, command.systems)
    found = compare(
        texts.systems,
        texts.references,
        test=command.test,
        samples=command.samples,
        seed=command.seed,
        tokenize=texts.tokenize,
        lowercase=texts.lowercase,
    )
    if command.json:
        print_json({name: each.as_dict() for name, each in found.items()})
        return
    titles = max(len(metric.title) for metric in METRICS.values())
    width = max(map(len, command.systems))
    for metric, comparison in found.items():
        print(f"{METRICS[metric].title:{titles}}  {comparison.signature}")
        for name, (score, mean, interval, p_value) in comparison.systems.items():
            verdict = "baseline" if p_value is None else f"p = {p_value:.4f}"
            print(f"  {name:{width}}  {score:6.2f}  ({mean:.2f} ± {interval:.2f})  {verdict}")


def analyze_command(arguments: list[str]) -> None:
    """Show where translations go wrong: by source length, by position."""
    command = parse_command(Analyze, arguments, "seq2seq analyze")
    from seq2seq.evaluation.breakdown import breakdown

    texts = read_systems(command, [command.system])
    found = breakdown(
        texts.sources,
        texts.systems[command.system],
        texts.references,
        tokenize=texts.tokenize,
        lowercase=texts.lowercase,
        bucket_size=command.bucket_size,
    )
    if command.json:
        print_json(found.as_dict())
        return
    print(f"BLEU  {found.bleu}\n")
    print_rows("source words", found.lengths)
    print()
    print_rows("quarter", found.quarters)
    print(f"Quarters: n-grams up to {found.longest_ngram}, none across a cut.")


def print_rows(title: str, rows: list[BreakdownRow]) -> None:
    """Prints a table with a row for each part of the text."""
    print(f"{title:>12}  {'sentences':>9}  {'words':>9}  {'reference':>9}  {'BLEU':>6}")
    for name, sentences, words, reference, score in rows:
        print(f"{name:>12}  {sentences:9,}  {words:9,}  {reference:9,}  {score:6.2f}")


class JudgedText(NamedTuple):
    """Translations, and what they are judged by.

    Attributes:
        sources: the source sentences; none if no source was given, where none is needed.
        systems: each system's name, which is how it was given, and its translations.
        references: all references of each sentence.
        tokenize, lowercase: as for `seq2seq.evaluation.metrics.evaluate`.
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
    from seq2seq.data.tokenizers.normalization import to_nfc
    from seq2seq.evaluation.metrics import bleu_metric
    from seq2seq.translation.translator import Translator

    named = [name for name in names if is_hub_location(name) or Path(name).is_dir()]
    opened = {name: open_run(name) for name in named}
    runs = {name: run.experiment(Experiment) for name, run in opened.items()}
    if runs and not command.source:
        raise SettingsError(f"{next(iter(runs))} is a run: give --source FILE for it to translate")
    if not runs and command.device != "auto":
        raise SettingsError(f"--device {command.device} is for runs, and none is given")
    own = next((each.tokenize for each in runs.values()), "13a")
    tokenize = command.tokenize or own
    bleu_metric(tokenize)
    sources = read_plain_lines(command.source) if command.source else []
    streams = {path: read_plain_lines(path) for path in dict.fromkeys(command.reference)}
    systems = {name: [] if name in runs else read_plain_lines(name) for name in names}
    files = {command.source: sources} if command.source else {}
    files |= streams | {name: lines for name, lines in systems.items() if name not in runs}
    check_aligned(files)
    for name, run in opened.items():
        systems[name] = Translator.load(run, command.device).translate(sources)
    # Translators write NFC, and scores compare code points.
    systems = {name: list(map(to_nfc, lines)) for name, lines in systems.items()}
    streams = {path: list(map(to_nfc, lines)) for path, lines in streams.items()}
    references = [list(entry) for entry in zip(*map(streams.get, command.reference), strict=True)]
    lowercase = command.lowercase or any(each.data.lowercase for each in runs.values())
    return JudgedText(sources, systems, references, tokenize, lowercase)
