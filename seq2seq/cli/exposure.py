"""``seq2seq exposure``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seq2seq.cli.options import (
    AnalysisCommand,
    Device,
    FileOption,
    check_aligned,
    check_plot,
    emit,
    open_run,
    parse_command,
)
from seq2seq.config.experiment import Experiment
from seq2seq.config.fields import PositiveInt
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.evaluation.exposure_bias import ExposureBias
    from seq2seq.translation.translator import Translator


class OtherTokensWarning(UserWarning):
    """Positions of two runs count different tokens."""


@dataclass(frozen=True)
class Expose(AnalysisCommand):
    """Measure exposure bias: what a model loses when it reads its own words.

    At each target position: how often the most probable token is the reference's (accuracy), and
    the mean log-probability of the reference's token in nats, after the words of the reference as
    in training, and after the model's own words as in translation; the gap between the two is the
    exposure bias, which scheduled sampling (Bengio et al. 2015) is meant to shrink. Own words are
    those of greedy search, which goes on after its eos here, so that every position has a history;
    "ended" counts the tokens after that. The picture has the positions that at least 20 references
    have. Positions count tokens of the run: compare runs that have the same.

    seq2seq exposure runs/forced runs/sampled --source test.de --reference test.en --plot gap.png
    """

    source: FileOption = ""
    """The source sentences, a line each (.gz too)."""
    reference: FileOption = ""
    """Their references, line-aligned."""
    max_length: PositiveInt = 30
    """The last target position to look at, in tokens."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.runs or not self.source or not self.reference:
            yield "give RUN, --source FILE and --reference FILE"
        yield from super().problems()
        yield from device_problems(self.device)


def exposure_command(arguments: list[str]) -> None:
    """Measure exposure bias: with the reference's words, with its own."""
    command = parse_command(Expose, arguments, "seq2seq exposure")
    runs = {name: open_run(name) for name in command.runs}
    for each in runs.values():
        each.experiment(Experiment)
    check_plot(command.plot)
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.plotting.exposure_bias import plot_exposure
    from seq2seq.translation.translator import Translator

    sources, references = read_lines(command.source), read_lines(command.reference)
    check_aligned({command.source: sources, command.reference: references})
    translators = {run: Translator.load(each, command.device) for run, each in runs.items()}
    warn_of_other_tokens(translators)
    found = {
        run: measure(run, translator, sources, references, command.max_length)
        for run, translator in translators.items()
    }
    emit(command, found, plot=plot_exposure)


def warn_of_other_tokens(translators: Mapping[str, Translator]) -> None:
    """Warns if positions of the runs count different tokens, so that they can't be compared."""
    first, *others = (
        (run, translator.target.vocab.fingerprint) for run, translator in translators.items()
    )
    for run, fingerprint in others:
        if fingerprint != first[1]:
            warnings.warn(
                f"{first[0]} and {run} cut their targets into other tokens: their positions, and "
                "what they find there, can't be compared",
                OtherTokensWarning,
                stacklevel=2,
            )


def measure(
    run: str,
    translator: Translator,
    sources: Sequence[str],
    references: Sequence[str],
    max_length: int,
) -> ExposureBias:
    """Measures the exposure bias of a run; sources are cut where its translator cuts them."""
    from seq2seq.evaluation.exposure_bias import measure_exposure_bias
    from seq2seq.translation.ensemble import LongSentenceWarning

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
        max_length=max_length,
    )
