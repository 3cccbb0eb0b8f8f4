"""``seq2seq compare`` and ``seq2seq analyze``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from seq2seq.cli.options import parse_command, print_json, repeated_names
from seq2seq.cli.systems import JudgingCommand, SystemArgument, SystemsArgument, read_systems
from seq2seq.config.fields import PositiveInt, Range

if TYPE_CHECKING:
    from seq2seq.evaluation.breakdown import BreakdownRow
    from seq2seq.evaluation.significance import Comparison


@dataclass(frozen=True, kw_only=True)
class Compare(JudgingCommand):
    """Test whether systems differ from the first one by more than chance.

    Each system is a run directory, which translates --source with its own decoding settings, or a
    file with a translation on each line. Printed for BLEU, chrF and TER: the score, the mean of the
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
    from seq2seq.evaluation.significance import check_resampling, compare

    check_resampling(command.test, command.samples, command.seed)
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
        print_json({name: as_dict(each) for name, each in found.items()})
        return
    for name, comparison in found.items():
        print_comparison(METRICS[name].title, comparison)


def as_dict(comparison: Comparison) -> dict[str, object]:
    """Returns one metric's comparison as a table of tables."""
    systems = {name: score._asdict() for name, score in comparison.systems.items()}
    return {"signature": comparison.signature, "systems": systems}


def print_comparison(title: str, comparison: Comparison) -> None:
    """Prints one metric: its signature, and a line for each system."""
    print(f"{title:5} {comparison.signature}")
    width = max(map(len, comparison.systems))
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
        parts = {"lengths": found.lengths, "quarters": found.quarters}
        rows = {name: [part._asdict() for part in each] for name, each in parts.items()}
        bleu = found.bleu._asdict()
        print_json({"bleu": bleu, **rows, "longest_ngram": found.longest_ngram})
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
