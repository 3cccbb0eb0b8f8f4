"""``seq2seq exposure`` and ``seq2seq lm ahead``; what all commands share that measure runs."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import tyro

from seq2seq.cli.options import (
    Device,
    FileOption,
    open_run,
    parse_command,
    print_json,
    read_aligned,
    repeated_names,
)
from seq2seq.config.changes import check_unused
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.fields import NonNegativeInt, PositiveInt, Probability
from seq2seq.config.language_model import LanguageExperiment
from seq2seq.data.readers.plain_text import read_plain_lines
from seq2seq.plotting.analyses import exposure_figure, multi_step_figure
from seq2seq.plotting.figure import check_figure_path, save_figure
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.evaluation.exposure_bias import ExposureBias
    from seq2seq.evaluation.gradient_flow import GradientFlow
    from seq2seq.evaluation.multi_step import MultiStepScores
    from seq2seq.runs.run import Run
    from seq2seq.translation.translator import Translator

RunsArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN")
]


class OtherTokensWarning(UserWarning):
    """Positions of two runs count different tokens."""


@dataclass(frozen=True)
class AnalysisCommand:
    """A command that measures several runs on the same text."""

    runs: RunsArgument = ()
    """Run directories."""
    plot: FileOption = ""
    """Draw the result: a file .png, .pdf or .svg."""
    json: bool = False
    """Print one JSON object."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        yield from repeated_names(self.runs)


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

    What scheduled sampling does to the history can be looked at, too:

    seq2seq exposure runs/sampled --source test.de --reference test.en --show 3 --rate 0.5
    """

    source: FileOption = ""
    """The source sentences, a line each (compressed too)."""
    reference: FileOption = ""
    """Their references, line-aligned."""
    max_length: PositiveInt = 30
    """The last target position to look at, in tokens."""
    show: NonNegativeInt = 0
    """Measure nothing: show the first sentences, so many, each reference with the model's own
    tokens below it where scheduled sampling puts them in its place."""
    rate: Probability = 0.5
    """With --show: the probability that an own token takes the place of the reference's."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.runs or not self.source or not self.reference:
            yield "give RUN, --source FILE and --reference FILE"
        yield from super().problems()
        measures = dict.fromkeys(("max_length", "plot", "json"), not self.show)
        yield from check_unused(self, "--", measures, "--show")
        yield from check_unused(self, "--", {"rate": bool(self.show)}, "--show 0")
        yield from device_problems(self.device)


@dataclass(frozen=True)
class LookAhead(AnalysisCommand):
    """Predict a text k steps ahead: how errors add up when a model reads its own words.

    From many places of the text, after all that stands before, the model reads on in its own
    predictions (the most probable token each time). For k = 1, 2, … : how often the true token k
    steps ahead is the most probable one (accuracy), and the mean log-probability of the true token
    in nats. k = 1 is prediction from true words alone. Steps count tokens of the run: compare runs
    that have the same.

    seq2seq lm ahead runs/elman runs/lstm --text held-out.txt --steps 10 --plot ahead.png
    """

    text: FileOption = ""
    """The text (compressed too)."""
    steps: PositiveInt = 10
    """How many tokens to look ahead."""
    places: PositiveInt = 1000
    """The most places of the text to look ahead from, spread evenly; more are more exact."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.runs or not self.text:
            yield "give RUN and --text FILE"
        yield from super().problems()
        yield from device_problems(self.device)


def exposure_command(arguments: list[str]) -> None:
    """Measure exposure bias: with the reference's words, with its own."""
    command = parse_command(Expose, arguments, "seq2seq exposure")
    runs = open_runs(command, Experiment)
    from seq2seq.translation.translator import Translator

    sources, references = read_aligned(command.source, command.reference)
    translators = {run: Translator.load(each, command.device) for run, each in runs.items()}
    if command.show:
        for run, translator in translators.items():
            print(f"{run}, the history at a rate of scheduled sampling of {command.rate}")
            print(*sampled_lines(run, translator, sources, references, command), "", sep="\n")
        return
    warn_of_other_tokens(translators)
    found = {
        run: measure(run, translator, sources, references, command.max_length)
        for run, translator in translators.items()
    }
    show(command, found, tables(found), lambda: exposure_figure(found))


