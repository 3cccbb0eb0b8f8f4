"""``seq2seq exposure``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import tyro

from seq2seq.cli.options import FileArgument
from seq2seq.cli.parse import load_settings
from seq2seq.cli.systems import check_aligned, check_distinct
from seq2seq.config.base import check_min, raise_problems
from seq2seq.config.experiment import Experiment
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.evaluation.exposure_bias import ExposureBias, PositionScores

RunsArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")
]

EXPOSURE_HELP = """Measure exposure bias: what a model loses when it reads its own words.

At each target position: how often the most probable token is the reference's (accuracy), and the
mean log-probability of the reference's token in nats, after the words of the reference as in
training, and after the model's own words as in translation; the gap between the two is the
exposure bias, which scheduled sampling (Bengio et al. 2015) is meant to shrink. Own words are those
of greedy search, which goes on after its eos here, so that every position has a history; "ended"
counts the tokens after that. Positions count tokens of the run: compare runs that have the same.

seq2seq exposure runs/forced runs/sampled --source test.de --reference test.en --plot gap.png
"""


class OtherTokensWarning(UserWarning):
    """Positions of two runs count different tokens."""


@dataclass(frozen=True)
class Expose:
    """Measure exposure bias."""

    runs: RunsArgument
    """Run directories."""
    source: FileArgument = ""
    """The source sentences, a line each (.gz too)."""
    reference: FileArgument = ""
    """Their references, line-aligned."""
    max_length: int = 30
    """The last target position to look at, in tokens."""
    plot: FileArgument = ""
    """Draw accuracy and log-probability over the position, where at least 20 references have one:
    a file .png, .pdf or .svg (extra `plots`)."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""
    json: bool = False
    """Print one JSON object."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible option."""
        if not self.runs or not self.source or not self.reference:
            yield "give RUN, --source FILE and --reference FILE"
        yield from check_min("--max-length", self.max_length, 1)
        yield from device_problems(self.device)


def exposure_command(arguments: list[str]) -> None:
    """Measure exposure bias: with the reference's words, with its own."""
    command = tyro.cli(Expose, prog="seq2seq exposure", description=EXPOSURE_HELP, args=arguments)
    raise_problems(command.problems())
    check_distinct(command.runs)
    experiments = {run: load_settings(run, Experiment) for run in command.runs}
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.plotting.exposure_bias import plot_exposure
    from seq2seq.plotting.figure import check_figure_path

    if command.plot:
        check_figure_path(command.plot)
    sources, references = read_lines(command.source), read_lines(command.reference)
    check_aligned({command.source: sources, command.reference: references})
    warn_of_other_tokens(experiments)
    found = {run: expose(command, run, sources, references) for run in command.runs}
    if command.plot:
        plot_exposure(found, command.plot)
    if command.json:
        print(json.dumps({run: as_json(each) for run, each in found.items()}))
        return
    for run, each in found.items():
        print(run)
        print_exposure(each)
        print()


def warn_of_other_tokens(experiments: Mapping[str, Experiment]) -> None:
    """Warns if positions of the runs count different tokens, so that they can't be compared."""
    from seq2seq.runs.directory import SIDES
    from seq2seq.runs.run import Run

    first, *others = ((run, Run(run).pipeline(SIDES[1]).vocab.fingerprint) for run in experiments)
    for run, fingerprint in others:
        if fingerprint != first[1]:
            warnings.warn(
                f"{first[0]} and {run} cut their targets into other tokens: their positions, and "
                "what they find there, can't be compared",
                OtherTokensWarning,
                stacklevel=2,
            )


def expose(
    command: Expose, run: str, sources: Sequence[str], references: Sequence[str]
) -> ExposureBias:
    """The exposure bias of one run; sources are cut where a translator cuts them."""
    from seq2seq.evaluation.exposure_bias import measure_exposure_bias
    from seq2seq.translation.translator import LongSentenceWarning, Translator

    translator = Translator.load(run, command.device)
    limit = translator.settings.max_source_length
    encoded = translator.source.encode(sources)
    if long := sum(len(ids) > limit for ids in encoded):
        warnings.warn(
            f"{run}: {long:,} of {len(encoded):,} sentences have more than {limit:,} source "
            f"tokens; the first {limit:,} are read (max_source_length)",
            LongSentenceWarning,
            stacklevel=2,
        )
    return measure_exposure_bias(
        translator.model,
        [ids[:limit] for ids in encoded],
        translator.target.encode(references),
        translator.device,
        max_length=command.max_length,
    )


def as_json(found: ExposureBias) -> dict[str, object]:
    """A run's positions and total."""

    def row(position: PositionScores) -> dict[str, float]:
        gaps = {
            "accuracy_gap": position.accuracy_gap,
            "log_probability_gap": position.log_probability_gap,
        }
        return {**position._asdict(), **gaps}

    positions = [
        {"position": number, **row(position)}
        for number, position in enumerate(found.positions, start=1)
    ]
    return {"positions": positions, "total": row(found.total)}


def print_exposure(found: ExposureBias) -> None:
    """A table with a row for each position, and one for all."""
    three = f"{'reference':>10}{'own':>9}{'gap':>9}"
    print(f"{'':26}|{'accuracy, by history':^29}|{'log-probability, by history':^29}")
    print(f"position    tokens   ended |{three} |{three}")
    numbered = [(str(number), each) for number, each in enumerate(found.positions, start=1)]
    for name, each in [*numbered, ("all", found.total)]:
        print(
            f"{name:>8} {each.tokens:9,} {each.ended:7,} "
            f"|{each.reference_accuracy:10.1%}{each.own_accuracy:9.1%}{each.accuracy_gap:9.1%} "
            f"|{each.reference_log_probability:10.3f}{each.own_log_probability:9.3f}"
            f"{each.log_probability_gap:9.3f}"
        )
