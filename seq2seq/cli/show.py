"""``seq2seq show``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from seq2seq.cli.config_file import OF_THE_RUN, program, toml_line, toml_lines
from seq2seq.cli.options import RunArgument, open_run, parse_command
from seq2seq.config.base import flatten, to_dict
from seq2seq.config.experiment import BaseExperiment, Experiment
from seq2seq.config.language_model import LanguageExperiment, NGramExperiment
from seq2seq.config.wording import counted
from seq2seq.errors import RunError
from seq2seq.training.preflight import TRAIN_COMMANDS

if TYPE_CHECKING:
    from seq2seq.runs.run import Run

Row: TypeAlias = tuple[str, str]
"""A name, and what is said of it."""
EXPERIMENTS: dict[str, type[BaseExperiment]] = {
    each.KIND: each for each in (Experiment, LanguageExperiment, NGramExperiment)
}


@dataclass(frozen=True)
class Show:
    """Show what a run is; or print its settings as a file for --config.

    seq2seq show runs/mine

    seq2seq show runs/mine --toml > mine.toml
    """

    run: RunArgument
    """The run directory, of any kind of model."""
    toml: bool = False
    """Print all settings as TOML, each with what it means."""


def show_command(arguments: list[str]) -> None:
    """Show what a run is, or print its settings as a file for --config."""
    command = parse_command(Show, arguments, "seq2seq show")
    run = open_run(command.run)
    experiment = run.experiment(EXPERIMENTS[run.kind])
    if command.toml:
        print("\n".join(file_lines(run, experiment)))
        return
    sections = {
        f"{command.run}: {run.kind}": aligned([*about_rows(run), *origin_rows(run)]),
        "Settings (other than the default)": (
            f"{toml_line(name, value)}  (default: {default})"
            for name, value, default in changed_settings(experiment)
        ),
        "Options of the recipe": (toml_line(*each) for each in run.metadata["recipe"].items()),
        "Text": aligned(text_rows(run)),
        "Vocabularies": aligned(vocabulary_rows(run)),
        "Model": model_lines(run),
        "Best validation": aligned(best_rows(run)),
    }
    for title, lines in sections.items():
        if shown := list(lines):
            print(title, *(f"  {line}" for line in shown), "", sep="\n")


def file_lines(run: Run, experiment: BaseExperiment) -> Iterator[str]:
    """Yields the lines of a file of all settings, a recipe's options among them."""
    recipe = run.metadata["recipe"]
    trains = program(run.metadata) if recipe else TRAIN_COMMANDS[run.kind][0]
    title = f"Settings of {run.directory.path}. A run like it: {trains} --config FILE --run DIR"
    yield f"# {' '.join(title.split())}"  # a name of several lines would be read as settings
    yield ""
    yield from toml_lines(experiment)
    if recipe:
        yield from ("", "[recipe]", *(toml_line(*each) for each in recipe.items()))


def aligned(rows: Iterable[Row]) -> Iterator[str]:
    """Yields names and what is said of them as lines of two columns."""
    for name, value in rows:
        yield f"{name:22} {value}"


def about_rows(run: Run) -> Iterator[Row]:
    """Yields what is said of a model."""
    if run.kind == Experiment.KIND:
        from seq2seq.export.about import about_run

        for name, value in to_dict(about_run(run)).items():
            if value:
                yield name.replace("_", " "), str(value)


def origin_rows(run: Run) -> Iterator[Row]:
    """Yields how a model came to be."""
    begun, continued = run.metadata["begun"], len(run.metadata["continued"])
    yield "begun by", shlex.join(map(str, begun.get("command", ())))
    yield "with", f"seq2seq {begun.get('versions', {}).get('seq2seq', 'of unknown version')}"
    if continued:
        yield "continued", f"{counted(continued, 'time')}"


def changed_settings(experiment: BaseExperiment) -> Iterator[tuple[str, Any, str]]:
    """Yields each setting that is not as by default: its name, its value, and the default."""
    usual = flatten(to_dict(type(experiment)()))
    for name, value in flatten(to_dict(experiment)).items():
        if value != usual[name] and name.partition(".")[0] not in OF_THE_RUN:
            default = "not set" if usual[name] is None else toml_line("", usual[name])[3:]
            yield name, value, default


def text_rows(run: Run) -> Iterator[Row]:
    """Yields how much text a run has learnt from, by part."""
    for name, part in run.metadata["text"].items():
        read = "" if part["read"] == part["lines"] else f", of {part['read']:,} that were read"
        yield name, f"{counted(part['lines'], 'line')}{read}"


def vocabulary_rows(run: Run) -> Iterator[Row]:
    """Yields the size of each vocabulary."""
    from seq2seq.runs.directory import SIDES, TEXT_SIDE

    for side in SIDES if run.kind == Experiment.KIND else (TEXT_SIDE,):
        yield side, f"{len(run.pipeline(side).vocab):,} tokens"


def model_lines(run: Run) -> Iterator[str]:
    """Yields how large a model is, or that there is none yet."""
    try:
        yield from aligned(size_rows(run))
    except RunError as error:
        yield str(error)


def size_rows(run: Run) -> Iterator[Row]:
    """Yields how large a model is; RunError if there is none yet."""
    if run.kind == NGramExperiment.KIND:
        from seq2seq.language_modeling.loading import load_ngrams

        for length, size in enumerate(load_ngrams(run).network.sizes, 1):
            yield f"{length}-grams", f"{size:,}"
        return
    from seq2seq.training.dry_run import count_weights

    yield "weights", f"{count_weights(load_network(run)):,}"


def load_network(run: Run) -> Any:
    """Loads the module of a run with its best weights; RunError if they are not there."""
    if run.kind == Experiment.KIND:
        from seq2seq.translation.loading import load_runs

        return load_runs([run]).model
    from seq2seq.language_modeling import loading

    return loading.load_network(run).network


def best_rows(run: Run) -> Iterator[Row]:
    """Yields the scores of the validation that chose the weights."""
    if not run.directory.metrics.is_file():
        return
    from seq2seq.plotting.learning_curves import read_metrics

    best = [row for row in read_metrics(run.directory.metrics) if row.get("best")]
    for name, value in best[-1].items() if best else ():
        if isinstance(value, int | float) and name not in ("best", "seconds"):
            yield name, f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"