def ahead_command(arguments: list[str]) -> None:
    """Predict a text k steps ahead, the model reading its own words."""
    command = parse_command(LookAhead, arguments, "seq2seq lm ahead")
    runs = open_runs(command, LanguageExperiment)
    from seq2seq.language_modeling.model import LanguageModel

    lines = read_plain_lines(command.text)
    models = {name: LanguageModel.load(run, command.device) for name, run in runs.items()}
    found = {
        run: model.predict_ahead(lines, steps=command.steps, places=command.places)
        for run, model in models.items()
    }
    show(command, found, tables(found), lambda: multi_step_figure(found))


def open_runs(command: AnalysisCommand, kind: type[BaseExperiment]) -> dict[str, Run]:
    """Opens the runs of a command, by name, before any work is done.

    Raises:
        SettingsError, DataError: a picture is asked for that can't be drawn.
        RunError: there is no run, it is damaged or of another kind.
    """
    if command.plot:
        check_figure_path(command.plot)
    runs = {name: open_run(name) for name in command.runs}
    for run in runs.values():
        run.experiment(kind)
    return runs


def show(
    command: AnalysisCommand,
    found: Mapping[str, ExposureBias | MultiStepScores | GradientFlow],
    table: str,
    figure: Callable[[], Any],
) -> None:
    """Draws what was found, if that is asked for, and prints it as JSON or as a table."""
    if command.plot:
        save_figure(figure(), command.plot)
    if command.json:
        print_json({name: each.as_dict() for name, each in found.items()})
    else:
        print(table)


def tables(found: Mapping[str, ExposureBias | MultiStepScores]) -> str:
    """Returns a table for each run, under its name."""
    return "\n".join(f"{run}\n{each.as_table()}\n" for run, each in found.items())


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

    return measure_exposure_bias(
        translator.model,
        source_ids(run, translator, sources),
        translator.target.encode(references),
        translator.device,
        max_length=max_length,
    )


def sampled_lines(
    run: str,
    translator: Translator,
    sources: Sequence[str],
    references: Sequence[str],
    command: Expose,
) -> Iterator[str]:
    """Yields what scheduled sampling shows the decoder of a run, step by step, for each sentence.

    The own tokens are the most probable ones.
    """
    from seq2seq.config.training import SamplingSettings
    from seq2seq.data.batching import make_batch
    from seq2seq.training.shown_tokens import history_lines, translation_history

    sources, references = sources[: command.show], references[: command.show]
    ids = source_ids(run, translator, sources)
    batch = make_batch(ids, translator.target.encode(references))
    return history_lines(
        translation_history(translator.model, translator.target.vocab, batch),
        {f"rate {command.rate}": command.rate},
        SamplingSettings(method="steps"),
        rows=len(sources),
        sources=sources,
        width=shutil.get_terminal_size((100, 24)).columns,
    )


def source_ids(run: str, translator: Translator, sources: Sequence[str]) -> list[list[int]]:
    """Returns the ids of sources, cut with a warning where a run's translator cuts them."""
    from seq2seq.translation.engine import LongSentenceWarning

    limit = translator.settings.max_source_length
    encoded = translator.source.encode(sources)
    if long := sum(len(ids) > limit for ids in encoded):
        warnings.warn(
            f"{run}: {long:,} of {len(encoded):,} sentences have more than {limit:,} source "
            f"tokens; the first {limit:,} are read (max_source_length)",
            LongSentenceWarning,
            stacklevel=2,
        )
    return [ids[:limit] for ids in encoded]
